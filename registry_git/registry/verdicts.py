"""The verdict on a request that landed while it was open: what git itself knows of it, and the record with it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from registry_git.core.changes.asked import decide_asked
from registry_git.core.errors import Invalid, RegistryError
from registry_git.core.model import POLICY_SAID, RequestState, Review, TransitionRequest, Verdict
from registry_git.core.names import Actor
from registry_git.core.policy import Approval, Change, evaluate
from registry_git.core.snapshot import Snapshot
from registry_git.core.times import Timestamp
from registry_git.gitstore.commits import Commit
from registry_git.gitstore.repository import Repository
from registry_git.gitstore.signing import signer
from registry_git.gitstore.snapshot import GitSnapshot

LANDING = "registry-git.dev/landing"
_TRAILER = re.compile(r"^(?:Reviewed|Approved|Acked)-by: (.+)$")


def known_reviews(
    repository: Repository,
    record: TransitionRequest,
    commit: Commit,
    by: Actor | None,
    keys: Mapping[str, tuple[str, ...]],
) -> tuple[Review, ...]:
    """The reviews that git shows for a request that `commit` brought to `main`; never none.

    Args:
        repository: where the commit is.
        record: of the request, as it landed.
        commit: the merge, or what a squash or rebase made of the branch.
        by: who merged, as far as the commit tells; None when it names nobody.
        keys: the policy's keys of people, by email address.
    """
    at = Timestamp(commit.at * 1000)

    def review(by: Actor | None, source: str) -> Review:
        return Review(by=by, at=at, verdict=Verdict.APPROVED, source=source, proposal=record.proposal)

    found = []
    keyholder = signer(repository, commit.id, keys)
    if keyholder and keyholder == commit.committer.email:
        found.append(review(commit.committer, "signature"))
    elif by is not None:
        found.append(review(by, "merge"))
    for line in commit.message.split("\n"):
        claimed = _TRAILER.match(line)
        if claimed is not None:
            try:
                found.append(review(Actor.parse(claimed[1]), "trailer"))
            except Invalid:
                continue  # a trailer that names nobody says nothing
    return tuple(found) or (review(None, "merge"),)


def with_verdict(
    repository: Repository, record: TransitionRequest, commit: Commit, reviews: Sequence[Review]
) -> TransitionRequest:
    """The record of a request that `commit` brought to `main`, approved by `reviews`.

    Whether they, with those that it has, meet the policy before the commit is written beside them.
    """
    said = (*record.reviews, *reviews)
    before = GitSnapshot(repository, commit.parents[0])
    beside = {LANDING: commit.id, POLICY_SAID: _verdict_of_policy(record, before, said)}
    annotations = {**record.annotations, **beside}
    return replace(record, reviews=said, state=RequestState.APPROVED, annotations=annotations)


def _verdict_of_policy(record: TransitionRequest, before: Snapshot, reviews: Sequence[Review]) -> str:
    """Whether these reviews would have met the policy that was there before the merge: `met`, or why not."""
    approvals = [
        Approval(by=review.by, signed=review.source == "signature")
        for review in reviews
        if review.by is not None and review.source != "trailer"  # a message may claim anything
    ]
    try:
        touches = decide_asked(before, record, None).touches
    except RegistryError as problem:
        return f"not known: {problem.message}"
    decision = evaluate(Change(touches=touches, requester=record.requester, requested=True), before.policy(), approvals)
    return "met" if decision.allowed else f"not met: {decision.unmet[0].rule}: {decision.unmet[0].why}"
