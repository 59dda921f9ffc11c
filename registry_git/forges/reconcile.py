"""`reconcile`: what a forge knows of landed and closed pull requests, written into the records of their requests."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from registry_git.core.errors import Invalid, NotFound
from registry_git.core.model import DeploymentChange, Review, TransitionRequest, Verdict
from registry_git.core.times import Timestamp
from registry_git.forges.base import Forge, ForgeReview, Person, PullRequest, PullState, approvals
from registry_git.forges.description import describe
from registry_git.manifests.layout import request_ref
from registry_git.registry.facade import Registry
from registry_git.registry.landing import Landed, Waiting

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """A verdict that was written into a record. `by` names who gave it (`unknown` where nobody can be named).

    `policy` says whether the approvals met the policy before the merge; empty for a rejection.
    """

    request: str
    verdict: str
    by: tuple[str, ...]
    sources: tuple[str, ...]
    policy: str
    pull: str


def reconcile(registry: Registry, forge: Forge | None) -> list[Reconciled]:
    """Writes down the verdicts that are missing; gives what was written. Running it again changes nothing.

    Without a forge only merges are found, with what git alone knows of them. A merge on a forge moves stages and
    aliases too: the rolls of deployments that follow these on request are asked for, with a pull request each.

    Raises:
        PermissionDenied, Unavailable: the forge does not answer; what was written before that stays.
    """
    found = [_landing(registry, forge, landed) for landed in registry.landed()]
    registry.ask_for_rolls()
    if forge is not None:
        for waiting in registry.waiting():
            pulls = forge.find_by_branch(waiting.branch)
            closed = _closing(registry, forge, waiting, pulls[0] if pulls else None)
            if closed is not None:
                found.append(closed)
            elif not pulls and _is_roll(waiting.record):
                _open(registry, forge, waiting)
    return found


def _open(registry: Registry, forge: Forge, waiting: Waiting) -> None:
    """The pull request of a roll: nobody asked for it by hand, so nobody else opens it."""
    try:
        forge.open(describe(registry, waiting.record.id))
    except (Invalid, NotFound) as problem:
        _LOG.warning("No pull request is opened for %s: %s", waiting.branch, problem)  # its branch is not there


def _is_roll(record: TransitionRequest) -> bool:
    return record.declaration is not None and record.declaration.change is DeploymentChange.ROLL


def _landing(registry: Registry, forge: Forge | None, landed: Landed) -> Reconciled:
    pull = _pull(forge, landed) if forge is not None else None
    reviews = landed.known
    if forge is not None and pull is not None:
        reviews = _reviews(forge, pull, landed) or reviews
    view = registry.record_landing(landed.record.id, reviews)
    return Reconciled(
        request=landed.record.id,
        verdict=Verdict.APPROVED.value,
        by=tuple(review.by or "unknown" for review in reviews),
        sources=tuple(review.source for review in reviews),
        policy=view.record.policy_said,
        pull=pull.url if pull else "",
    )


def _pull(forge: Forge, landed: Landed) -> PullRequest | None:
    """The merged pull request behind a landing: the one that the forge names for the commit, else for the head."""
    branch = request_ref(landed.record.model, landed.record.id).removeprefix("refs/heads/")
    for commit in (landed.commit, landed.head):
        for pull in forge.find_by_commit(commit) if commit else ():
            if pull.state is PullState.MERGED and pull.branch == branch:
                return pull
    return next((pull for pull in forge.find_by_branch(branch) if pull.state is PullState.MERGED), None)


def _reviews(forge: Forge, pull: PullRequest, landed: Landed) -> tuple[Review, ...]:
    """Who approved the head that landed, and who merged it; what only the message claims stays marked so."""
    record = landed.record
    # What git knows to be merged comes first: Gitea shows the branch as it is now, and it may have moved on.
    head = landed.head or pull.head
    given = [
        _review(record, one.by, "review", one.at or pull.merged_at or record.created, one.comment)
        for one in approvals(forge.reviews(pull.number), head=head)
        if not _is_requester(one, record) and not _came_after(one, pull)
    ]
    if pull.merged_by is not None:
        given.append(_review(record, pull.merged_by, "merge", pull.merged_at or record.created, ""))
    return (*given, *(review for review in landed.known if given and review.source == "trailer"))


def _came_after(review: ForgeReview, pull: PullRequest) -> bool:
    """Whether it was given to what was merged already: no approval of the merge, whatever commit it names."""
    return review.at is not None and pull.merged_at is not None and review.at > pull.merged_at


def _is_requester(review: ForgeReview, record: TransitionRequest) -> bool:
    actor = review.by.actor
    return actor is not None and actor.email == record.requester.email


def _review(record: TransitionRequest, by: Person, source: str, at: Timestamp, comment: str) -> Review:
    actor = by.actor
    if actor is None:
        # a login is no address: who it is can be said in registry.yaml, and is not made up here
        comment = f"{comment}\n\n{by.login} (no e-mail address known; see forge.people)".strip()
    return Review(by=actor, at=at, verdict=Verdict.APPROVED, comment=comment, source=source, proposal=record.proposal)


def _closing(registry: Registry, forge: Forge, waiting: Waiting, pull: PullRequest | None) -> Reconciled | None:
    if pull is None or pull.state is not PullState.CLOSED:
        return None
    comments = forge.comments(pull.number)
    last = comments[-1] if comments else None
    actor = pull.closed_by.actor if pull.closed_by else None
    words = last.text if last else ""
    if actor is None and pull.closed_by is not None:
        words = f"{words}\n\nclosed by {pull.closed_by.login}".strip()
    at = pull.closed_at or (last.at if last else None) or waiting.record.created
    review = Review(
        by=actor, at=at, verdict=Verdict.REJECTED, comment=words, source="review", proposal=waiting.record.proposal
    )
    registry.record_closing(waiting.record.id, review)
    return Reconciled(
        request=waiting.record.id,
        verdict=Verdict.REJECTED.value,
        by=(actor or "unknown",),
        sources=("review",),
        policy="",
        pull=pull.url,
    )
