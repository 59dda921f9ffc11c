"""Requests: asking is a branch, saying yes or no is a merge."""

from __future__ import annotations

from dataclasses import replace

from registry_git.core.changes.asked import decide_asked
from registry_git.core.changes.proposal import Act, Headline, Proposal
from registry_git.core.errors import Conflict, Invalid, NotFound, PermissionDenied
from registry_git.core.model import Action, Policy, RequestKey, RequestState, Review, TransitionRequest, Verdict
from registry_git.core.policy import Approval
from registry_git.core.snapshot import Overlay, Snapshot, find_stage, stages_of
from registry_git.gitstore.refs import ReflogEntry
from registry_git.gitstore.repository import MAIN
from registry_git.gitstore.session import Session
from registry_git.gitstore.signing import is_listed
from registry_git.gitstore.snapshot import GitSnapshot
from registry_git.gitstore.store import Store
from registry_git.manifests.codec import encode
from registry_git.manifests.layout import path_of, request_ref
from registry_git.manifests.messages import write_message
from registry_git.registry.open_request import (
    OpenRequest,
    judge,
    proposal_digest,
    read_open,
    stale_error,
    staleness,
)
from registry_git.registry.writing import manifest_files, refuse_untrue

_WORDS = {Verdict.APPROVED: "Approve", Verdict.REJECTED: "Reject", Verdict.CANCELLED: "Cancel"}


def create(store: Store, act: Act, draft: TransitionRequest, policy: Policy | None = None) -> None:
    """Asks: a branch with one commit, the record and the edits that approval would make.

    `draft` says what is asked; stages and proposal are filled in here. A retry with the same id changes nothing.

    Raises:
        Invalid: it is so already, or can never be; NotFound.
    """

    def plan(session: Session) -> None:
        branch = request_ref(draft.model, draft.id)
        at_main = session.snapshot()
        if session.request_branch(branch) or at_main.request(draft.model, draft.id):
            return
        record = _spelled(at_main, draft)
        proposal = decide_asked(at_main, record, policy)
        if not proposal.edits:
            raise Invalid(f"There is nothing to ask for: {_sentence(proposal)} would change nothing.")
        tip = _propose(session, act, record, proposal, at_main, parents=(session.main,), word="Request to")
        session.move(branch, old=None, new=tip)

    store.transact(plan, describe=_reflog(act, f"request {draft.id}"))


def refresh(store: Store, act: Act, key: RequestKey) -> None:
    """Decides the request again on today's `main`. Approvals stay in the record, but no longer count.

    Raises:
        NotFound: no open request; Invalid: what it asks for is so already.
    """

    def plan(session: Session) -> None:
        branch, tip = _branch(session, key)
        at_main, at_tip = session.snapshot(), session.snapshot(tip)
        known = at_tip.request(key.model, key.request)
        if known is None:
            raise NotFound(f"Request {key.request} has no record.", hint=f"Delete the branch {branch}.")
        record = replace(_spelled(at_main, known), refreshed=act.at)
        policy = at_tip.policy() if record.action is Action.POLICY else None
        proposal = decide_asked(at_main, record, policy)
        if not proposal.edits:
            raise Invalid(
                f"What request {key.request} asks for is so already.",
                hint=f"Cancel it: registry-git request cancel {key.request}",
            )
        new = _propose(
            session, act, record, proposal, at_main, parents=(tip, session.main), word="Refresh the request to"
        )
        session.move(branch, old=tip, new=new)

    store.transact(plan, describe=_reflog(act, f"refresh {key.request}"))


def approve(store: Store, act: Act, key: RequestKey) -> None:
    """Approves; with the approval that suffices, the change is merged into `main` in the same act.

    Raises:
        NotFound: no such request; Conflict: it is closed; Stale: `main` has moved on; nothing was written.
        PermissionDenied: no rule that the request waits for would count this person.
    """

    def plan(session: Session) -> None:
        if _already(session, key, act, RequestState.APPROVED):
            return
        request = _open(session, key)
        current = session.snapshot()
        why = staleness(session.repository, request, session.main)
        if why:
            raise stale_error(request.record, why)
        policy = current.policy()
        before = judge(request, policy, request.approvals, current)
        may = before.anyone or act.actor.email in before.may_approve
        own = act.actor.email == request.record.requester.email
        if not (may or own or before.allowed or any(a.by.email == act.actor.email for a in request.approvals)):
            waits = [unmet for unmet in before.unmet if unmet.by_approval]
            if waits:
                raise PermissionDenied(
                    f"{act.actor.email} may not approve this: {waits[0].rule}: {waits[0].why}.", hint=waits[0].satisfy
                )
        signed = is_listed(store.signing_key(), policy.keys.get(act.actor.email, ()))
        approvals = (*request.approvals, Approval(by=act.actor, signed=signed))
        decision = judge(request, policy, approvals, current)
        state = RequestState.APPROVED if decision.allowed else RequestState.OPEN
        tip = _decide(session, act, request, Verdict.APPROVED, state, request.edits)
        if decision.allowed:
            _land(session, act, request, tip, request.edits, Verdict.APPROVED)
        else:
            session.move(request.branch, old=request.tip, new=tip)

    store.transact(plan, describe=_reflog(act, f"approve {key.request}"))


def close(store: Store, act: Act, key: RequestKey, verdict: Verdict) -> None:
    """Rejects or cancels: the edits are withdrawn, the record is closed and merged; what was asked does not happen.

    Raises:
        NotFound: no such request; Conflict: it is closed already.
        PermissionDenied: the requester cancels and does not reject; others cancel only with a role that decides.
    """
    wanted = RequestState.REJECTED if verdict is Verdict.REJECTED else RequestState.CANCELLED

    def plan(session: Session) -> None:
        if _already(session, key, act, wanted):
            return
        request = _open(session, key, to_close=True)
        _require_say(request, session.snapshot(), act, verdict)
        restored = {path: _blob_at(session, request.base, path) for path in request.edits}
        tip = _decide(session, act, request, verdict, wanted, restored)
        _land(session, act, request, tip, {}, verdict)

    store.transact(plan, describe=_reflog(act, f"{verdict.value} {key.request}"))


def _spelled(snapshot: Snapshot, draft: TransitionRequest) -> TransitionRequest:
    """The record with the stage as the registry spells it, and the stages that the version is in now."""
    if draft.action is not Action.STAGE or draft.model is None or draft.version is None:
        return draft
    target = find_stage(snapshot.policy(), draft.to)
    snapshot.version(draft.model, draft.version)
    held = stages_of(snapshot.stage_pointers(draft.model), draft.version)
    return replace(draft, to=target.name if target else "None", from_stages=held)


def _propose(
    session: Session,
    act: Act,
    record: TransitionRequest,
    proposal: Proposal,
    at_main: GitSnapshot,
    *,
    parents: tuple[str, ...],
    word: str,
) -> str:
    edits = manifest_files(proposal.edits, at_main.layout)
    refuse_untrue(Overlay(at_main, proposal.edits), proposal.edits)
    blobs = {path: None if data is None else session.staging.blob(data) for path, data in edits.items()}
    unlike = {path: blob for path, blob in blobs.items() if blob != _blob_at(session, session.main, path)}
    record = replace(record, proposal=proposal_digest(unlike))
    sentence = _sentence(proposal)
    headline = replace(
        proposal.headline,
        sentence=f"{word} {sentence[0].lower()}{sentence[1:]}",
        action="request",
        request=record.id,
    )
    return session.commit(
        onto=session.main,
        parents=parents,
        files={**edits, path_of(record.key, at_main.layout): encode(record)},
        author=act.actor,
        at_seconds=act.at // 1000,
        message=write_message(headline, act.comment, record.id),
    )


def _branch(session: Session, key: RequestKey) -> tuple[str, str]:
    branch = request_ref(key.model, key.request)
    tip = session.request_branch(branch)
    closed = session.snapshot().request(key.model, key.request)
    if closed is not None and closed.state is not RequestState.OPEN:
        last = closed.reviews[-1].by if closed.reviews else None
        raise Conflict(
            f"Request {key.request} is {closed.state.value} already{f' by {last}' if last else ''}.",
            hint=f"See it with: registry-git request show {key.request}",
        )
    if tip is None:
        raise NotFound(f"There is no open request {key.request}.", hint="List them with: registry-git request list")
    return branch, tip


def _open(session: Session, key: RequestKey, *, to_close: bool = False) -> OpenRequest:
    branch, tip = _branch(session, key)
    return read_open(session.repository, key=key, branch=branch, tip=tip, main=session.main, to_close=to_close)


def _already(session: Session, key: RequestKey, act: Act, state: RequestState) -> bool:
    """Whether this person has closed the request this way before: a retry after a lost answer."""
    record = session.snapshot().request(key.model, key.request)
    if record is None or record.state is not state or not record.reviews:
        return False
    last = record.reviews[-1].by
    return last is not None and last.email == act.actor.email


def _decide(
    session: Session,
    act: Act,
    request: OpenRequest,
    verdict: Verdict,
    state: RequestState,
    edits: dict[str, str | None],
) -> str:
    """The decision commit on the request branch."""
    record = request.record
    review = Review(by=act.actor, at=act.at, verdict=verdict, comment=act.comment, proposal=record.proposal)
    after = replace(record, state=state, reviews=(*record.reviews, review))
    blobs = {**edits, request.record_path: session.staging.blob(encode(after))}
    return session.commit_blobs(
        onto=request.tip,
        parents=(request.tip,),
        blobs=blobs,
        author=act.actor,
        at_seconds=act.at // 1000,
        message=_message(act, request, verdict),
        sign=True,
    )


def _land(
    session: Session, act: Act, request: OpenRequest, decision: str, edits: dict[str, str | None], verdict: Verdict
) -> None:
    """The merge: first parent `main`, second the decision; the tree is git's own three-way merge of the two."""
    record_blob = session.entry(decision, request.record_path)
    merge = session.commit_blobs(
        onto=session.main,
        parents=(session.main, decision),
        blobs={**edits, request.record_path: record_blob},
        author=act.actor,
        at_seconds=act.at // 1000,
        message=_message(act, request, verdict),
        sign=True,
    )
    session.move(MAIN, old=session.main, new=merge)
    session.move(request.branch, old=request.tip, new=None)


def _message(act: Act, request: OpenRequest, verdict: Verdict) -> str:
    record = request.record
    headline = Headline(
        sentence=f"{_WORDS[verdict]} request {record.id}: {describe_asked(record)}",
        action=verdict.value,
        model=record.model,
        version=record.version,
        from_stage=record.from_stages[-1] if record.from_stages else "",
        to_stage=record.to,
        request=record.id,
    )
    return write_message(headline, act.comment, record.id)


def describe_asked(record: TransitionRequest) -> str:
    """What the record asks for, in a few words: `fraud v12 to Production`."""
    if record.action is Action.STAGE:
        return f"{record.model} v{record.version} to {record.to}"
    if record.action is Action.ALIAS:
        target = f"to v{record.version}" if record.version else "deleted"
        return f"alias {record.alias} of {record.model} {target}"
    if record.action is Action.DELETE:
        return f"delete {record.model}{f' v{record.version}' if record.version else ''}"
    return f"change the {record.action.value}"


def _require_say(request: OpenRequest, current: Snapshot, act: Act, verdict: Verdict) -> None:
    own = act.actor.email == request.record.requester.email
    if own:
        return
    decision = judge(request, current.policy(), (), current)
    if decision.may_approve and not decision.anyone and act.actor.email not in decision.may_approve:
        word = "reject" if verdict is Verdict.REJECTED else "cancel"
        raise PermissionDenied(
            f"{act.actor.email} may not {word} request {request.record.id}.",
            hint=f"These may: {', '.join(decision.may_approve)}; the requester may cancel it.",
        )


def _blob_at(session: Session, commit: str, path: str) -> str | None:
    entry = session.repository.entry(session.tree_of(commit), path)
    return entry[1] if entry else None


def _sentence(proposal: Proposal) -> str:
    return proposal.headline.sentence


def _reflog(act: Act, what: str) -> ReflogEntry:
    return ReflogEntry(actor=act.actor, at_seconds=act.at // 1000, message=f"registry-git: {what}")
