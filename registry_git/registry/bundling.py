"""Registry state across an air gap: written to one file here, judged and taken over there, all of it or nothing."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from registry_git.core.errors import Conflict, Corrupt, Invalid, RegistryError
from registry_git.core.names import ModelName
from registry_git.core.uris import parse_reference
from registry_git.gitstore.bundles import MISSING, Incoming, require_branches, write_bundle
from registry_git.gitstore.history import first_parents
from registry_git.gitstore.refs import ReflogEntry
from registry_git.gitstore.remote import RefMove
from registry_git.gitstore.repository import MAIN, Repository
from registry_git.gitstore.snapshot import GitSnapshot
from registry_git.manifests.layout import parse_request_ref
from registry_git.registry.bundle_file import BYTES_MAX, Artifact, Contents, read_file, write_file
from registry_git.registry.past import find_commit
from registry_git.registry.request_views import has_landed
from registry_git.registry.resolving import resolve
from registry_git.registry.writes import Writes

Progress = Callable[[int], None]
ARTIFACTS_SETTING = "registry-git.artifacts"


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleView:
    """A bundle that was written: its file and size, the branches in it, what it builds on, and the artifacts."""

    file: str
    bytes: int
    commit: str
    refs: Mapping[str, str]
    since: tuple[str, ...]
    artifacts: tuple[Artifact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleMove:
    """A branch that a bundle moves from one commit (empty: it is new) to another."""

    branch: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """What a bundle changes, or has changed: `steps` are the subjects of the commits that `main` gets, oldest first.

    `changed` is False when all of it is here already. `artifacts` are those in the bundle, `stored` where they are now.
    """

    registry: str
    commit: str
    changed: bool
    moves: tuple[BundleMove, ...]
    steps: tuple[str, ...]
    artifacts: tuple[Artifact, ...]
    stored: tuple[str, ...] = ()


class Bundling(Writes):
    """The part of the registry that crosses air gaps."""

    def bundle_state(self) -> dict[str, str]:
        """What is here: `main` and the branches of open requests. A bundle that is made for it lacks that."""
        snapshot = self._store.snapshot()
        branches = self._store.request_branches()
        found = {name: tip for name, tip in branches.items() if not has_landed(snapshot, name)}
        return {MAIN: snapshot.commit, **found}

    def create_bundle(
        self,
        file: str | Path,
        *,
        since: str | None = None,
        state: Mapping[str, str] | None = None,
        artifacts: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> BundleView:
        """Writes `main`, the open requests, and files of versions into a file.

        Args:
            file: it is replaced when it is there.
            since: a commit of `main` or a date: what came up to then is left out.
            state: the `bundle_state` of the registry that it is for: what is there is left out.
            artifacts: versions, as `fraud/12`, whose files go along.
            progress: told the number of bytes of files that were read.

        Raises:
            Invalid: a version without digest, or both since and state; NotFound; Corrupt: files that are not the
            registered ones; Unavailable.
        """
        if since and state is not None:
            raise Invalid("The bundle is to begin at two places.", hint="Give a commit or a state.")
        refs = self.bundle_state()
        repository, target = self._store.repository, Path(file).absolute()
        without: list[str] = []
        if since:
            without = [find_commit(self._store, since)]
            if not repository.is_ancestor(without[0], refs[MAIN]):
                raise Invalid(f"{since} is no part of the history of main.", hint="Name a commit of main, or a date.")
        elif state is not None:
            # what the other side has and we do not know cannot be built on
            without = sorted({oid for oid in state.values() if repository.has(oid)})
        snapshot = GitSnapshot(repository, refs[MAIN])
        with tempfile.TemporaryDirectory(prefix="registry-git-") as folder:
            taken, trees = self._collect(snapshot, artifacts, Path(folder), progress)
            objects = Path(folder) / "objects"
            whole = write_bundle(repository, objects, refs, without=without)
            contents = Contents(
                registry=snapshot.policy().name, refs=refs, since=tuple(without), artifacts=tuple(taken)
            )
            write_file(target, contents, objects if whole else None, trees)
        return BundleView(
            file=str(target),
            bytes=target.stat().st_size,
            commit=refs[MAIN],
            refs=refs,
            since=tuple(without),
            artifacts=tuple(taken),
        )

    def verify_bundle(self, file: str | Path, *, by_policy: bool = True, max_bytes: int = BYTES_MAX) -> Transfer:
        """What applying a bundle would change here. Raises: as `apply_bundle`."""
        with self._opened(Path(file), by_policy=by_policy, max_bytes=max_bytes) as (_, transfer, _, _):
            return transfer

    def apply_bundle(
        self,
        file: str | Path,
        *,
        artifacts_to: str | None = None,
        by_policy: bool = True,
        max_bytes: int = BYTES_MAX,
        progress: Progress | None = None,
    ) -> Transfer:
        """Takes over what a bundle holds; a second time, or what is here already, changes nothing.

        Args:
            file: the bundle.
            artifacts_to: a directory (or URL) under which its artifacts are stored by their digests, and found by
                `download` from then on.
            by_policy: judge every step of `main` by the policy, as a push to a guarded repository is. Without it only
                the manifests and the form of what comes are checked.
            max_bytes: a larger file is refused before it is looked into; 16 GB unless said otherwise.
            progress: told the number of bytes of artifacts that were read.

        Raises:
            Conflict: it would rewrite `main` or a request, or builds on commits that are missing here.
            Invalid: it moves other references, is larger than is allowed, or this is a clone of a remote registry.
            PermissionDenied: the policy forbids a step; Corrupt: the bundle, a manifest or an artifact is not whole.
            NotFound: there is no such file; Unavailable: there is no room to unpack it. Nothing has moved then.
        """
        from registry_git.artifacts.held import held
        from registry_git.artifacts.upload import upload

        with self._opened(Path(file), by_policy=by_policy, max_bytes=max_bytes) as (incoming, transfer, moves, trees):
            places = artifact_places(self._store.repository)
            stored = [there for digest in trees if (there := held(digest, places))]
            if artifacts_to is not None:
                base = artifacts_to if "://" in artifacts_to else os.path.abspath(artifacts_to)
                stored = [upload(str(tree), base, progress=progress).location for tree in trees.values()]
                if trees:
                    self._remember(base)
            if moves:
                act = self._surroundings.act()
                incoming.keep()
                entry = ReflogEntry(actor=act.actor, at_seconds=act.at // 1000, message="registry-git: bundle apply")
                self._store.take_over([*moves, *self._tidied(moves)], describe=entry)
            return replace(transfer, stored=tuple(stored))

    def _collect(
        self, snapshot: GitSnapshot, references: Sequence[str], folder: Path, progress: Progress | None
    ) -> tuple[list[Artifact], dict[str, Path]]:
        """The files of versions, copied into a folder and verified."""
        from registry_git.artifacts.download import download
        from registry_git.artifacts.held import held

        taken: list[Artifact] = []
        trees: dict[str, Path] = {}
        for reference in references:
            found = resolve(snapshot, parse_reference(reference))
            if not found.digest:
                raise Invalid(
                    f"{found.model} v{found.version} was registered without a digest, so its files cannot be verified.",
                    hint="Register it anew where its files can be read.",
                )
            taken.append(Artifact(model=found.model, version=found.version, digest=found.digest))
            if found.digest not in trees:
                trees[found.digest] = folder / found.digest.replace(":", "-")
                source = held(found.digest, artifact_places(self._store.repository)) or found.source
                download(source, trees[found.digest], expected=found.digest, progress=progress)
        return taken, trees

    @contextmanager
    def _opened(
        self, file: Path, *, by_policy: bool, max_bytes: int
    ) -> Iterator[tuple[Incoming, Transfer, list[RefMove], dict[str, Path]]]:
        """A bundle that was unpacked beside the repository and judged; nobody writes here while it is held."""
        store = self._store
        if store.following is not None:
            raise Invalid(
                f"This is a clone of {store.following.remote.url}, and follows that.",
                hint="Apply the bundle to the registry itself.",
            )
        with tempfile.TemporaryDirectory(prefix="registry-git-") as folder:
            contents, objects, trees = read_file(file, Path(folder), max_bytes=max_bytes)
            with store.locked(), Incoming(store.repository, objects) as incoming:
                moves = _moves(store.repository, contents, incoming.heads)
                _judge(store.repository, moves, by_policy=by_policy)
                _require_artifacts(GitSnapshot(store.repository, contents.refs[MAIN]), contents.artifacts, trees)
                yield incoming, _transfer(store.repository, contents, moves), moves, trees

    def _tidied(self, moves: Sequence[RefMove]) -> list[RefMove]:
        """The branches here of requests that are decided on the `main` that came."""
        main = next((move.new for move in moves if move.name == MAIN), None)
        if main is None:
            return []
        snapshot = GitSnapshot(self._store.repository, main)
        here = self._store.request_branches()
        return [RefMove(name=name, old=tip, new=None) for name, tip in here.items() if has_landed(snapshot, name)]

    def _remember(self, base: str) -> None:
        if base not in artifact_places(self._store.repository):
            self._store.repository.git.config.set_multivar(ARTIFACTS_SETTING, f"^{re.escape(base)}$", base)


def artifact_places(repository: Repository) -> list[str]:
    """Where artifacts are kept by their digests, for this repository: the setting `registry-git.artifacts` of git."""
    return [str(place) for place in repository.git.config.get_multivar(ARTIFACTS_SETTING)]


def _moves(repository: Repository, contents: Contents, heads: Mapping[str, str]) -> list[RefMove]:
    """The branches that move here, `main` first. Raises: Invalid, Conflict, Corrupt."""
    require_branches(heads)
    if MAIN not in contents.refs:
        raise Corrupt("The bundle holds no main.", hint="Have it made again.")
    for name, oid in heads.items():
        if contents.refs.get(name) != oid:
            raise Corrupt(f"The bundle is not what it says of {_short(name)}.", hint="Do not use it.")
    for name, oid in contents.refs.items():
        if name != MAIN and parse_request_ref(name) is None:
            raise Invalid(f"The bundle holds {name}, which is no branch of a registry.", hint="Have it made again.")
        if not repository.has(oid):
            raise Conflict(
                f"The bundle says that {_short(name)} is at {oid[:12]}, which is neither in it nor here.",
                hint=MISSING,
            )
        repository.commit(oid)
    main = repository.ref(MAIN)
    coming = contents.refs[MAIN]
    stays = main is not None and repository.is_ancestor(coming, main)
    after = GitSnapshot(repository, main if stays and main else coming)
    found = []
    for name, oid in sorted(contents.refs.items(), key=lambda one: one[0] != MAIN):
        old = repository.ref(name)
        if (old is not None and repository.is_ancestor(oid, old)) or has_landed(after, name):
            continue  # it is here already, and perhaps more
        if old is not None and not repository.is_ancestor(old, oid):
            hint = "Find out which of the two is right; nothing was changed."
            if repository.merge_base(oid, old) is None:
                hint = (
                    "They have nothing in common, so it is another registry's. Its own repository is made with --new."
                )
            raise Conflict(
                f"The bundle would rewrite {_short(name)}: {oid[:12]} does not continue {old[:12]}, which is here.",
                hint=hint,
            )
        found.append(RefMove(name=name, old=old, new=oid))
    return found


def _judge(repository: Repository, moves: Sequence[RefMove], *, by_policy: bool) -> None:
    """Returns when nothing forbids the moves. Raises: what the first fault is."""
    from registry_git.core.names import Actor
    from registry_git.registry.judging.pushed import Pusher, push_faults

    nobody = Pusher(actor=Actor("registry-git <registry-git@localhost>"), for_others=True)
    errors = [one for one in push_faults(repository, moves, nobody, by_policy=by_policy) if one.level == "error"]
    if errors:
        first = errors[0]
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        where = f"{first.path}: " if first.path and first.path not in first.message else ""
        raise first.error(f"The bundle is refused: {where}{first.message}{more}", hint=first.fix)


def _require_artifacts(snapshot: GitSnapshot, artifacts: Sequence[Artifact], trees: Mapping[str, Path]) -> None:
    """Returns when the files are those of the versions. Raises: Corrupt."""
    from registry_git.artifacts.digest import tree_digest

    for one in artifacts:
        try:
            registered = snapshot.version(ModelName.parse(one.model), one.version).digest
        except RegistryError:
            registered = ""
        if registered != one.digest:
            raise Corrupt(
                f"The bundle holds files as {one.model} v{one.version} that are not registered so.",
                hint="Do not use it; have it made again.",
            )
    for digest, tree in trees.items():
        found = tree_digest(str(tree)) if tree.is_dir() else None
        if found is None or found.digest != digest:
            raise Corrupt(
                f"The files in the bundle are not those of {digest}: they have {found.digest if found else 'nothing'}.",
                hint="The bundle was damaged or changed; have it made again.",
            )


def _transfer(repository: Repository, contents: Contents, moves: Sequence[RefMove]) -> Transfer:
    steps: list[str] = []
    for move in moves:
        if move.name == MAIN and move.new:
            for commit in first_parents(repository, move.new):
                if commit.id == move.old:
                    break
                steps.append(commit.message.partition("\n")[0])
    main = next((move.new for move in moves if move.name == MAIN), None) or repository.ref(MAIN) or ""
    return Transfer(
        registry=contents.registry,
        commit=main,
        changed=bool(moves),
        moves=tuple(BundleMove(branch=_short(one.name), old=one.old or "", new=one.new or "") for one in moves),
        steps=tuple(steps[::-1]),
        artifacts=contents.artifacts,
    )


def _short(name: str) -> str:
    return name.removeprefix("refs/heads/")
