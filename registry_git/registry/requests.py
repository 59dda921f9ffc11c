"""Requests: asking is a branch. `deciding` is what becomes of it."""

from __future__ import annotations

from dataclasses import replace

from registry_git.core.activity import asked_of_deployment
from registry_git.core.changes.asked import decide_asked
from registry_git.core.changes.proposal import Act, Proposal
from registry_git.core.errors import Conflict, Invalid, NotFound
from registry_git.core.model import Action, Policy, RequestKey, RequestState, TransitionRequest
from registry_git.core.snapshot import Overlay, Snapshot, find_stage, stages_of
from registry_git.gitstore.refs import ReflogEntry
from registry_git.gitstore.session import Session
from registry_git.gitstore.snapshot import GitSnapshot
from registry_git.gitstore.store import Store
from registry_git.manifests.codec import encode
from registry_git.manifests.layout import path_of, request_ref
from registry_git.manifests.messages import write_message
from registry_git.registry.open_request import (
    proposal_digest,
)
from registry_git.registry.writing import manifest_files, refuse_untrue


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
            raise Invalid(
                f"There is nothing to ask for: {_sentence(proposal)!r} would change nothing.",
                hint="It is so already; ask for something else.",
            )
        tip = _propose(session, act, record, proposal, at_main, parents=(session.main,), word="Request to")
        session.move(branch, old=None, new=tip)

    store.transact(plan, describe=reflog(act, f"request {draft.id}"))


def refresh(store: Store, act: Act, key: RequestKey, *, archive_existing: bool = False) -> None:
    """Decides the request again on today's `main`. Approvals stay in the record, but no longer count.

    `archive_existing`: it asks from now on that versions which are in the stage are archived, if it did not before.

    Raises:
        NotFound: no open request; Invalid: what it asks for is so already.
    """

    def plan(session: Session) -> None:
        branch, tip = branch_of(session, key)
        at_main, at_tip = session.snapshot(), session.snapshot(tip)
        known = at_tip.request(key.model, key.request)
        if known is None:
            raise NotFound(f"Request {key.request} has no record.", hint=f"Delete the branch {branch}.")
        record = replace(
            _spelled(at_main, known), refreshed=act.at, archive_existing=known.archive_existing or archive_existing
        )
        policy = at_tip.policy() if record.action is Action.POLICY else None
        proposal = decide_asked(at_main, record, policy)
        if not proposal.edits:
            raise Invalid(
                f"What request {key.request} asks for is so already.",
                hint=f"Cancel it: registry-git request cancel {key.request}",
            )
        # `main` first: whoever fast-forwards to this branch keeps main's own line of first parents
        new = _propose(
            session, act, record, proposal, at_main, parents=(session.main, tip), word="Refresh the request to"
        )
        session.move(branch, old=tip, new=new)

    store.transact(plan, describe=reflog(act, f"refresh {key.request}"))


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
    unlike = {path: blob for path, blob in blobs.items() if blob != blob_at(session, session.main, path)}
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
        message=write_message(headline, act.comment, record.id, act.at),
    )


def branch_of(session: Session, key: RequestKey) -> tuple[str, str]:
    """The branch of an open request and its tip. Raises: Conflict when it is closed; NotFound."""
    branch = request_ref(key.model, key.request)
    tip = session.request_branch(branch)
    closed = session.snapshot().request(key.model, key.request)
    if closed is not None and closed.state is not RequestState.OPEN:
        last = closed.reviews[-1].by if closed.reviews else None
        raise Conflict(
            f"Request {key.request} is {closed.state.value} already{f' by {last}' if last else ''}.",
            hint=f"See it with: registry-git request show {key.request}",
        )
    if closed is not None:
        raise Conflict(
            f"Request {key.request} has landed on main already, by another way than a decision made here.",
            hint=f"See who brought it: registry-git request show {key.request}",
        )
    if tip is None:
        raise NotFound(f"There is no open request {key.request}.", hint="List them with: registry-git request list")
    return branch, tip


def describe_asked(record: TransitionRequest) -> str:
    """What the record asks for, in a few words: `fraud v12 to Production`."""
    if record.action is Action.STAGE:
        return f"{record.model} v{record.version} to {record.to}"
    if record.action is Action.ALIAS:
        target = f"to v{record.version}" if record.version else "deleted"
        return f"alias {record.alias} of {record.model} {target}"
    if record.action is Action.DELETE:
        return f"delete {record.model}{f' v{record.version}' if record.version else ''}"
    if record.action is Action.RENAME:
        return f"rename {record.model} to {record.new_name}"
    if record.action is Action.DEPLOYMENT:
        return asked_of_deployment(record)
    return f"change the {record.action.value}"


def blob_at(session: Session, commit: str, path: str) -> str | None:
    """The id of the file at a path of a stored commit, or None."""
    entry = session.repository.entry(session.tree_of(commit), path)
    return entry[1] if entry else None


def _sentence(proposal: Proposal) -> str:
    return proposal.headline.sentence


def reflog(act: Act, what: str) -> ReflogEntry:
    """What git's reflog says of an act."""
    return ReflogEntry(actor=act.actor, at_seconds=act.at // 1000, message=f"registry-git: {what}")
