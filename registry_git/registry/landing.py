"""Requests that somebody merged or closed elsewhere: what is known of the verdict, written into the record.

A pull request merged on a forge brings the record to `main` while it is still open; one that is closed leaves its
branch behind. Who decided is found here as far as git knows it; a forge knows more, and hands it in as reviews.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from registry_git.core.activity import UNKNOWN, landing_id
from registry_git.core.changes.proposal import Headline
from registry_git.core.errors import Conflict, Invalid
from registry_git.core.model import RequestState, Review, TransitionRequest, Verdict
from registry_git.core.names import Actor, Id, ModelName
from registry_git.core.times import Timestamp
from registry_git.gitstore.refs import ReflogEntry
from registry_git.gitstore.repository import MAIN
from registry_git.gitstore.session import Session
from registry_git.gitstore.snapshot import GitSnapshot
from registry_git.manifests.codec import encode
from registry_git.manifests.layout import parse_request_ref, path_of
from registry_git.manifests.messages import write_message
from registry_git.registry import deciding, requests
from registry_git.registry.verdicts import known_reviews, with_verdict
from registry_git.registry.views import RequestView
from registry_git.registry.writes import Writes


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """A request that came to `main` open. `commit` brought it, `head` was merged (empty: squashed or rebased).

    `known` are the reviews that git itself shows: who merged, whose key signed, whom the message names.
    """

    record: TransitionRequest
    commit: str
    head: str
    known: tuple[Review, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A request whose branch is still there: open, as far as git knows."""

    record: TransitionRequest
    branch: str
    head: str


class Landing(Writes):
    """The part of the registry that takes note of decisions made elsewhere."""

    def landed(self) -> list[Landed]:
        """The requests that are on `main` without a verdict in their record, oldest first."""
        snapshot = self._snapshot()
        queries = self._queries(snapshot)
        found = []
        for owner, request in queries.requests(None, RequestState.OPEN.value):
            model = ModelName(owner) if owner else None
            record = snapshot.request(model, Id(request))
            if record is None:
                continue
            told = [one for one in queries.activities(None, None, request=request) if one.id == landing_id(record)]
            if told:
                commit = self._store.repository.commit(told[0].commit)
                by = None if told[0].user_id == UNKNOWN else Actor(told[0].user_id)
                head = commit.parents[1] if len(commit.parents) > 1 else ""
                known = known_reviews(self._store.repository, record, commit, by, snapshot.policy().keys)
                found.append(Landed(record=record, commit=commit.id, head=head, known=known))
        return found

    def waiting(self) -> list[Waiting]:
        """The requests whose branches are there and that `main` knows nothing of."""
        snapshot = self._snapshot()
        found = []
        for branch, tip in self._branches().items():
            key = parse_request_ref(branch)
            if key is None or snapshot.request(key.model, key.request) is not None:
                continue
            record = GitSnapshot(self._store.repository, tip).request(key.model, key.request)
            if record is not None:
                found.append(Waiting(record=record, branch=branch.removeprefix("refs/heads/"), head=tip))
        return found

    def record_landing(self, id: str, reviews: Sequence[Review]) -> RequestView:
        """Writes the verdict on a landed request into its record: approved, by these reviews.

        Whether they meet the policy is written beside it; the merge has happened either way.

        Raises:
            NotFound: no such request; Conflict: it did not land, or has its verdict.
        """
        found = next((one for one in self.landed() if one.record.id == id), None)
        if found is None:
            hint = f"See: registry-git request show {id}"
            raise Conflict(f"Request {id} has not landed, or has its verdict.", hint=hint)
        act = self._surroundings.act()
        repository = self._store.repository

        def plan(session: Session) -> None:
            snapshot = session.snapshot()
            record = snapshot.request(found.record.model, found.record.id)
            if record is None or record.state is not RequestState.OPEN:
                raise Conflict(f"Request {id} has its verdict already.", hint=f"See: registry-git request show {id}")
            after = with_verdict(repository, record, repository.commit(found.commit), reviews)
            tip = session.commit(
                onto=session.main,
                parents=(session.main,),
                files={path_of(record.key, snapshot.layout): encode(after)},
                author=act.actor,
                at_seconds=act.at // 1000,
                message=write_message(_headline(record, "Record the approval of"), "", act.id, act.at),
            )
            session.move(MAIN, old=session.main, new=tip)

        self._store.transact(plan, describe=_reflog(act.actor, act.at, f"reconcile {id}"))
        return self.request(id)

    def record_closing(self, id: str, review: Review) -> RequestView:
        """Writes down that a request was rejected (or cancelled) elsewhere; its branch is merged without its edits.

        Raises:
            NotFound: there is no open request; Invalid: the review is an approval.
        """
        if review.verdict is Verdict.APPROVED:
            raise Invalid("An approval does not close a request.", hint="Merge it.")
        snapshot = self._snapshot()
        key = self._find(snapshot, Id.parse(id))
        deciding.close_as_said(self._store, self._surroundings.act(), key, review)
        return self.request(id)


def _headline(record: TransitionRequest, word: str) -> Headline:
    return Headline(
        sentence=f"{word} request {record.id}: {requests.describe_asked(record)}",
        action="reconcile",
        model=record.model,
        version=record.version,
        request=record.id,
    )


def _reflog(actor: Actor, at: Timestamp, what: str) -> ReflogEntry:
    return ReflogEntry(actor=actor, at_seconds=at // 1000, message=f"registry-git: {what}")
