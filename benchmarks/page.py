"""Figures on the page docs/performance.md, between marks, so that each script writes its own."""

from __future__ import annotations

import time
from pathlib import Path

from measure import Figure, table

_ROOT = Path(__file__).parents[1]
PAGE = _ROOT / "docs" / "performance.md"


def missed(sections: dict[str, list[Figure]]) -> list[str]:
    """What was promised and not kept."""
    return [figure.what for figures in sections.values() for figure in figures if figure.verdict == "MISS"]


def show(sections: dict[str, list[Figure]], about: list[str]) -> None:
    """Prints all tables."""
    for title, figures in sections.items():
        print(f"\n{title}\n{table(figures)}")
    print("\n" + "\n".join(about))
    gone = missed(sections)
    print(f"\nMissed: {'; '.join(gone)}" if gone else "\nEvery promise was kept.")


def put(start: str, end: str, sections: dict[str, list[Figure]], about: list[str]) -> None:
    """Puts the tables between the lines `start` and `end` of the page."""
    text = PAGE.read_text(encoding="utf-8")
    before, after = text.partition(start)[0], text.partition(end)[2]
    lines = [start, "", f"Measured on {time.strftime('%Y-%m-%d', time.gmtime())}.", ""]
    lines += [f"- {line}" for line in about]
    for title, figures in sections.items():
        lines += ["", f"## {title}", "", table(figures, markdown=True)]
    lines += ["", f"**Missed in this run:** {'; '.join(missed(sections)) or 'nothing'}.", "", end]
    PAGE.write_text(before + "\n".join(lines) + after, encoding="utf-8")
    print(f"Written to {PAGE.relative_to(_ROOT)}.")
