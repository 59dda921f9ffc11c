"""A request as its branch holds it: the record, the edits that it proposes, and which reviews of it count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from registry_git.core.changes.asked import decide_asked
from registry_git.core.changes.proposal import Proposal, Roll, Touch
from registry_git.core.decision import Decision
from registry_git.core.errors import Corrupt, NotFound, RegistryError
from registry_git.core.keys import DeploymentKey
from registry_git.core.model import Action, Policy, PolicyKey, RequestKey, Review, TransitionRequest, Verdict
from registry_git.core.policy import Approval, Change, evaluate
from registry_git.core.snapshot import Snapshot, shown_stage, stages_of
from registry_git.gitstore.commits import Commit
from registry_git.gitstore.merge import Stale, changed_files, overtaken
from registry_git.gitstore.objects import Staging
from registry_git.gitstore.repository import Repository
from registry_git.gitstore.signing import signer
from registry_git.gitstore.snapshot import GitSnapshot
from registry_git.manifests.layout import path_of
from registry_git.registry.writing import manifest_files


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRequest:
    """An open request.

    `edits` are the files that approval would change (path to blob id, None: removed), `touches` what rules look at,
    `rolls` the deployments that get another version, `asks` those that are to be asked for afterwards, `forced`
    what stands against it, where it asks for that nevertheless.
    `approvals` are the reviews that count: given to exactly these edits, by the author of the commit that added them.
    """

    record: TransitionRequest
    branch: str
    tip: str
    base: str
    edits: dict[str, str | None]
    touches: tuple[Touch, ...]
    rolls: tuple[Roll, ...]
    asks: tuple[DeploymentKey, ...]
    forced: str
    approvals: tuple[Approval, ...]
    record_path: str


def read_open(
    repository: Repository, *, key: RequestKey, branch: str, tip: str, main: str, to_close: bool = False
) -> OpenRequest:
    """The open request on a branch.

    `to_close`: it is only going to be rejected or cancelled, so it may propose whatever it likes.

    Raises:
        Corrupt: the branch has no record, or proposes other edits than its record asks for.
    """
    base = repository.merge_base(main, tip)
    if base is None:
        raise Corrupt(f"{branch} has no common history with main.", hint=f"Delete the branch {branch}.")
    at_tip = GitSnapshot(repository, tip)
    record = at_tip.request(key.model, key.request)
    path = path_of(key, at_tip.layout)
    if record is None:
        raise Corrupt(f"{branch} holds no record of its request.", path=path, hint=f"Delete the branch {branch}.")
    edits = changed_files(repository, base, tip)
    edits.pop(path, None)
    try:
        expected = _asked(GitSnapshot(repository, base), at_tip, record)
        _refuse_more(repository, record, edits, expected, base, branch)
        touches, rolls, asks = expected.touches, expected.rolls, expected.asks
        forced = expected.headline.forced
    except Corrupt:
        if not to_close:
            raise
        touches, rolls, asks, forced = (), (), (), ""
    return OpenRequest(
        record=record,
        branch=branch,
        tip=tip,
        base=base,
        edits=edits,
        touches=touches,
        rolls=rolls,
        asks=asks,
        forced=forced,
        approvals=() if to_close else _approvals(repository, tip, record, GitSnapshot(repository, main).policy()),
        record_path=path,
    )


def proposal_digest(edits: dict[str, str | None]) -> str:
    """The digest of proposed edits: sha256 over `<path> NUL <blob id or ->` lines, sorted by path."""
    lines = "".join(f"{path}\0{blob or '-'}\n" for path, blob in sorted(edits.items()))
    return f"sha256:{sha256(lines.encode()).hexdigest()}"


def _asked(at_base: Snapshot, at_tip: Snapshot, record: TransitionRequest) -> Proposal:
    """The record, decided again where it was decided."""
    proposed = at_tip.find(PolicyKey()) if record.action is Action.POLICY else None
    try:
        return decide_asked(at_base, record, proposed if isinstance(proposed, Policy) else None)
    except RegistryError as problem:
        raise Corrupt(
            f"Request {record.id} asks for what cannot be: {problem.message}",
            hint=f"Cancel it: registry-git request cancel {record.id}",
        ) from None


def _refuse_more(
    repository: Repository,
    record: TransitionRequest,
    edits: dict[str, str | None],
    expected: Proposal,
    base: str,
    branch: str,
) -> None:
    """Returns when the branch changes just what the record asks for, byte by byte. Raises: Corrupt."""
    asked = asked_files(repository, expected, base)
    if edits != asked or proposal_digest(edits) != record.proposal:
        unlike = sorted(path for path in {*edits, *asked} if edits.get(path, "") != asked.get(path, ""))
        some = ", ".join(unlike[:3]) or "its proposal"
        raise Corrupt(
            f"{branch} changes something else than request {record.id} asks for ({some}).",
            hint=f"Cancel it and ask again: registry-git request cancel {record.id}",
        )


def asked_files(repository: Repository, proposal: Proposal, commit: str) -> dict[str, str | None]:
    """The files that a proposal changes at a commit, path to blob id; those that are as it wants them are left out."""
    at = GitSnapshot(repository, commit)
    found: dict[str, str | None] = {}
    for path, data in manifest_files(proposal.edits, at.layout).items():
        blob = None if data is None else Staging().blob(data)
        before = repository.entry(at.tree, path)
        if blob != (before[1] if before else None):
            found[path] = blob
    return found


def _approvals(repository: Repository, tip: str, record: TransitionRequest, policy: Policy) -> tuple[Approval, ...]:
    """The approvals of the present proposal, each believed only from the commit that brought it.

    Raises:
        Corrupt: the record was made in another person's name, or what it once said was rewritten.
    """
    counted: list[Approval] = []
    reviews = record.reviews
    for commit, then, before in _story(repository, tip, record.key):
        if reviews[: len(then.reviews)] != then.reviews or len(before) > len(then.reviews):
            raise _rewritten(record, "its reviews")
        if (then.requester, then.created) != (record.requester, record.created):
            raise _rewritten(record, "who asked, or when")
        for review in then.reviews[len(before) :]:
            believed = review.by is not None and commit.author.email == review.by.email
            if believed and review.verdict is Verdict.APPROVED and review.proposal == record.proposal and review.by:
                signed = signer(repository, commit.id, policy.keys) == review.by.email
                counted.append(Approval(by=review.by, signed=signed))
        first = commit
    if first.author.email != record.requester.email:
        raise Corrupt(
            f"Request {record.id} says that {record.requester} asks, but {first.author} wrote it.",
            hint=f"Cancel it: registry-git request cancel {record.id}",
        )
    return tuple(counted)


def _story(
    repository: Repository, tip: str, key: RequestKey
) -> Iterator[tuple[Commit, TransitionRequest, tuple[Review, ...]]]:
    """The commits of a branch that hold the record, newest first: the record then, and the reviews before."""
    commit = repository.commit(tip)
    record = GitSnapshot(repository, tip).request(key.model, key.request)
    while record is not None:
        earlier, before = None, None
        for parent in commit.parents:  # a refresh is a merge: the story goes on where the record was
            before = GitSnapshot(repository, parent).request(key.model, key.request)
            if before is not None:
                earlier = repository.commit(parent)
                break
        yield commit, record, before.reviews if before else ()
        if earlier is None:
            return
        commit, record = earlier, before


def _rewritten(record: TransitionRequest, what: str) -> Corrupt:
    return Corrupt(
        f"The record of request {record.id} was rewritten by hand ({what}).",
        hint=f"Cancel it and ask again: registry-git request cancel {record.id}",
    )


def judge(request: OpenRequest, policy: Policy, approvals: tuple[Approval, ...], current: Snapshot) -> Decision:
    """What the policy of `current` says of the request with these approvals; gates look at the versions as they are."""
    touches = tuple(_as_now(touch, current) for touch in request.touches)
    change = Change(touches=touches, requester=request.record.requester, requested=True)
    return evaluate(change, policy, approvals)


def _as_now(touch: Touch, current: Snapshot) -> Touch:
    if touch.entering is None:
        return touch
    try:
        version = current.version(touch.entering.model, touch.entering.version)
    except NotFound:
        return touch
    return Touch(
        action=touch.action,
        model=touch.model,
        target=touch.target,
        entering=version,
        missing_before=touch.missing_before,
    )


def staleness(repository: Repository, request: OpenRequest, main: str) -> str:
    """Why the request no longer fits today's `main`; empty when it fits."""
    record = request.record
    current = GitSnapshot(repository, main)
    paths = overtaken(repository, base=request.base, main=main, edits=request.edits)
    if paths:
        return f"{paths[0]} has changed on main since it was asked"
    if record.action is Action.STAGE and record.model is not None and record.version is not None:
        now = stages_of(current.stage_pointers(record.model), record.version)
        if set(now) != set(record.from_stages):
            stage = shown_stage(current.policy(), now)
            return f"v{record.version} of {record.model} is in {stage} now, not where it was when it was asked"
    # What nobody has touched may still refer to what is gone: only the same decision today is proof.
    proposed = GitSnapshot(repository, request.tip).policy() if record.action is Action.POLICY else None
    try:
        today = decide_asked(current, record, proposed)
    except RegistryError as problem:
        return f"it cannot be done any more ({problem.message.rstrip('.')})"
    if asked_files(repository, today, main) != request.edits:
        return "on today's main it would be another change"
    return ""


def stale_error(record: TransitionRequest, why: str) -> Stale:
    """The error for a request that no longer fits."""
    return Stale(
        f"Request {record.id} is stale: {why}.",
        hint=f"Decide it again on today's main with: registry-git request refresh {record.id}",
    )
