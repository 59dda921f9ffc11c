"""References and their objects as a git bundle, and taken from one: first beside the repository, to be judged."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from registry_git.core.errors import Conflict, Corrupt, Invalid
from registry_git.gitstore import disk
from registry_git.gitstore.lock import OWN_DIRECTORY
from registry_git.gitstore.porcelain import GitFailed, Porcelain
from registry_git.gitstore.refnames import check_ref_name
from registry_git.gitstore.repository import Repository

MISSING = "Apply the bundles before it first, or have one made for the state here: registry-git bundle state"
_ARRIVED = "refs/incoming/"
_KNOWN = "refs/known/"
# the pack is kept as it comes, so that it can be moved over in one step; and git looks into every object
_FETCH = ("fetch.unpackLimit=1", "fetch.fsckObjects=true", "transfer.fsckObjects=true")
# A few bytes of a bundle can become any number of bytes. So no object is too large to be looked into as a whole, and
# git refuses to take that much memory at once; a registry's files are small.
_OBJECT_MAX = 512 << 20  # bytes
_WHOLE = ("core.bigFileThreshold=1024g",)
_BOUNDED = {"GIT_ALLOC_LIMIT": str(_OBJECT_MAX)}


def write_bundle(repository: Repository, file: Path, refs: Mapping[str, str], *, without: Sequence[str]) -> bool:
    """Writes a git bundle of `refs` (branches, name to commit) that lacks what the commits `without` reach.

    It is False, and there is no file, when nothing is left.

    Raises:
        Unavailable: git fails, or the disk does.
    """
    with tempfile.TemporaryDirectory(prefix="registry-git-") as folder:
        scratch = _scratch(Path(folder) / "out.git", repository.objects_dir)
        lines = [f"{oid} {check_ref_name(name)}\n" for name, oid in sorted(refs.items())]
        with disk.explained("write the bundle"):
            (scratch / "packed-refs").write_text("# pack-refs with: sorted \n" + "".join(lines))
        status, _, stderr = Porcelain(scratch).run(
            "bundle", "create", "--quiet", str(file), "--branches", *(f"^{oid}" for oid in without), ok=range(256)
        )
    if status and "empty bundle" in stderr:
        return False
    if status:
        raise GitFailed("bundle", status, stderr)
    return True


class Incoming:
    """`with Incoming(repository, file) as incoming:` has the objects of a bundle beside the repository, to be read.

    `heads` are the references that the file names, by their commits. `file` may be None, for one without objects.

    Raises:
        Conflict: on entry; the repository lacks commits that the bundle builds on.
        Corrupt: on entry; it is no bundle, or holds objects that git refuses.
        Unavailable: on entry; the disk is full.
    """

    def __init__(self, repository: Repository, file: Path | None) -> None:
        self._repository = repository
        self._file = file
        self.heads: dict[str, str] = {}
        self._folder: Path | None = None

    def __enter__(self) -> Incoming:
        own = self._repository.git_dir / OWN_DIRECTORY
        with disk.explained("take the bundle"):
            disk.make_directory(own, like=self._repository.git_dir)
            self._folder = Path(tempfile.mkdtemp(prefix="incoming-", dir=own))
        try:
            scratch = _scratch(self._folder / "in.git", self._repository.objects_dir)
            if self._file is not None:
                self._take(scratch, self._file)
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        self._objects = scratch / "objects"
        self._repository.borrow(self._objects)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._repository.give_back(self._objects)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def keep(self) -> None:
        """Moves the objects into the repository. On return they are on disk.

        Raises:
            Unavailable: nothing names what came by then.
        """
        arrived = sorted((self._objects / "pack").iterdir(), key=lambda path: path.suffix == ".idx")
        target = self._repository.objects_dir / "pack"
        with disk.explained("write to the registry"):
            target.mkdir(exist_ok=True)
            for path in arrived:  # the index comes last: with it git sees the pack
                with path.open("rb") as file:
                    disk.sync(file.fileno())
                os.replace(path, target / path.name)
                disk.sync_directory(target)
            disk.sync_directory(self._repository.objects_dir)

    def _take(self, scratch: Path, file: Path) -> None:
        git = Porcelain(scratch)
        # what the bundle builds on must be reachable from a reference
        here = sorted(set(self._repository.refs("refs/heads/").values()))
        lines = [f"{oid} {_KNOWN}{number:08d}\n" for number, oid in enumerate(here)]
        with disk.explained("take the bundle"):
            (scratch / "packed-refs").write_text("# pack-refs with: sorted \n" + "".join(lines))
        status, out, stderr = git.run("bundle", "list-heads", str(file), ok=range(256))
        if status:
            raise _no_bundle(stderr)
        for line in out.splitlines():
            oid, _, name = line.partition(" ")
            self.heads[name] = oid
        status, _, stderr = git.run("bundle", "verify", str(file), ok=range(256))
        if status and "prerequisite" in stderr:
            raise Conflict(
                "This registry lacks commits that the bundle builds on.",
                hint=MISSING,
            )
        if status:
            raise _no_bundle(stderr)
        status, _, stderr = git.run(
            *("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance"),
            *(str(file), f"+refs/*:{_ARRIVED}*"),
            config=(*_FETCH, *_WHOLE),
            extra=_BOUNDED,
            ok=range(256),
        )
        if status:
            raise _no_bundle(stderr)
        for pack in sorted((scratch / "objects" / "pack").glob("*.pack")):
            # not every git looks into the objects of a bundle when it fetches
            index = scratch / "strict.idx"
            status, _, stderr = git.run(
                "index-pack", "--strict", "-o", str(index), str(pack), config=_WHOLE, extra=_BOUNDED, ok=range(256)
            )
            disk.remove_quietly(index)
            disk.remove_quietly(index.with_suffix(".rev"))
            if status:
                raise _no_bundle(stderr)


def _scratch(path: Path, objects: Path) -> Path:
    """A new bare repository that sees the objects of another one."""
    Porcelain(None).run("init", "--quiet", "--bare", "--initial-branch=main", "--template=", "--", str(path))
    with disk.explained("make a repository for the bundle"):
        (path / "objects" / "info").mkdir(exist_ok=True)
        (path / "objects" / "info" / "alternates").write_text(f"{objects}\n")
    return path


def _no_bundle(stderr: str) -> Corrupt:
    if "attempting to allocate" in stderr:
        said = (
            f"What the bundle holds takes more than {_OBJECT_MAX >> 20} MiB at once, and a registry's files are small."
        )
        return Corrupt(said, hint="Do not use it.")
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    said = next((line for line in lines if line.startswith(("error:", "fatal:"))), lines[0] if lines else "no reason")
    return Corrupt(f"Git refuses the bundle: {said.partition(': ')[2] or said}.", hint="Have it made again.")


def require_branches(heads: Mapping[str, str]) -> None:
    """Returns when all references are branches. Raises: Invalid."""
    for name in heads:
        if not name.startswith("refs/heads/"):
            raise Invalid(f"The bundle holds the reference {name}.", hint="A registry's bundle holds branches alone.")
