"""A request as its branch holds it: the record, the edits that it proposes, and which reviews of it count."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from registry_git.core.changes.asked import decide_asked
from registry_git.core.changes.proposal import Proposal, Touch
from registry_git.core.errors import Corrupt, NotFound, RegistryError
from registry_git.core.model import Action, Policy, PolicyKey, RequestKey, TransitionRequest, Verdict
from registry_git.core.policy import Approval, Change, Decision, evaluate
from registry_git.core.snapshot import Snapshot, shown_stage, stages_of
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

    `edits` are the files that approval would change (path to blob id, None: removed), `touches` what rules look at.
    `approvals` are the reviews that count: given to exactly these edits, by the author of the commit that added them.
    """

    record: TransitionRequest
    branch: str
    tip: str
    base: str
    edits: dict[str, str | None]
    touches: tuple[Touch, ...]
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
        touches = expected.touches
    except Corrupt:
        if not to_close:
            raise
        touches = ()
    return OpenRequest(
        record=record,
        branch=branch,
        tip=tip,
        base=base,
        edits=edits,
        touches=touches,
        approvals=_approvals(repository, at_tip, record, base, GitSnapshot(repository, main).policy()),
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
    at_base = GitSnapshot(repository, base)
    asked: dict[str, str | None] = {}
    for path, data in manifest_files(expected.edits, at_base.layout).items():
        blob = None if data is None else Staging().blob(data)
        before = repository.entry(at_base.tree, path)
        if blob != (before[1] if before else None):
            asked[path] = blob
    if edits != asked or proposal_digest(edits) != record.proposal:
        unlike = sorted(path for path in {*edits, *asked} if edits.get(path, "") != asked.get(path, ""))
        some = ", ".join(unlike[:3]) or "its proposal"
        raise Corrupt(
            f"{branch} changes something else than request {record.id} asks for ({some}).",
            hint=f"Cancel it and ask again: registry-git request cancel {record.id}",
        )


def _approvals(
    repository: Repository, at_tip: GitSnapshot, record: TransitionRequest, base: str, policy: Policy
) -> tuple[Approval, ...]:
    """The approvals of the present proposal, each believed only from the commit that brought it."""
    counted = []
    later = repository.commit(at_tip.commit)
    reviews = record.reviews
    while reviews and later.id != base and later.parents:
        earlier = repository.commit(later.parents[0])
        before = GitSnapshot(repository, earlier.id).request(record.model, record.id)
        known = len(before.reviews) if before else 0
        for review in reviews[known:]:
            believed = review.by is not None and later.author.email == review.by.email
            if believed and review.verdict is Verdict.APPROVED and review.proposal == record.proposal and review.by:
                signed = signer(repository, later.id, policy.keys) == review.by.email
                counted.append(Approval(by=review.by, signed=signed))
        reviews = reviews[:known]
        later = earlier
    return tuple(counted)


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
    return ""


def stale_error(record: TransitionRequest, why: str) -> Stale:
    """The error for a request that no longer fits."""
    return Stale(
        f"Request {record.id} is stale: {why}.",
        hint=f"Decide it again on today's main with: registry-git request refresh {record.id}",
    )
