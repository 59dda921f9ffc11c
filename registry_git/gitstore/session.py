"""One try of a write: reads at fixed references, staged commits, and the moves that would publish them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from registry_git.core.errors import NotFound
from registry_git.core.names import Actor
from registry_git.gitstore.edit import edit_tree
from registry_git.gitstore.objects import Staging, commit_bytes
from registry_git.gitstore.remote import RefMove
from registry_git.gitstore.repository import MAIN, Repository
from registry_git.gitstore.signing import SigningKey
from registry_git.gitstore.snapshot import GitSnapshot
from registry_git.gitstore.trees import EMPTY_TREE, parse_tree

FindBranch: TypeAlias = Callable[[str], str | None]
FindKey: TypeAlias = Callable[[], SigningKey | None]


class Session:
    """One try of a plan: reads at fixed references, staged commits, and the moves that would publish them.

    The first `deciding` moves are the write; the others are tidied after them.
    """

    def __init__(
        self, repository: Repository, *, request_branch: FindBranch, key: FindKey, main: str | None = None
    ) -> None:
        """`request_branch` finds the tip of a request branch, `key` the key that decisions are signed with.

        `main` is the commit to begin at; None: what `main` is now.
        """
        self.repository = repository
        self.request_branch = request_branch
        self._key = key
        self.staging = Staging()
        self.moves: list[RefMove] = []
        self.deciding = 1
        self._remembered = repository.memory.listings
        self._trees: dict[str, str] = {}
        self._times: dict[str, int] = {}
        main = main or repository.ref(MAIN)
        if main is None:
            raise NotFound(
                "This repository has no branch main, so no registry.", hint="Create one with: registry-git init PATH"
            )
        self.main = main

    def snapshot(self, commit: str | None = None) -> GitSnapshot:
        """The registry at a commit; at `main` when none is named."""
        return GitSnapshot(self.repository, commit or self.main)

    def commit(
        self,
        *,
        onto: str | None,
        parents: Sequence[str],
        files: Mapping[str, bytes | None],
        author: Actor,
        at_seconds: int,
        message: str,
        committer: Actor | None = None,
        authored_seconds: int | None = None,
    ) -> str:
        """Stages a commit: the tree of `onto` with files put (content) and removed (None).

        Its time is never before its first parent's, so that `--at DATE` finds one state for each moment. `committer`
        and `authored_seconds` are for what its author did elsewhere and at another time.
        """
        blobs = {path: None if data is None else self.staging.blob(data) for path, data in files.items()}
        return self.commit_blobs(
            onto=onto,
            parents=parents,
            blobs=blobs,
            author=author,
            at_seconds=at_seconds,
            message=message,
            committer=committer,
            authored_seconds=authored_seconds,
        )

    def commit_blobs(
        self,
        *,
        onto: str | None,
        parents: Sequence[str],
        blobs: Mapping[str, str | None],
        author: Actor,
        at_seconds: int,
        message: str,
        committer: Actor | None = None,
        authored_seconds: int | None = None,
        sign: bool = False,
    ) -> str:
        """As `commit`, with blobs that are stored or staged already. `sign`: with git's ssh key, where one is set."""
        base = EMPTY_TREE if onto is None else self.tree_of(onto)
        at_seconds = max(at_seconds, self._time_of(parents[0])) if parents else at_seconds
        tree = edit_tree(base, blobs, read=self.read, staging=self.staging, remembered=self._remembered)
        data = commit_bytes(
            tree=tree,
            parents=parents,
            author=author,
            committer=committer or author,
            at_seconds=at_seconds,
            authored_seconds=authored_seconds,
            message=message,
        )
        key = self._key() if sign else None
        oid = self.staging.add("commit", data if key is None else key.sign(data))
        self._trees[oid] = tree
        self._times[oid] = at_seconds
        return oid

    def entry(self, commit: str, path: str) -> str | None:
        """The id of the blob at a path of a commit that is stored or staged, or None."""
        here = self.tree_of(commit)
        *above, last = path.encode().split(b"/")
        for name in above:
            _, here = parse_tree(self.read(here)).get(name, (b"", EMPTY_TREE))
        found = parse_tree(self.read(here)).get(last)
        return found[1] if found else None

    def tree_of(self, commit: str) -> str:
        """The tree of a commit that is stored or staged."""
        return self._trees.get(commit) or self.repository.tree_of(commit)

    def learn_tree(self, commit: str) -> None:
        """Remembers the tree of a commit that can be read now, and not later."""
        self._trees[commit] = self.repository.tree_of(commit)

    def move(self, name: str, *, old: str | None, new: str | None) -> None:
        """Adds a reference to what the plan moves. The first one decides; the later ones are tidied after it."""
        self.moves.append(RefMove(name=name, old=old, new=new))

    def _time_of(self, commit: str) -> int:
        known = self._times.get(commit)
        return self.repository.time_of(commit) if known is None else known

    def read(self, oid: str) -> bytes:
        """The content of an object that is stored or staged."""
        staged = self.staging.read(oid)
        return staged if staged is not None else self.repository.read(oid)
