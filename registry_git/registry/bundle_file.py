"""The file that crosses the gap: a tar archive of a list of contents, a git bundle, and files by their digests.

    contents.json                      what this is: references, what it builds on, artifacts
    registry.bundle                    the objects, as git writes them; not there when there are none
    artifacts/sha256/<2 hex>/<62 hex>/…  the files of versions

Anybody can look into it with tar and git. Who takes it in trusts nothing of it: only plain files of these names are
read, no more than is allowed, and no more than there is room for.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, cast

from registry_git.core.errors import Corrupt, Invalid, NotFound, Unavailable
from registry_git.gitstore.disk import explained

FORMAT = "registry-git bundle 1"
_CONTENTS, _OBJECTS, _ARTIFACTS = "contents.json", "registry.bundle", "artifacts"
BYTES_MAX = 16 * 10**9  # of a bundle that is taken without a word
_CONTENTS_MAX = 16 << 20  # bytes
_HEADER_MAX = 64 << 10  # bytes of a long name: tarfile reads it into memory, whatever its size
_MEMBERS_MAX = 1_000_000
_OID = re.compile(r"[0-9a-f]{40}")
_DIGEST = re.compile(r"sha256:([0-9a-f]{2})([0-9a-f]{62})")
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """The files of a version that are in the bundle."""

    model: str
    version: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a bundle holds: `refs` are branches by full name, `since` the commits that it builds on."""

    registry: str
    refs: Mapping[str, str]
    since: tuple[str, ...]
    artifacts: tuple[Artifact, ...] = ()


def write_file(target: Path, contents: Contents, objects: Path | None, trees: Mapping[str, Path]) -> None:
    """Writes the file, whole or not at all. `trees` are the directories of artifacts, by digest.

    Raises:
        NotFound: there is no such directory; Unavailable: the disk does not take it; what was there stays.
    """
    if not target.parent.is_dir():
        raise NotFound(f"There is no directory {target.parent}.", hint="Make it first, or name another file.")
    value = {
        "format": FORMAT,
        "registry": contents.registry,
        "refs": dict(sorted(contents.refs.items())),
        "since": list(contents.since),
        "artifacts": [{"model": one.model, "version": one.version, "digest": one.digest} for one in contents.artifacts],
    }
    draft = target.with_name(f".{target.name}.partial")
    with explained(f"write {target}"):
        try:
            with tarfile.open(draft, "w", format=tarfile.PAX_FORMAT) as archive:
                data = (json.dumps(value, indent=2) + "\n").encode()
                head = tarfile.TarInfo(_CONTENTS)
                head.size = len(data)
                archive.addfile(head, io.BytesIO(data))
                if objects is not None:
                    archive.add(objects, _OBJECTS, recursive=False, filter=_plain)
                for digest, tree in sorted(trees.items()):
                    for path in sorted(tree.rglob("*")):
                        if path.is_file():
                            name = f"{_directory(digest)}/{path.relative_to(tree).as_posix()}"
                            archive.add(path, name, recursive=False, filter=_plain)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)


def read_file(source: Path, into: Path, *, max_bytes: int = BYTES_MAX) -> tuple[Contents, Path | None, dict[str, Path]]:
    """What a file holds, unpacked into the empty directory `into`: contents, git bundle, and artifacts by digest.

    Raises:
        NotFound: there is no such file; Invalid: it has more than `max_bytes`.
        Corrupt: it is no bundle, or holds what no bundle does; Unavailable: there is no room for it.
    """
    if not source.is_file():
        raise NotFound(f"There is no file {source}.", hint="Name what `bundle create` made on the other side.")
    _require_room(source, into, max_bytes)
    contents: Contents | None = None
    objects: Path | None = None
    trees: dict[str, Path] = {}
    seen: set[str] = set()
    with explained(f"read {source}"):
        try:
            with tarfile.open(source, "r:", tarinfo=_Header) as archive:
                while (member := archive.next()) is not None:
                    cast("Any", archive).members.clear()  # or it would remember them all
                    if (
                        not member.isreg() or member.issparse() or member.name in seen
                    ):  # sparse: a few bytes fill a disk
                        raise _foreign(member.name)
                    seen.add(member.name)
                    if len(seen) > _MEMBERS_MAX:
                        raise Corrupt(f"The bundle holds more than {_MEMBERS_MAX:,} files.", hint="Do not use it.")
                    if contents is None:
                        if member.name != _CONTENTS or member.size > _CONTENTS_MAX:
                            raise _foreign(member.name)
                        contents = _parsed(_all_of(archive, member))
                        trees = {one.digest: into / _directory(one.digest) for one in contents.artifacts}
                    elif member.name == _OBJECTS:
                        objects = into / _OBJECTS
                        _copy(archive, member, objects)
                    else:
                        _copy(archive, member, into / _checked(member.name, trees))
        except tarfile.TarError as problem:
            raise Corrupt(f"{source} is no bundle: {problem}.", hint="Have it made again.") from None
    if contents is None:
        raise Corrupt(f"{source} is empty.", hint="Have it made again.")
    return contents, objects, trees


class _Header(tarfile.TarInfo):
    """A header that has the size of one."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        """As tarfile reads it. Raises: Corrupt."""
        found = super().frombuf(buf, encoding, errors)
        if found.type not in tarfile.REGULAR_TYPES and found.size > _HEADER_MAX:
            raise _foreign(found.name)
        return found


def _require_room(source: Path, into: Path, max_bytes: int) -> None:
    """Returns when a file may be unpacked: it is not compressed, so it takes the space that it has.

    Raises:
        Invalid, Unavailable.
    """
    with explained(f"read {source}"):
        size, free = source.stat().st_size, shutil.disk_usage(into).free
    if size > max_bytes:
        raise Invalid(
            f"{source} has {said_size(size)}, and no more than {said_size(max_bytes)} are taken.",
            hint=f"If it should be that large, allow it with --max-size {size // 10**9 + 1}G.",
        )
    if size > free:
        raise Unavailable(
            f"{source} has {said_size(size)}, and there are {said_size(free)} free in {into.parent} to unpack it.",
            hint="Free some space, or set TMPDIR to a directory where there is more.",
        )


def said_size(size: int) -> str:
    """A number of bytes for people, as `1.5 GB`."""
    for power, unit in ((12, "TB"), (9, "GB"), (6, "MB"), (3, "kB")):
        if size >= 10**power:
            return f"{size / 10**power:.3g} {unit}"
    return f"{size} bytes"


def parse_refs(value: Any) -> dict[str, str]:
    """Branches by full name, out of parsed JSON. Raises: Corrupt."""
    if not isinstance(value, dict) or not all(
        isinstance(oid, str) and _OID.fullmatch(oid) and name.startswith("refs/heads/") for name, oid in value.items()
    ):
        raise Corrupt("Its references are not branches with commits.", path=_CONTENTS, hint="Have it made again.")
    return value


def _parsed(data: bytes) -> Contents:
    try:
        value = json.loads(data)
        if value["format"] != FORMAT:
            raise Corrupt(
                f"It says {str(value['format'])[:60]!r}; this program knows {FORMAT!r}.",
                path=_CONTENTS,
                hint="Use the program that made it.",
            )
        since = value["since"]
        artifacts = tuple(
            Artifact(model=str(one["model"]), version=int(one["version"]), digest=str(one["digest"]))
            for one in value["artifacts"]
        )
        registry = str(value["registry"])
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        raise Corrupt("It does not say what the bundle holds.", path=_CONTENTS, hint="Have it made again.") from None
    whole = isinstance(since, list) and all(isinstance(oid, str) and _OID.fullmatch(oid) for oid in since)
    if not whole or not all(_DIGEST.fullmatch(one.digest) for one in artifacts):
        raise Corrupt("It names no commits or digests.", path=_CONTENTS, hint="Have it made again.")
    return Contents(registry=registry, refs=parse_refs(value.get("refs")), since=tuple(since), artifacts=artifacts)


def _checked(name: str, trees: Mapping[str, Path]) -> PurePosixPath:
    """The path of an artifact's file, within the tree of a digest that the contents name. Raises: Corrupt."""
    path = PurePosixPath(name)
    known = {_directory(digest) for digest in trees}
    inside = "/".join(path.parts[:4]) in known and len(path.parts) > 4
    if not inside or ".." in path.parts or path.is_absolute() or str(path) != name or "\0" in name:
        raise _foreign(name)
    return path


def _directory(digest: str) -> str:
    found = _DIGEST.fullmatch(digest)
    assert found is not None  # noqa: S101 - for the type checker: digests were parsed at the door
    return f"{_ARTIFACTS}/sha256/{found[1]}/{found[2]}"


def _all_of(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(member)
    return stream.read() if stream is not None else b""


def _copy(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    stream = archive.extractfile(member)
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file:
        while stream is not None and (block := stream.read(_BLOCK)):
            file.write(block)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """The member without what says whose machine it came from."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o644
    return member


def _foreign(name: str) -> Corrupt:
    return Corrupt(f"The bundle holds {name[:200]!r}, which no bundle does.", hint="Do not use it; have it made again.")
