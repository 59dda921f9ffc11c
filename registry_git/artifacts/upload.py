"""Copies a tree below a base location under its digest, so that equal trees are stored once.

The files go to `<base>/sha256/<first 2 hex digits>/<the other 62>/`. On this machine a copy is made under a hidden
name, synced, read again, and renamed: the directory is there whole or not at all. Object stores cannot rename, so
there the lines of the digest (see `digest`) are written last, as `<the other 62>.complete` beside the directory: a
tree without that object, or whose names and sizes differ from its lines, is not taken for complete but written again.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

from registry_git.artifacts.copies import local_writer, remote_writer, sync_directories, sync_directory, unfinished
from registry_git.artifacts.digest import PREFIX, Manifest, TreeDigest, read_tree, tree_digest
from registry_git.artifacts.location import Local, Remote, connect, parse_location, unreadable, writing
from registry_git.artifacts.tree import Tree, open_tree
from registry_git.core.errors import Conflict, Corrupt, Invalid, NotFound

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploaded:
    """Where a tree is stored now, as the source of a version (the file itself when it is only one), and its digest."""

    location: str
    digest: TreeDigest


def upload(source: str, base: str, *, progress: Progress | None = None) -> Uploaded:
    """Stores a copy of the source below `base`, or finds the copy that is there, and verifies it by reading it.

    Args:
        source: a path, a `file://` URL, or a URL of an installed fsspec driver.
        base: a directory or URL that can be written to; made when it is missing.
        progress: told the number of bytes after each block; every byte is read for the digest, copied, and read
            again, so three times.

    Raises:
        NotFound: nothing is at the source.
        Conflict: the source changed meanwhile.
        Corrupt: what is stored under the digest is something else.
        Invalid: source or base name no files, `base` cannot be written to, or the source holds links that leave it.
        Unavailable: no driver, or it cannot be read or written now.
    """
    target = parse_location(base)
    if target is None or (isinstance(target, Remote) and target.is_http):
        raise Invalid(f"Nothing can be stored at {base!r}.", hint="Give a directory, or the URL of an object store.")
    tree = open_tree(source)
    if tree is None:
        raise unreadable(source)
    _refuse_within(source, target)
    manifest = read_tree(tree, progress=progress)
    if isinstance(target, Local):
        location = _store_here(tree, manifest, target, progress)
    else:
        location = _store_there(tree, manifest, target, progress)
    if tree.single:
        name = tree.files[0].name
        as_url = isinstance(target, Local) and target.url
        location += "/" + (quote_from_bytes(name) if as_url else os.fsdecode(name))
    return Uploaded(location=location, digest=manifest.digest)


def _refuse_within(source: str, target: Local | Remote) -> None:
    here = parse_location(source)
    if isinstance(here, Local) and isinstance(target, Local):
        root, base = os.path.realpath(here.path), os.path.realpath(target.path)
        if os.path.isdir(root) and os.path.commonpath([root, base]) == root:
            raise Invalid("The copies would be stored within the source.", hint="Choose a base outside of it.")


def _below(manifest: Manifest) -> str:
    hexadecimal = manifest.digest.digest[len(PREFIX) :]
    return f"sha256/{hexadecimal[:2]}/{hexadecimal[2:]}"


def _store_here(tree: Tree, manifest: Manifest, target: Local, progress: Progress | None) -> str:
    base = Path(os.fsdecode(os.path.abspath(target.path)))
    final = base / _below(manifest)
    with writing(str(base)):
        is_there = final.exists()
        missing = [path for path in (base, *base.parents) if not path.exists()]
    if is_there:
        _verify(str(final), manifest, progress)
    else:
        with unfinished(final.parent, final.name) as partial:
            copied = read_tree(tree, progress=progress, copy_to=local_writer(partial, durable=True))
            _same_source(copied, manifest)
            sync_directories(partial)
            _verify(str(partial), manifest, progress)
            with writing(str(final)):
                try:
                    os.rename(partial, final)
                except OSError as problem:
                    # somebody else stored the same tree meanwhile: theirs is verified like any that was there
                    if problem.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                        raise
                    _verify(str(final), manifest, None)
            for directory in (final.parent, final.parent.parent, base, *(path.parent for path in missing)):
                sync_directory(directory)
    return Local(path=os.fsencode(final), url=target.url).text()


def _store_there(tree: Tree, manifest: Manifest, target: Remote, progress: Progress | None) -> str:
    files = connect(target)
    if files is None:
        raise unreadable(target.url)
    if not tree.files:
        raise Invalid("The source holds no files.", hint="Object stores keep no empty directories; add a file.")
    location = f"{target.url.rstrip('/')}/{_below(manifest)}"
    path = files._strip_protocol(location)
    if not _is_complete(files, location, path, manifest):
        copied = read_tree(tree, progress=progress, copy_to=remote_writer(files, path))
        try:
            _same_source(copied, manifest)
            _verify(location, manifest, progress)
        except (Conflict, Corrupt):
            _unmark(files, path)
            raise
        with writing(location):
            files.pipe_file(path + ".complete", manifest.lines)
    return location


def _is_complete(files: Any, location: str, path: str, manifest: Manifest) -> bool:
    with writing(location):
        try:
            if files.cat_file(path + ".complete") != manifest.lines:
                return False
        except FileNotFoundError:
            return False
    try:
        tree = open_tree(location)
    except NotFound:
        return False
    expected = [line.split(b" ")[1:] for line in manifest.lines.splitlines()]
    return tree is not None and expected == [
        [b"%d" % (-1 if file.size is None else file.size), quote_from_bytes(file.name).encode("ascii")]
        for file in tree.files
    ]


def _unmark(files: Any, path: str) -> None:
    with writing(path):
        if files.exists(path + ".complete"):
            files.rm_file(path + ".complete")


def _same_source(copied: Manifest, manifest: Manifest) -> None:
    if copied.lines != manifest.lines:
        raise Conflict("The source changed while it was copied.", hint="Try again when nobody writes to it.")


def _verify(location: str, manifest: Manifest, progress: Progress | None) -> None:
    found = tree_digest(location, progress=progress)
    if found != manifest.digest:
        actual = found.digest if found else "unknown"
        raise Corrupt(
            f"What is stored at {location!r} has the digest {actual}, not {manifest.digest.digest}.",
            hint="Move it away, then upload again.",
        )
