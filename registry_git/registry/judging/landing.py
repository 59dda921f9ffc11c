"""Whether the merge of a request's branch may land: the request is what it says, fits the base, and is allowed."""

from __future__ import annotations

from collections.abc import Iterator

from registry_git.core.errors import Corrupt, PermissionDenied, RegistryError
from registry_git.core.model import RequestKey, RequestState, TransitionRequest, Verdict
from registry_git.core.names import Actor
from registry_git.core.policy import Approval
from registry_git.gitstore.commits import Commit
from registry_git.gitstore.merge import changed_files, overtaken
from registry_git.gitstore.remerge import Scratch
from registry_git.gitstore.repository import Repository
from registry_git.gitstore.signing import signer
from registry_git.gitstore.snapshot import GitSnapshot
from registry_git.manifests.layout import key_of, path_of, request_ref
from registry_git.registry.deciding import require_say
from registry_git.registry.judging.faults import Fault, Rule, fault, of_error, policy_faults
from registry_git.registry.open_request import judge, read_open, staleness

_VERDICTS = {RequestState.REJECTED: Verdict.REJECTED, RequestState.CANCELLED: Verdict.CANCELLED}


def merge_faults(repository: Repository, scratch: Scratch, merge: Commit) -> Iterator[Fault]:
    """What is wrong with a merge of two parents that anybody can make again: file by file, and with git."""
    ours, theirs = merge.parents
    base = repository.merge_base(ours, theirs)
    if base is None:
        yield fault(Rule.MERGE, merge.id[:12], "Its parents have no common history.", "Start the branch from main.")
        return
    edits = changed_files(repository, base, theirs)
    both = overtaken(repository, base=base, main=ours, edits=edits)
    layout = GitSnapshot(repository, theirs).layout
    asked = next((key.request for path in edits if isinstance(key := key_of(path, layout), RequestKey)), None)
    fix = f"registry-git request refresh {asked}" if asked else "Start the branch again from today's main."
    for path in both:
        yield fault(Rule.STALE, path, f"main and the branch both changed {path}, so the branch is stale.", fix)
    if both:
        return
    done = changed_files(repository, ours, merge.id)
    extra = sorted(path for path in done if path not in edits or edits[path] != done[path])
    lost = sorted(path for path in edits if path not in done and _at(repository, ours, path) != edits[path])
    for path in [*extra, *lost]:
        message = f"The merge {merge.id[:12]} does not hold what its two parents make of {path}."
        yield fault(Rule.MERGE, path, message, "Merge with plain git, and change nothing in the merge itself.")
    if not extra and not lost and scratch.merge(ours, theirs).tree != merge.tree:
        message = f"The merge {merge.id[:12]} is not what git makes of its two parents."
        yield fault(Rule.MERGE, merge.id[:12], message, "Merge with plain git, and change nothing in the merge itself.")


def landing_faults(
    repository: Repository, *, merge: Commit, key: RequestKey, actor: Actor, for_others: bool
) -> Iterator[Fault]:
    """What forbids that a request's branch lands by a merge that `actor` made.

    `for_others`: a server pushes it, which is believed when it says that somebody has rejected the request elsewhere.
    """
    onto, tip = merge.parents
    record = GitSnapshot(repository, tip).request(key.model, key.request)
    if record is None:
        return
    if record.state in _VERDICTS:
        yield from _closing_faults(repository, merge=merge, record=record, actor=actor, for_others=for_others)
        return
    path = path_of(key, GitSnapshot(repository, tip).layout)
    current = GitSnapshot(repository, onto)
    policy = current.policy()
    try:
        request = read_open(repository, key=key, branch=_branch(key), tip=tip, main=onto)
    except Corrupt as problem:
        yield of_error(Rule.REQUEST, path, problem)
        return
    why = staleness(repository, request, onto)
    if why:
        fix = f"registry-git request refresh {record.id}"
        yield fault(Rule.STALE, path, f"Request {record.id} is stale: {why}.", fix)
        return
    approvals = request.approvals
    if record.state is RequestState.OPEN:
        signed = signer(repository, merge.id, policy.keys) == actor.email
        approvals = (*approvals, Approval(by=actor, signed=signed))
    yield from policy_faults(judge(request, policy, approvals, current), path)


def _closing_faults(
    repository: Repository, *, merge: Commit, record: TransitionRequest, actor: Actor, for_others: bool
) -> Iterator[Fault]:
    """A rejection or cancellation: it withdraws every edit, by somebody who may."""
    onto, tip = merge.parents
    path = path_of(record.key, GitSnapshot(repository, tip).layout)
    base = repository.merge_base(onto, tip)
    commit = repository.commit(tip)
    if base is None or not commit.parents:
        yield fault(
            Rule.REQUEST, path, f"The branch of request {record.id} has no common history with main.", "Ask anew."
        )
        return
    kept = [one for one in changed_files(repository, base, tip) if one != path]
    if kept:
        message = f"Request {record.id} is {record.state.value}, and its branch still changes {kept[0]}."
        yield fault(Rule.REQUEST, kept[0], message, f"registry-git request {_word(record)} {record.id}")
        return
    last = record.reviews[-1] if record.reviews else None
    if last is None or not (for_others or (last.by is not None and last.by.email == commit.author.email)):
        message = f"Request {record.id} is {record.state.value}, and nobody stands for it in its record."
        yield fault(Rule.RECORD, path, message, f"registry-git request {_word(record)} {record.id}")
        return
    try:
        request = read_open(
            repository,
            key=record.key,
            branch=_branch(record.key),
            tip=commit.parents[0],
            main=onto,
            to_close=True,
        )
        for who in dict.fromkeys(one for one in (last.by, None if for_others else actor) if one is not None):
            require_say(request, GitSnapshot(repository, onto), who, _VERDICTS[record.state])
    except PermissionDenied as problem:
        yield of_error(Rule.POLICY, path, problem)
    except RegistryError as problem:
        yield of_error(Rule.REQUEST, path, problem)


def _word(record: TransitionRequest) -> str:
    return "reject" if record.state is RequestState.REJECTED else "cancel"


def _branch(key: RequestKey) -> str:
    return request_ref(key.model, key.request).removeprefix("refs/heads/")


def _at(repository: Repository, commit: str, path: str) -> str | None:
    entry = repository.entry(repository.tree_of(commit), path)
    return entry[1] if entry else None
