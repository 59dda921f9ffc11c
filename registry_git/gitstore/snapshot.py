"""A registry as one commit holds it: point reads go straight to git objects, without an index."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from registry_git.core.errors import Corrupt, Invalid, NotFound
from registry_git.core.model import DeploymentKey, Entity, Key, Policy, PolicyKey
from registry_git.core.names import AliasName, Id, ModelName, StageName, decode
from registry_git.core.snapshot import Snapshot
from registry_git.gitstore.repository import MAIN, TRACKED_MAIN, Repository
from registry_git.manifests import layout as paths
from registry_git.manifests.codec import decode as decode_manifest
from registry_git.manifests.layout import Layout

_DIRECTORY = "40000"
_FILE = "100644"
_MODEL = "model.yaml"
_AS_IT_IS = "\0"  # no path: what is kept under it is no manifest
_DEPLOYMENTS = "deployments"
_VERSION = re.compile(rb"([1-9][0-9]{0,8})\.yaml")
_VERSIONS = re.compile(rb"[1-9][0-9]{0,8}\.yaml(?:\n[1-9][0-9]{0,8}\.yaml)*")
_THOUSANDS = re.compile(rb"(?:[1-9][0-9]{0,5}xxx/)+")
_FOLDER = re.compile(rb"^.*/$", re.MULTILINE)
_FOUND = 256  # entities kept by key: a change asks for a few of them again and again
_PLAIN = re.compile(r"[A-Za-z0-9._-]+")


class GitSnapshot(Snapshot):
    """Reads of one commit. Listings and manifests are remembered, since a commit never changes."""

    def __init__(self, repository: Repository, commit: str) -> None:
        self.commit = commit
        self.tree = repository.tree_of(commit)
        self._repository = repository
        self._versions: dict[ModelName, tuple[int, ...]] = {}
        self._found: dict[Key, Entity | None] = {}
        self._policy: Policy | None = None
        try:
            found = self.find(PolicyKey())
            self._policy = found if isinstance(found, Policy) else None
            self.layout = Layout(self._policy.layout) if self._policy else Layout.FLAT
        except Corrupt:
            # who asks for the policy is told; a branch with a broken one must not keep others from being read
            self.layout = self._looks()

    def policy(self) -> Policy:
        """As in `Snapshot`."""
        return self._policy or super().policy()

    def find(self, key: Key) -> Entity | None:
        """As in `Snapshot`. An entry that is no plain file (a link, an executable) is Corrupt."""
        try:
            return self._found[key]
        except KeyError:
            pass
        if len(self._found) >= _FOUND:
            self._found.clear()
        found = self._found[key] = self._find(key)
        return found

    def _find(self, key: Key) -> Entity | None:
        if isinstance(key, PolicyKey):
            return self._find_policy(key)
        path = paths.path_of(key, self.layout)
        entry = self._repository.entry(self.tree, path)
        return None if entry is None else self.read(path, key, *entry)

    def _find_policy(self, key: PolicyKey) -> Entity | None:
        """The policy. Nothing goes on without it, so who cannot read it is told how to come by another."""
        entry = self._repository.entry(self.tree, paths.POLICY_PATH)
        try:
            return None if entry is None else self.read(paths.POLICY_PATH, key, *entry)
        except Corrupt as problem:
            if problem.hint:
                raise  # its object is damaged, or a newer release wrote it: that is mended in another way
            problem.hint = (
                f"Which commit left it so: git log -1 {self.commit[:12]} -- {paths.POLICY_PATH}; "
                "take it back with git revert, and push."
            )
            raise

    def read(self, path: str, key: Key, mode: str, oid: str) -> Entity:
        """The entity in the file at `path`. Raises: Corrupt."""
        if mode != _FILE:
            raise Corrupt(
                f"It has the mode {mode}, so it is no plain file.", path=path, hint="Replace it by a regular file."
            )
        known = self._repository.cached(oid, path)
        if known is not None:
            return known  # type: ignore[return-value]
        return self._repository.remember(oid, path, decode_manifest(self._repository.read(oid), path=path, key=key))

    def models(self) -> tuple[ModelName, ...]:
        """As in `Snapshot`."""
        if self.layout is Layout.FLAT:
            found = self._models_in("models")
        else:
            found = [name for shard in self._names("models", _DIRECTORY) for name in self._models_in(f"models/{shard}")]
        return tuple(sorted(ModelName(name) for name in map(_decoded, found) if name))

    def versions(self, model: ModelName) -> tuple[int, ...]:
        """As in `Snapshot`."""
        known = self._versions.get(model)
        if known is None:
            directory = paths.versions_directory(model, self.layout)
            numbers: list[int] = []
            for name, mode, _ in self._repository.names(self.tree, directory):
                if mode == _DIRECTORY:
                    numbers += map(_number, self._names(f"{directory}/{name}"))
                else:
                    numbers.append(_number(name))
            known = self._versions[model] = tuple(sorted(filter(None, numbers)))
        return known

    def last_version(self, model: ModelName) -> int:
        """As in `Snapshot`: of thousands of names only the longest are looked at, since no number begins with a 0."""
        directory = paths.versions_directory(model, self.layout)
        keys = self._repository.keys(self.tree, directory)
        folders = _FOLDER.findall(b"\n".join(keys))
        last = None
        if not folders:
            last = _highest(keys)
        elif _THOUSANDS.fullmatch(b"".join(folders)) and _highest([key for key in keys if key[-1:] != b"/"]) in range(
            1000
        ):
            folder = _longest(folders).decode("ascii")
            last = _highest(self._repository.keys(self.tree, f"{directory}/{folder[:-1]}"))
            if not last or f"{last // 1000}xxx/" != folder:
                last = None  # one that is not where its number belongs may be the highest of all
        return super().last_version(model) if last is None else last

    def stages(self, model: ModelName) -> tuple[StageName, ...]:
        """As in `Snapshot`."""
        names = self._names(paths.stages_directory(model, self.layout), _DIRECTORY)
        return tuple(StageName(name) for name in map(_decoded, names) if name)

    def aliases(self, model: ModelName) -> tuple[AliasName, ...]:
        """As in `Snapshot`."""
        names = self._names(paths.aliases_directory(model, self.layout), _DIRECTORY)
        return tuple(AliasName(name) for name in map(_decoded, names) if name)

    def requests(self, model: ModelName | None) -> tuple[Id, ...]:
        """As in `Snapshot`."""
        return self._ids(paths.requests_directory(model, self.layout))

    def comments(self, model: ModelName, version: int) -> tuple[Id, ...]:
        """As in `Snapshot`."""
        return self._ids(paths.comments_directory(model, version, self.layout))

    def deployments(self) -> tuple[DeploymentKey, ...]:
        """As in `Snapshot`."""
        return tuple(key for key, _, _ in self._deployments())

    def deployments_naming(self, model: ModelName) -> tuple[DeploymentKey, ...]:
        """As in `Snapshot`; the files are searched for the name, and none is parsed for it."""
        name = model.encode()
        # a name of such characters stands in a file as it is, unless an escape of YAML hides it
        plain = _PLAIN.fullmatch(model) is not None
        found = []
        for key, mode, oid in self._deployments():
            data = self._text(oid) if plain and mode == _FILE else name
            if name in data or b"\\" in data:
                found.append(key)
        return tuple(found)

    def _text(self, oid: str) -> bytes:
        """A file as it is; kept, since every move of a pointer looks at the files of all deployments."""
        known = self._repository.cached(oid, _AS_IT_IS)
        if isinstance(known, bytes):
            return known
        return self._repository.remember(oid, _AS_IT_IS, self._repository.read(oid))

    def _deployments(self) -> Iterator[tuple[DeploymentKey, str, str]]:
        """The entries in the places of deployments: key, mode, id."""
        for environment, mode, tree in self._repository.names(self.tree, _DEPLOYMENTS):
            if mode != _DIRECTORY:
                continue
            place = f"{_DEPLOYMENTS}/{environment}"
            known = self._repository.cached(tree, place)
            if not isinstance(known, list):
                known = self._repository.remember(tree, place, list(self._deployments_in(place)))
            yield from known

    def _deployments_in(self, place: str) -> Iterator[tuple[DeploymentKey, str, str]]:
        for name, mode, oid in self._repository.names(self.tree, place):
            key = paths.key_of(f"{place}/{name}", self.layout)
            if isinstance(key, DeploymentKey):
                yield key, mode, oid

    def deploys(self) -> bool:
        """As in `Snapshot`."""
        return self._repository.entry(self.tree, paths.GITOPS_PATH) is not None

    def _models_in(self, directory: str) -> list[str]:
        """The directories that hold a model: the record of a deletion outlives its model."""
        entries = self._repository.names(self.tree, directory)
        return [name for name, mode, oid in entries if mode == _DIRECTORY and self._repository.entry(oid, _MODEL)]

    def _looks(self) -> Layout:
        """The layout as the directories show it."""
        self.layout = Layout.FANOUT
        found = self.models()
        self.layout = Layout.FLAT
        return Layout.FANOUT if found and not self.models() else Layout.FLAT

    def _names(self, directory: str, mode: str = "") -> list[str]:
        entries = self._repository.names(self.tree, directory)
        return [name for name, found, _ in entries if not mode or found == mode]

    def _ids(self, directory: str) -> tuple[Id, ...]:
        names = (name.removesuffix(".yaml") for name in self._names(directory) if name.endswith(".yaml"))
        return tuple(Id(_decoded(name)) for name in names if _decoded(name))


def snapshot_of(repository: Repository, commit: str | None = None) -> GitSnapshot:
    """The registry at a commit, or at `main`. Raises: NotFound when there is no registry: no branch, no policy.

    A clone by plain git that is on another branch, or on none as in a CI job, has `main` only as its remote's.
    """
    found = commit or repository.ref(MAIN) or repository.ref(TRACKED_MAIN)
    if found is None:
        raise NotFound(
            f"{repository.git_dir} holds no registry: it has no branch main.",
            hint="Create one with: registry-git init PATH",
        )
    snapshot = GitSnapshot(repository, found)
    snapshot.policy()
    return snapshot


@lru_cache(maxsize=1024)  # stages and aliases have the same names in thousands of models
def _decoded(component: str) -> str:
    """The name behind a path component; empty for what no registry writes (`check` reports those files)."""
    try:
        return decode(component)
    except Invalid:
        return ""


def _highest(files: list[bytes]) -> int | None:
    """The highest number among the files of versions; 0 for none, None where anything else is among them."""
    if not files:
        return 0
    found = _VERSION.fullmatch(_longest(files)) if _VERSIONS.fullmatch(b"\n".join(files)) else None
    return None if found is None else int(found[1])


def _longest(names: list[bytes]) -> bytes:
    """Of the longest names the last one: that of the highest number."""
    length = max(map(len, names))
    return max([name for name in names if len(name) == length])


def _number(file_name: str) -> int:
    stem = file_name.removesuffix(".yaml")
    return int(stem) if stem.isascii() and stem.isdigit() else 0
