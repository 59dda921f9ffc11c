"""The pictures that documents show are there, small enough to load, and none lies about unused."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LARGEST = 120_000  # bytes


def test_every_picture_of_a_document_is_there_and_small_and_every_one_is_shown() -> None:
    shown = {
        (document.parent / target).resolve()
        for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*.md")]
        for target in re.findall(r"!\[[^\]]+\]\(((?!https?:)[^)]+)\)", document.read_text(encoding="utf-8"))
    }
    assert shown == {file.resolve() for file in ROOT.glob("docs/images/**/*") if file.is_file()}
    for file in shown:
        assert file.read_bytes().startswith(b"\x89PNG"), file
        assert file.stat().st_size < LARGEST, file
