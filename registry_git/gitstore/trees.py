"""Git trees as bytes: reading, and comparing by id without descending where ids are equal."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from registry_git.core.errors import Corrupt
from registry_git.gitstore.delta import common_start

FILE = b"100644"
DIRECTORY = b"40000"
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

Entries: TypeAlias = dict[bytes, tuple[bytes, str]]
ReadTree: TypeAlias = Callable[[str], bytes]
_ENTRY = re.compile(rb"([0-7]+) ([^\0]+)\0(.{20})", re.DOTALL)
_WHOLE_ENTRY = re.compile(rb"[0-7]+ [^\0]+\0.{20}", re.DOTALL)
_WHOLE_ENTRIES = re.compile(rb"(?:[0-7]+ [^\0]+\0.{20})*", re.DOTALL)
_LARGE = 1_000  # bytes of a tree from which it is worth to look where two begin to differ


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """A file that differs between two trees. Ids are None where the file is not there.

    `mode` is the mode that it has after the change (before it, when it is gone), `mode_before` the one before it (after
    it, when it is new): `100644` for every file of a registry.
    """

    path: str
    before: str | None
    after: str | None
    mode: str = "100644"
    mode_before: str = "100644"


def parse_tree(data: bytes) -> Entries:
    """The entries of a serialised tree: name to (mode, id)."""
    return {name: (mode, raw.hex()) for mode, name, raw in _ENTRY.findall(data)}


def compare_trees(before: str, after: str, *, read: ReadTree, prefix: str = "") -> Iterator[FileChange]:
    """The files that differ, by path. Subtrees with equal ids are not read."""
    if before == after:
        return
    # of a thousand entries one or two differ: only these are taken apart
    left, right = (frozenset(_WHOLE_ENTRY.findall(part)) for part in _apart(read(before), read(after)))
    old, new = parse_tree(b"".join(left - right)), parse_tree(b"".join(right - left))
    for name in sorted({*old, *new}):
        was, now = old.get(name), new.get(name)
        if was == now:
            continue
        path = prefix + entry_name(name)
        was_tree = was[1] if was and was[0] == DIRECTORY else EMPTY_TREE
        now_tree = now[1] if now and now[0] == DIRECTORY else EMPTY_TREE
        was_blob = was if was and was[0] != DIRECTORY else None
        now_blob = now if now and now[0] != DIRECTORY else None
        if was_blob or now_blob:
            yield FileChange(
                path=path,
                before=was_blob[1] if was_blob else None,
                after=now_blob[1] if now_blob else None,
                mode=(now_blob or was_blob or (FILE, ""))[0].decode(),
                mode_before=(was_blob or now_blob or (FILE, ""))[0].decode(),
            )
        yield from compare_trees(was_tree, now_tree, read=read, prefix=path + "/")


def _apart(before: bytes, after: bytes) -> tuple[bytes, bytes]:
    """Parts of two trees with all the entries that differ: of large ones that differ in one entry, this entry alone."""
    if min(len(before), len(after)) < _LARGE:
        return before, after
    alike = _WHOLE_ENTRIES.match(before, 0, common_start(before, after))
    at = alike.end() if alike else 0
    ends = [(found.end() if (found := _WHOLE_ENTRY.match(tree, at)) else at) for tree in (before, after)]
    for left in (ends[0], at):
        for right in (ends[1], at):
            if before[left:] == after[right:]:
                return before[at:left], after[at:right]
    return before[at:], after[at:]


def list_files(tree: str, *, read: ReadTree, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Every file below a tree as (path, mode, id), by path."""
    for name, (mode, oid) in parse_tree(read(tree)).items():
        path = prefix + entry_name(name)
        if mode == DIRECTORY:
            yield from list_files(oid, read=read, prefix=path + "/")
        else:
            yield path, mode.decode(), oid


def require_directory(mode: str, path: str) -> None:
    """Returns when the entry with this mode is a directory. Raises: Corrupt."""
    if mode != DIRECTORY.decode():
        raise Corrupt(
            f"It has the mode {mode}, so it is no directory.", path=path, hint="Replace it by a directory of files."
        )


def entry_name(name: bytes) -> str:
    """The name of a tree's entry as text. Raises: Corrupt."""
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        raise Corrupt(
            f"The tree holds a name that is not UTF-8: {name!r}.",
            hint="Remove it with plain git; no registry writes it.",
        ) from None
