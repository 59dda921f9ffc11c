"""Git trees as bytes: reading, editing along paths, and comparing by id without descending where ids are equal."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from registry_git.core.errors import Corrupt
from registry_git.gitstore.objects import Staging

FILE = b"100644"
DIRECTORY = b"40000"
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

Entries: TypeAlias = dict[bytes, tuple[bytes, str]]
ReadTree: TypeAlias = Callable[[str], bytes]
_ENTRY = re.compile(rb"([0-7]+) ([^\0]+)\0(.{20})", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """A file that differs between two trees. Ids are None where the file is not there.

    `mode` is the mode that it has after the change (before it, when it is gone): `100644` for every file of a registry.
    """

    path: str
    before: str | None
    after: str | None
    mode: str = "100644"


def parse_tree(data: bytes) -> Entries:
    """The entries of a serialised tree: name to (mode, id)."""
    return {name: (mode, raw.hex()) for mode, name, raw in _ENTRY.findall(data)}


def serialise(entries: Entries) -> bytes:
    """A tree as git stores it: entries sorted by name, directories as if their names ended in a slash."""
    order = sorted(entries.items(), key=lambda item: item[0] + b"/" if item[1][0] == DIRECTORY else item[0])
    return b"".join(b"%s %s\0%s" % (mode, name, bytes.fromhex(oid)) for name, (mode, oid) in order)


def edit_tree(
    root: str, edits: Mapping[str, str | None], *, read: ReadTree, staging: Staging, remembered: dict[str, Entries]
) -> str:
    """The id of `root` with files put (path to blob id) and removed (path to None); new trees go to `staging`.

    Directories that become empty vanish, as git has no empty directories. `remembered` keeps the entries of trees that
    were made here, so that a batch does not parse what it has just written; pass the same one along.
    """
    nested: dict[str, dict[str, str | None]] = {}
    entries = dict(remembered.get(root) or parse_tree(read(root)))
    for path, blob in edits.items():
        name, slash, rest = path.partition("/")
        if slash:
            nested.setdefault(name, {})[rest] = blob
        elif blob is None:
            entries.pop(name.encode(), None)
        else:
            entries[name.encode()] = (FILE, blob)
    for name, below in nested.items():
        known = entries.get(name.encode())
        child = known[1] if known is not None and known[0] == DIRECTORY else EMPTY_TREE
        after = edit_tree(child, below, read=read, staging=staging, remembered=remembered)
        if after == EMPTY_TREE:
            entries.pop(name.encode(), None)
        else:
            entries[name.encode()] = (DIRECTORY, after)
    if not entries:
        return EMPTY_TREE
    oid = staging.tree(serialise(entries), delta_base=root if root != EMPTY_TREE else None)
    remembered[oid] = entries
    return oid


def compare_trees(before: str, after: str, *, read: ReadTree, prefix: str = "") -> Iterator[FileChange]:
    """The files that differ, by path. Subtrees with equal ids are not read."""
    if before == after:
        return
    old, new = parse_tree(read(before)), parse_tree(read(after))
    for name in sorted({*old, *new}):
        was, now = old.get(name), new.get(name)
        if was == now:
            continue
        path = prefix + _text(name)
        was_tree = was[1] if was and was[0] == DIRECTORY else EMPTY_TREE
        now_tree = now[1] if now and now[0] == DIRECTORY else EMPTY_TREE
        was_blob = was if was and was[0] != DIRECTORY else None
        now_blob = now if now and now[0] != DIRECTORY else None
        if was_blob or now_blob:
            mode = (now_blob or was_blob or (FILE, ""))[0].decode()
            yield FileChange(
                path=path,
                before=was_blob[1] if was_blob else None,
                after=now_blob[1] if now_blob else None,
                mode=mode,
            )
        yield from compare_trees(was_tree, now_tree, read=read, prefix=path + "/")


def list_files(tree: str, *, read: ReadTree, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Every file below a tree as (path, mode, id), by path."""
    for name, (mode, oid) in parse_tree(read(tree)).items():
        path = prefix + _text(name)
        if mode == DIRECTORY:
            yield from list_files(oid, read=read, prefix=path + "/")
        else:
            yield path, mode.decode(), oid


def _text(name: bytes) -> str:
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        raise Corrupt(
            f"The tree holds a name that is not UTF-8: {name!r}.",
            hint="Remove it with plain git; no registry writes it.",
        ) from None
