r"""The digest of a tree of files.

For each regular file, in the order of the bytes of its path, there is one line:

    <sha256 of the content, hex> <size in bytes> <path>\n

The path is relative to the tree, with `/` between its parts, and percent-encoded but for `A-Z a-z 0-9 _ . - ~ /`.
The digest is `sha256:` and the sha256 of these lines. A location that is one file is a tree of that one file under
its own name. Hidden files count; empty directories, permissions and times do not; a link to a file within the tree
counts as that file.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import quote_from_bytes

from registry_git.artifacts.tree import Tree, open_tree

if TYPE_CHECKING:
    from registry_git.artifacts.copies import Writer

PREFIX = "sha256:"


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeDigest:
    """What a tree holds: `digest` as `sha256:<64 hex digits>`, the number of files, and of bytes in them."""

    digest: str
    files: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The lines that the digest is made of, and the digest."""

    lines: bytes
    digest: TreeDigest


def tree_digest(location: str, *, progress: Callable[[int], None] | None = None) -> TreeDigest | None:
    """The digest of the files at a location; None when it cannot be read at all (see `readable`).

    Args:
        location: a path, a `file://` URL, or a URL of an installed fsspec driver.
        progress: told the number of bytes after each block of at most 1 MiB.

    Raises:
        NotFound: nothing is there.
        Invalid: a link that leaves the tree, a link to a directory, a socket, pipe or device in it.
        Unavailable: it cannot be read now.
    """
    tree = open_tree(location)
    return None if tree is None else read_tree(tree, progress=progress).digest


def read_tree(
    tree: Tree,
    *,
    progress: Callable[[int], None] | None = None,
    copy_to: Writer | None = None,
) -> Manifest:
    """Reads every byte of a tree once, and writes it to what `copy_to` opens for each file, if given.

    Raises:
        NotFound, Invalid, Unavailable: as `tree_digest`, and what `copy_to` raises.
    """
    lines = []
    total = 0
    for file in tree.files:
        hashed = sha256()
        size = 0
        with copy_to(file) if copy_to else nullcontext() as copy:
            for block in file.blocks():
                hashed.update(block)
                size += len(block)
                if copy is not None:
                    copy.write(block)
                if progress is not None:
                    progress(len(block))
        lines.append(f"{hashed.hexdigest()} {size} {quote_from_bytes(file.name)}\n".encode("ascii"))
        total += size
    text = b"".join(lines)
    digest = TreeDigest(digest=PREFIX + sha256(text).hexdigest(), files=len(lines), bytes=total)
    return Manifest(lines=text, digest=digest)
