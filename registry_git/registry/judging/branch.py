"""Whether a branch may be merged into its base: what CI asks about a pull request before anybody merges it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from registry_git.core.changes.proposal import Roll
from registry_git.core.decision import Decision
from registry_git.core.errors import Corrupt, RegistryError
from registry_git.core.model import RequestState, TransitionRequest
from registry_git.core.policy import Change, evaluate
from registry_git.gitstore.commits import Commit
from registry_git.gitstore.merge import changed_files, overtaken
from registry_git.gitstore.remerge import Scratch
from registry_git.gitstore.repository import Repository
from registry_git.gitstore.snapshot import GitSnapshot
from registry_git.manifests.layout import path_of, request_ref
from registry_git.manifests.messages import read_forced
from registry_git.registry.checking import check
from registry_git.registry.judging.changed import Changed, read_changed
from registry_git.registry.judging.contents import (
    brought_faults,
    commit_faults,
    content_faults,
    entry_faults,
    in_use_faults,
)
from registry_git.registry.judging.faults import Fault, Rule, as_faults, fault, of_error, policy_faults
from registry_git.registry.judging.landing import merge_faults
from registry_git.registry.judging.layouts import layout_faults, left_behind
from registry_git.registry.judging.records import record_faults
from registry_git.registry.open_request import judge, read_open, staleness


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One branch that is to be merged: `tip` into `onto`. `record` is its request, None for a branch without one.

    `changed` is what the merge would change, `decision` what the policy of `onto` says; None when it cannot be told.
    `rolls` are the deployments that get another version, with the merge or by a request that follows it.
    """

    onto: str
    tip: str
    record: TransitionRequest | None
    changed: Changed | None
    decision: Decision | None
    faults: tuple[Fault, ...]
    rolls: tuple[Roll, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What the gate says of everything between two commits."""

    base: str
    head: str
    units: tuple[Unit, ...]
    faults: tuple[Fault, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing forbids the merge."""
        return all(one.level != "error" for one in self.faults)


def judge_branch(repository: Repository, scratch: Scratch, base: str, head: str, *, require_approved: bool) -> Gate:
    """What forbids that `head` is merged into `base`, for each of the branches that `head` holds.

    What was wrong on the base already is a warning. Approvals that are still missing are notes, unless
    `require_approved`. Results can be read while `scratch` is open.
    """
    units = [
        _judged(repository, scratch, onto, tip, landed, require_approved=require_approved)
        for onto, tip, landed in _units(repository, base, head)
    ]
    every = [*_commits(repository, base, head), *(one for unit in units for one in unit.faults)]
    return Gate(base=base, head=head, units=tuple(units), faults=_once(every))


def _units(repository: Repository, base: str, head: str) -> list[tuple[str, str, Commit | None]]:
    """What is to be judged, as (onto, tip, the merge that a forge has made of them already).

    A forge's merge queue, and its preview of a merge, are merges on top of the base; anything else is one branch.
    """
    if repository.is_ancestor(head, base):
        return []
    commit = repository.commit(head)
    if not repository.is_ancestor(base, head):
        if _lands(repository, commit, base) and repository.is_ancestor(commit.parents[0], base):
            return [(base, commit.parents[1], None)]
        return [(base, head, None)]
    line: list[Commit] = []
    while commit.id != base and _lands(repository, commit, base):
        line.append(commit)
        commit = repository.commit(commit.parents[0])
    if commit.id != base or not line:
        return [(base, head, None)]
    return [(one.parents[0], one.parents[1], one) for one in reversed(line)]


def _lands(repository: Repository, commit: Commit, base: str) -> bool:
    """Whether a commit merges a branch into main: not main into a branch, and not the refresh of a request."""
    if len(commit.parents) != 2 or repository.is_ancestor(commit.parents[1], base):
        return False
    try:
        new = read_changed(repository, commit.parents[0], commit.id).new_requests()
        there = GitSnapshot(repository, commit.parents[1])
        return all(there.request(record.model, record.id) == record for record in new)
    except Corrupt:
        return False


def _judged(
    repository: Repository, scratch: Scratch, onto: str, tip: str, landed: Commit | None, *, require_approved: bool
) -> Unit:
    unit = Unit(onto=onto, tip=tip, record=None, changed=None, decision=None, faults=())
    start = repository.merge_base(onto, tip)
    if start is None:
        message = "The branch has no common history with its base."
        return replace(unit, faults=(fault(Rule.MERGE, tip[:12], message, "Start it from main."),))
    found: list[Fault] = []
    try:
        records = read_changed(repository, start, tip).new_requests()
    except RegistryError as problem:
        return replace(unit, faults=(of_error(Rule.MANIFEST, "registry.yaml", problem),))
    found += _checked(repository, onto, tip)
    merged = landed.id if landed else None
    stale = list(_stale(repository, start, onto, tip))
    if landed is None and not stale:
        outcome = scratch.merge(onto, tip)
        stale += [_conflict(path) for path in outcome.conflicts]
        merged = None if stale else scratch.commit(outcome.tree, [onto, tip])
    elif landed is not None:
        found += merge_faults(repository, scratch, landed)
    if merged is not None:
        found += _checked(repository, onto, merged)
        try:
            changed = read_changed(repository, onto, merged)
            found += entry_faults(changed.files, changed.after.layout)
            found += content_faults(changed)
            found += layout_faults(changed, own=tip)
            left = left_behind(changed)
            found = [one for one in found if one.path not in left]
            unit = replace(unit, changed=changed)
        except RegistryError as problem:
            found.append(of_error(Rule.MANIFEST, "registry.yaml", problem))
    if len(records) > 1:
        message = f"The branch holds {len(records)} requests: {', '.join(one.id for one in records)}."
        path = path_of(records[1].key, GitSnapshot(repository, tip).layout)
        found.append(fault(Rule.RECORD, path, message, "Ask for each on a branch of its own."))
    elif records:
        unit, more = _request(repository, unit, records[0], require_approved=require_approved)
        found += more
        if any(one.rule is Rule.STALE for one in more):
            stale = []
    elif unit.changed is not None:
        unit, more = _by_hand(repository, unit, unit.changed, require_approved=require_approved)
        found += more
    return replace(unit, faults=_once([*found, *stale]))


def _request(
    repository: Repository, unit: Unit, record: TransitionRequest, *, require_approved: bool
) -> tuple[Unit, list[Fault]]:
    unit = replace(unit, record=record)
    path = path_of(record.key, GitSnapshot(repository, unit.tip).layout)
    if record.state in (RequestState.REJECTED, RequestState.CANCELLED):
        kept = [one for one in _edits(repository, unit) if one != path]
        message = f"Request {record.id} is {record.state.value}, and its branch still changes {', '.join(kept[:3])}."
        fix = "A closed request changes nothing: take the other edits back."
        return unit, [fault(Rule.REQUEST, path, message, fix)] if kept else []
    branch = request_ref(record.model, record.id).removeprefix("refs/heads/")
    try:
        request = read_open(repository, key=record.key, branch=branch, tip=unit.tip, main=unit.onto)
    except Corrupt as problem:
        return unit, [of_error(Rule.REQUEST, path, problem)]
    current = GitSnapshot(repository, unit.onto)
    why = staleness(repository, request, unit.onto)
    if why:
        fix = f"registry-git request refresh {record.id}"
        return unit, [fault(Rule.STALE, path, f"Request {record.id} is stale: {why}.", fix)]
    decision = judge(request, current.policy(), request.approvals, current)
    claimed = record.state is RequestState.APPROVED
    waiting = "error" if require_approved or claimed else "note"
    return replace(unit, decision=decision, rolls=request.rolls), list(policy_faults(decision, path, waiting=waiting))


def _by_hand(
    repository: Repository, unit: Unit, changed: Changed, *, require_approved: bool
) -> tuple[Unit, list[Fault]]:
    """A branch without a record: its pull request is the request, and who wrote it asks."""
    tip = repository.commit(unit.tip)
    change = Change(touches=changed.touches(), requester=tip.author, requested=True)
    decision = evaluate(change, changed.before.policy(), ())
    path = next((one.path for one in changed.files if one.path.endswith("/pointer.yaml")), "")
    path = path or (changed.files[0].path if changed.files else "registry.yaml")
    waiting = "error" if require_approved else "note"
    found = list(policy_faults(decision, path, waiting=waiting))
    found += record_faults(changed, unit.onto, tip.author, for_others=False)
    found += [] if read_forced(tip.message) else in_use_faults(changed)
    return replace(unit, decision=decision), found


def _edits(repository: Repository, unit: Unit) -> dict[str, str | None]:
    return changed_files(repository, repository.merge_base(unit.onto, unit.tip) or unit.onto, unit.tip)


def _stale(repository: Repository, start: str, onto: str, tip: str) -> Iterator[Fault]:
    for path in overtaken(repository, base=start, main=onto, edits=changed_files(repository, start, tip)):
        yield _conflict(path)


def _conflict(path: str) -> Fault:
    message = f"{path} has changed on the base too, so the branch is stale."
    return fault(Rule.STALE, path, message, "Start again from today's main; a request: registry-git request refresh ID")


def _checked(repository: Repository, onto: str, commit: str) -> Iterator[Fault]:
    """Every manifest of a commit. What was wrong on the base already is not the branch's fault."""
    wrong = list(as_faults(Rule.MANIFEST, check(repository, GitSnapshot(repository, commit))))
    known = {(one.path, one.message) for one in check(repository, GitSnapshot(repository, onto))} if wrong else set()
    for one in wrong:
        if one.level == "error" and (one.path, one.message) in known:
            yield replace(one, level="warning", message=f"{one.message} It is so on the base already.")
        else:
            yield one


def _commits(repository: Repository, base: str, head: str) -> Iterator[Fault]:
    """What is wrong with any of the commits themselves, even when a later one mends it: history keeps it."""
    for found in repository.reachable(head, base):
        commit = repository.commit(found)
        yield from commit_faults(repository, commit.id)
        try:
            yield from brought_faults(repository, commit, head)
        except RegistryError as problem:
            yield of_error(Rule.MANIFEST, "registry.yaml", problem)


def _once(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Each message about a place once, errors first."""
    order: Sequence[str] = ("error", "warning", "note")
    found = {(one.path, one.message): one for one in sorted(faults, key=lambda one: one.line)}
    return tuple(sorted(found.values(), key=lambda one: (order.index(one.level), one.path, one.line)))
