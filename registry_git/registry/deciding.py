"""Decisions on requests: saying yes or no is a merge."""

from __future__ import annotations

from dataclasses import replace

from registry_git.core.changes.proposal import Act, Headline
from registry_git.core.errors import PermissionDenied
from registry_git.core.model import RequestKey, RequestState, Review, Verdict
from registry_git.core.names import Actor
from registry_git.core.policy import Approval
from registry_git.core.snapshot import Snapshot
from registry_git.gitstore.repository import MAIN
from registry_git.gitstore.session import Session
from registry_git.gitstore.signing import is_listed
from registry_git.gitstore.store import Store
from registry_git.manifests.codec import encode
from registry_git.manifests.layout import request_ref
from registry_git.manifests.messages import write_message
from registry_git.registry.open_request import OpenRequest, judge, read_open, stale_error, staleness
from registry_git.registry.requests import blob_at, branch_of, describe_asked, reflog

_WORDS = {Verdict.APPROVED: "Approve", Verdict.REJECTED: "Reject", Verdict.CANCELLED: "Cancel"}


def approve(store: Store, act: Act, key: RequestKey) -> OpenRequest | None:
    """Approves; with the approval that suffices, the change is merged into `main` in the same act.

    Gives the request that was merged: the deployments that it rolled, and those for which a request of their own may be
    due. None: nothing was merged.

    Raises:
        NotFound: no such request; Conflict: it is closed; Stale: `main` has moved on; nothing was written.
        PermissionDenied: no rule that the request waits for would count this person.
    """

    def plan(session: Session) -> OpenRequest | None:
        if _already(session, key, act, RequestState.APPROVED):
            return None
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
        if not decision.allowed and _said_so(request, act, signed=signed):
            return None
        state = RequestState.APPROVED if decision.allowed else RequestState.OPEN
        tip = _decide(session, act, request, Verdict.APPROVED, state, request.edits)
        if decision.allowed:
            _land(session, act, request, tip, request.edits, Verdict.APPROVED)
            return request
        session.move(request.branch, old=request.tip, new=tip)
        return None

    return store.transact(plan, describe=reflog(act, f"approve {key.request}"))


def close(store: Store, act: Act, key: RequestKey, verdict: Verdict) -> None:
    """Rejects or cancels: the edits are withdrawn, the record is closed and merged; what was asked does not happen.

    Raises:
        NotFound: no such request; Conflict: it is closed already.
        PermissionDenied: others than the requester take a role that decides, and the right to use it (`Act.approves`).
    """
    wanted = RequestState.REJECTED if verdict is Verdict.REJECTED else RequestState.CANCELLED

    def plan(session: Session) -> None:
        if _already(session, key, act, wanted):
            return
        request = _open(session, key, to_close=True)
        if not act.approves and act.actor.email != request.record.requester.email:
            # to cancel what another asked for is to decide it, as much as to reject it
            raise PermissionDenied(
                f"Request {key.request} is another's, and this token of {act.actor.email} is not for decisions.",
                hint=f"Make one with: registry-git user token {act.actor.email} --scope approve",
            )
        require_say(request, session.snapshot(), act.actor, verdict)
        restored = {path: blob_at(session, request.base, path) for path in request.edits}
        tip = _decide(session, act, request, verdict, wanted, restored)
        _land(session, act, request, tip, {}, verdict)

    store.transact(plan, describe=reflog(act, f"{verdict.value} {key.request}"))


def close_as_said(store: Store, act: Act, key: RequestKey, review: Review) -> None:
    """Closes a request as somebody has decided elsewhere (a closed pull request); the act's actor writes it down.

    Raises:
        NotFound: no such request; Conflict: it is closed.
    """
    state = RequestState.REJECTED if review.verdict is Verdict.REJECTED else RequestState.CANCELLED

    def plan(session: Session) -> None:
        request = _open(session, key, to_close=True)
        restored = {path: blob_at(session, request.base, path) for path in request.edits}
        tip = _decide(session, act, request, review.verdict, state, restored, said=review)
        _land(session, act, request, tip, {}, review.verdict)

    store.transact(plan, describe=reflog(act, f"{review.verdict.value} {key.request}"))


def _open(session: Session, key: RequestKey, *, to_close: bool = False) -> OpenRequest:
    branch, tip = branch_of(session, key)
    return read_open(session.repository, key=key, branch=branch, tip=tip, main=session.main, to_close=to_close)


def _already(session: Session, key: RequestKey, act: Act, state: RequestState) -> bool:
    """Whether this person has closed the request this way before: a retry after a lost answer."""
    record = session.snapshot().request(key.model, key.request)
    if record is None or record.state is not state or not record.reviews:
        return False
    last = record.reviews[-1].by
    if last is None or last.email != act.actor.email:
        return False
    branch = request_ref(key.model, key.request)
    tip = session.request_branch(branch)
    if tip is not None and session.repository.is_ancestor(tip, session.main):
        session.move(branch, old=tip, new=None)  # the earlier try was killed before it could tidy
    return True


def _said_so(request: OpenRequest, act: Act, *, signed: bool) -> bool:
    """Whether this person has approved the present proposal in these words before: a retry after a lost answer."""
    if not any(one.by.email == act.actor.email and one.signed >= signed for one in request.approvals):
        return False
    return any(
        review.by is not None
        and (review.by.email, review.comment) == (act.actor.email, act.comment)
        and (review.verdict, review.proposal) == (Verdict.APPROVED, request.record.proposal)
        for review in request.record.reviews
    )


def _decide(
    session: Session,
    act: Act,
    request: OpenRequest,
    verdict: Verdict,
    state: RequestState,
    edits: dict[str, str | None],
    *,
    said: Review | None = None,
) -> str:
    """The decision commit on the request branch. `said` is another's review, which the actor only writes down."""
    record = request.record
    own = Review(by=act.actor, at=act.at, verdict=verdict, comment=act.comment, proposal=record.proposal)
    review = said or own
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
        forced=request.forced if verdict is Verdict.APPROVED else "",
        request=record.id,
    )
    return write_message(headline, act.comment, record.id, act.at)


def require_say(request: OpenRequest, current: Snapshot, actor: Actor, verdict: Verdict) -> None:
    """Returns when `actor` may close the request this way. Raises: PermissionDenied."""
    own = actor.email == request.record.requester.email
    if own:
        return
    closers = judge(request, current.policy(), (), current).closers
    if closers is not None and actor.email not in closers:
        word = "reject" if verdict is Verdict.REJECTED else "cancel"
        others = f"These may: {', '.join(closers)}; the" if closers else "Nobody holds a role that may; the"
        raise PermissionDenied(
            f"{actor.email} may not {word} request {request.record.id}.",
            hint=f"{others} requester may cancel it: {request.record.requester.email}.",
        )
