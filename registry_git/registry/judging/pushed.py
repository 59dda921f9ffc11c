"""Whether a push may move the references of a registry: what the pre-receive hook asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from registry_git.core.errors import Corrupt, RegistryError
from registry_git.core.model import RequestKey, RequestState
from registry_git.core.names import Actor
from registry_git.gitstore.commits import Commit
from registry_git.gitstore.remerge import Scratch
from registry_git.gitstore.remote import OBSERVATIONS, RefMove
from registry_git.gitstore.repository import MAIN, Repository
from registry_git.gitstore.snapshot import GitSnapshot
from registry_git.gitstore.trees import compare_trees
from registry_git.manifests.layout import parse_request_ref, path_of
from registry_git.registry.checking import check
from registry_git.registry.judging.contents import brought_faults, commit_faults, entry_faults
from registry_git.registry.judging.faults import Fault, Rule, as_faults, fault, of_error
from registry_git.registry.judging.observed import foreign_faults, observation_faults
from registry_git.registry.judging.steps import step_faults
from registry_git.registry.open_request import read_open

_ALLOWED = "main, request/<model>/<id> and observations"
_PAST_THE_HOOK = (
    "On the server itself, a mended one goes in past the hooks: "
    "git push --receive-pack='git -c core.hooksPath=/dev/null receive-pack' PATH main"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pusher:
    """Who pushes, as the transport knows it. `for_others`: a server whose pushes carry the commits of its users."""

    actor: Actor
    for_others: bool = False


def push_faults(
    repository: Repository, moves: Sequence[RefMove], pusher: Pusher, *, by_policy: bool = True
) -> list[Fault]:
    """What forbids a push; nothing when it may go in. All references move together or none does.

    Without `by_policy` the steps of `main` are taken as they are, and only what they leave behind is checked.
    """
    with Scratch(repository) as scratch:
        return list(_Push(repository, scratch, moves, pusher, by_policy=by_policy).faults())


class _Push:
    def __init__(
        self,
        repository: Repository,
        scratch: Scratch,
        moves: Sequence[RefMove],
        pusher: Pusher,
        *,
        by_policy: bool,
    ) -> None:
        self._by_policy = by_policy
        self._repository = repository
        self._scratch = scratch
        self._moves = moves
        self._pusher = pusher
        self._stored = list(repository.refs("refs/").values())
        moved = next((move for move in moves if move.name == MAIN), None)
        self._main = moved.new if moved is not None and moved.new else repository.ref(MAIN)

    def faults(self) -> Iterator[Fault]:
        """One reference after the other; `main` first, since the others are judged by where it goes."""
        for move in sorted(self._moves, key=lambda one: one.name != MAIN):
            try:
                found = list(self._one(move))
            except RegistryError as problem:
                found = [of_error(Rule.MANIFEST, move.name, problem)]
            yield from found
            if move.name == MAIN and any(one.level == "error" for one in found):
                return

    def _one(self, move: RefMove) -> Iterator[Fault]:
        key = parse_request_ref(move.name)
        if move.name not in (MAIN, OBSERVATIONS) and key is None:
            message = f"{move.name} is no reference of a registry."
            yield fault(Rule.REFERENCE, move.name, message, f"There are {_ALLOWED}; keep others in your clone.")
            return
        if move.new is None:
            yield from self._deletion(move, key)
            return
        if move.old is not None and not self._repository.is_ancestor(move.old, move.new):
            message = f"The push would rewrite {_short(move.name)}: it does not continue what is there."
            yield fault(Rule.REFERENCE, move.name, message, "Fetch, and put your work on top of it; never force.")
            return
        if move.name == MAIN:
            yield from self._main_faults(move.old, move.new)
            return
        if key is None:
            yield from foreign_faults(self._repository, move.new)
        wrong = list(self._commit_faults(move.new, inside=key is not None))
        yield from wrong
        if key is not None and not wrong:
            yield from self._request(move, move.new, key)

    def _commit_faults(self, tip: str, *, inside: bool) -> Iterator[Fault]:
        """What is wrong with any commit that the push brings. `inside`: its files are those of the registry."""
        for commit in self._new(tip):
            yield from commit_faults(self._repository, commit.id)
            if not self._pusher.for_others and commit.author.email != self._pusher.actor.email:
                message = f"{self._pusher.actor} pushes the commit {commit.id[:12]}, whose author is {commit.author}."
                fix = "Commit as yourself: git commit --amend --reset-author; or let its author push it."
                yield fault(Rule.AUTHOR, commit.id[:12], message, fix)
            if not inside:
                yield from observation_faults(self._repository, commit)
                continue
            yield from brought_faults(self._repository, commit, tip)

    def _new(self, tip: str) -> list[Commit]:
        """The commits that the push brings to `tip`, oldest first."""
        return [self._repository.commit(one) for one in _between(self._repository, *self._stored, tip)][::-1]

    def _main_faults(self, old: str | None, new: str) -> Iterator[Fault]:
        if old is None:
            # a registry's first push: there is no policy before it
            yield from as_faults(Rule.MANIFEST, check(self._repository, GitSnapshot(self._repository, new)))
            GitSnapshot(self._repository, new).policy()
            return
        wrong = list(self._commit_faults(new, inside=True))
        yield from wrong
        steps = self._steps(old, new)
        if steps is None:
            message = (
                "The push would put main's history aside: it merges main into a branch, and makes the branch main."
            )
            yield fault(Rule.REFERENCE, MAIN, message, "Merge the other way round: git checkout main, then git merge.")
            return
        if any(one.level == "error" for one in wrong):
            return
        if not self._by_policy:
            yield from as_faults(Rule.MANIFEST, check(self._repository, GitSnapshot(self._repository, new)))
            return
        try:
            GitSnapshot(self._repository, old).policy()
        except Corrupt as problem:
            message = f"The policy on main cannot be read, so nobody can say who may change it: {problem.message}"
            yield fault(Rule.POLICY, problem.path, message, _PAST_THE_HOOK, line=problem.line)
            return
        for step in steps:
            actor = step.author if self._pusher.for_others else self._pusher.actor
            found = step_faults(self._repository, self._scratch, step, actor, for_others=self._pusher.for_others)
            yield from found
            if any(one.level == "error" for one in found):
                return

    def _steps(self, old: str, new: str) -> list[Commit] | None:
        """The steps that main takes, oldest first; None when `old` is not on the line of first parents."""
        after_old = _between(self._repository, old, new)
        found: list[Commit] = []
        at = new
        while at in after_old:
            commit = self._repository.commit(at)
            found.append(commit)
            at = commit.parents[0] if commit.parents else ""
        return found[::-1] if at == old else None

    def _deletion(self, move: RefMove, key: RequestKey | None) -> Iterator[Fault]:
        if key is None:
            yield fault(Rule.REFERENCE, move.name, f"{_short(move.name)} is never deleted.", "Leave it.")
            return
        if move.old is None:
            return
        main = self._main
        closed = GitSnapshot(self._repository, main).request(key.model, key.request) if main else None
        if closed is not None:
            return
        record = GitSnapshot(self._repository, move.old).request(key.model, key.request)
        if record is not None and record.requester.email != self._pusher.actor.email and not self._pusher.for_others:
            message = f"Request {key.request} is open, and it is {record.requester}'s."
            yield fault(Rule.REFERENCE, move.name, message, f"registry-git request reject {key.request}")

    def _request(self, move: RefMove, tip: str, key: RequestKey) -> Iterator[Fault]:
        repository, main = self._repository, self._main
        if main is None:
            yield fault(Rule.REFERENCE, move.name, "There is no main yet.", "Push main first.")
            return
        path = path_of(key, GitSnapshot(repository, tip).layout)
        if GitSnapshot(repository, main).request(key.model, key.request) is not None:
            message = f"Request {key.request} is on main already, and its id is not given again."
            yield fault(Rule.REFERENCE, move.name, message, "Ask anew: registry-git request create")
            return
        if GitSnapshot(repository, tip).request(key.model, key.request) is None:
            message = f"{_short(move.name)} holds no record of its request."
            yield fault(Rule.REQUEST, path, message, "The branch of a request is made by: registry-git request create")
            return
        try:
            request = read_open(repository, key=key, branch=_short(move.name), tip=tip, main=main)
        except Corrupt as problem:
            yield of_error(Rule.REQUEST, path, problem)
            return
        if request.record.state is not RequestState.OPEN:
            message = f"Request {key.request} is {request.record.state.value} on its branch, and main does not know it."
            yield fault(
                Rule.RECORD,
                path,
                message,
                f"Push main and the removal of the branch together: registry-git request approve {key.request}",
            )
        files = compare_trees(repository.tree_of(request.base), repository.tree_of(tip), read=repository.read)
        yield from entry_faults(files, GitSnapshot(repository, tip).layout)
        yield from self._spoken(path, tip, key)

    def _spoken(self, path: str, tip: str, key: RequestKey) -> Iterator[Fault]:
        """Reviews that a commit adds in another person's name."""
        for commit in self._new(tip):
            record = GitSnapshot(self._repository, commit.id).request(key.model, key.request)
            if record is None:
                continue
            before = [
                earlier.reviews
                for parent in commit.parents
                if (earlier := GitSnapshot(self._repository, parent).request(key.model, key.request))
            ]
            known = max(map(len, before), default=0)
            for review in record.reviews[known:]:
                if review.by is None or review.by.email != commit.author.email:
                    message = f"{commit.author} writes down what {review.by or 'nobody'} is to have said."
                    fix = f"Everybody writes their own review: registry-git request approve {key.request}"
                    yield fault(Rule.RECORD, path, message, fix)


def _between(repository: Repository, *known_and_tip: str) -> dict[str, None]:
    """The commits that the last of the arguments reaches and none of the others does, newest first."""
    *known, tip = known_and_tip
    return dict.fromkeys(repository.reachable(tip, *known))


def _short(name: str) -> str:
    return name.removeprefix("refs/heads/")
