"""Every figure that registry-git promises, measured here and now. `--write` puts them into docs/performance.md."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import commands
import in_process
import page
import writers
from measure import Figure, ground, machine
from registries import make

_ROOT = Path(__file__).parents[1]
_START, _END = "<!-- figures: written by `make bench ARGS=--write` -->", "<!-- end of figures -->"


def main() -> None:
    """Measures, prints, and where it was asked to, writes."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="registry-git-bench-", dir=options.dir) as folder:
        work = Path(folder)
        sections = _measure(work, options)
        about = machine(work)
    page.show(sections, about)
    if options.write:
        page.put(_START, _END, sections, about)


def _measure(work: Path, options: argparse.Namespace) -> dict[str, list[Figure]]:
    quick = options.quick
    _say("making a registry of 1,000 models with 10 versions each, one of them in Production")
    models = in_process.MODELS
    place = make(work / "registry.git", models=models, versions=in_process.VERSIONS, staged=True)
    parts: dict[str, Callable[[], list[Figure]]] = {
        "The machine, for comparison": lambda: ground(work, 30 if quick else 200),
        "Point reads in process, 1,000 models with 10 versions": lambda: in_process.point_reads(place, 200),
        "Cold processes, the same registry": lambda: commands.cold(place, 5 if quick else 25),
        "Durable writes, the same registry": lambda: in_process.durable_writes(place, 20 if quick else 100),
        "Batches, the same registry, durable": lambda: in_process.batches(place, work, 1 if quick else 7),
        "The index, the same registry": lambda: in_process.index(place, 1 if quick else 5),
        "Lists, the same registry": lambda: in_process.lists(place, work, 3 if quick else 11),
        "Writers at once": lambda: writers.together(work),
        "Layouts": lambda: in_process.layouts(work, 10 if quick else 60),
    }
    if not options.no_gto:
        parts["Beside gto, 1,000 versions of one model"] = lambda: commands.against_gto(
            work, options.gto_venv, 1 if quick else 3
        )
    sections = {}
    for title, part in parts.items():
        _say(title)
        sections[title] = part()
    return sections


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the figures into docs/performance.md")
    parser.add_argument("--quick", action="store_true", help="fewer runs: to see that it works")
    parser.add_argument("--no-gto", action="store_true", help="leave out the comparison, which installs gto")
    parser.add_argument("--gto-venv", type=Path, default=_ROOT / ".venv-gto", help="where gto is, or is to be")
    parser.add_argument("--dir", type=Path, help="where registries are made (default: the temporary directory)")
    return parser.parse_args()


def _say(what: str) -> None:
    print(f"… {what}", flush=True)


if __name__ == "__main__":
    main()
