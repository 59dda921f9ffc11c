"""What a code forge is to a registry: where requests stand as pull requests, and who reviewed and merged them.

A forge knows logins, the registry e-mail addresses. A `Person` has an address only where `registry.yaml` maps the
login to one, or the forge itself publishes it; it is never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from registry_git.core.names import Actor
from registry_git.core.rules import ForgeKind
from registry_git.core.times import Timestamp


class PullState(str, Enum):
    """Where a pull request stands."""

    OPEN = "open"
    MERGED = "merged"
    CLOSED = "closed"


class ReviewVerdict(str, Enum):
    """What a review on a forge says."""

    APPROVED = "approved"
    CHANGES_REQUESTED = "changes_requested"
    COMMENTED = "commented"


class StatusState(str, Enum):
    """The outcome of a check, as it is shown at a commit."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"


class MergeStyle(str, Enum):
    """How a pull request lands. Forges that take the style from the project's own settings ignore it."""

    MERGE = "merge"
    SQUASH = "squash"
    REBASE = "rebase"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody on a forge.

    `email` is empty when it is not known; `mapped`: it is from `registry.yaml`'s `people`, not from the profile.
    """

    login: str
    name: str = ""
    email: str = ""
    mapped: bool = False

    @property
    def actor(self) -> Actor | None:
        """The person as the registry writes people; None when the email address is not known."""
        if not self.email:
            return None
        return Actor.parse(f"{_plain(self.name) or _plain(self.login) or self.email} <{self.email}>")


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """A pull request of the registry's own repository into `main`.

    `head` is the commit that was or would be merged. `merge_commit` is what the forge says it became on `main`: the
    merge, the squashed or the last rebased commit; empty while it is open, and where the forge does not say. `remarks`
    are sentences on what the forge would not do when it was opened (a label, a reviewer).
    """

    number: int
    url: str
    state: PullState
    head: str
    branch: str
    title: str
    author: Person | None = None
    merged_by: Person | None = None
    merged_at: Timestamp | None = None
    merge_commit: str = ""
    closed_by: Person | None = None
    closed_at: Timestamp | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeReview:
    """What one person said about a pull request.

    `commit` is the head that the person saw; empty when the forge does not tell. `dismissed`: it was taken back by
    somebody; `stale`: the forge says that the pull request has changed since.
    """

    by: Person
    verdict: ReviewVerdict
    commit: str
    at: Timestamp | None
    comment: str = ""
    dismissed: bool = False
    stale: bool = False

    def approves(self, head: str) -> bool:
        """Whether it is a yes to exactly this commit that still stands."""
        settled = not self.dismissed and not self.stale
        return self.verdict is ReviewVerdict.APPROVED and settled and bool(head) and self.commit == head


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeComment:
    """What somebody wrote below a pull request."""

    by: Person
    at: Timestamp | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPullRequest:
    """A pull request to open: `branch` (short, `request/…`) into `main`. `reviewers` are email addresses."""

    title: str
    body: str
    branch: str
    labels: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitStatus:
    """The outcome of a check: `context` names the check, `description` is one line, `url` leads to the details."""

    state: StatusState
    context: str
    description: str
    url: str = ""


class Forge(Protocol):
    """A repository on a code forge.

    All calls raise PermissionDenied (no token, or one that may not), NotFound (no such repository or pull request),
    Unavailable (no answer in time, rate limit) and Invalid (refused, in the forge's words).
    """

    @property
    def kind(self) -> ForgeKind:
        """What it speaks."""

    def open(self, new: NewPullRequest) -> PullRequest:
        """Opens a pull request for a branch that is pushed; the open one when there is one already."""

    def get(self, number: int) -> PullRequest:
        """One pull request."""

    def find_by_commit(self, commit: str) -> tuple[PullRequest, ...]:
        """The pull requests that a commit on `main` came from, or that have it as their head."""

    def find_by_branch(self, branch: str) -> tuple[PullRequest, ...]:
        """The pull requests of a branch of this repository (not of a fork), newest first, in any state."""

    def reviews(self, number: int) -> tuple[ForgeReview, ...]:
        """What was said, oldest first; see `standing` and `approvals` for what counts."""

    def comments(self, number: int) -> tuple[ForgeComment, ...]:
        """What people wrote below it, oldest first; without the forge's own notices."""

    def merge(self, number: int, *, expected_head: str, style: MergeStyle = MergeStyle.MERGE) -> PullRequest:
        """Merges it if its head still is `expected_head`.

        Raises:
            Conflict: the head moved, or the forge's own rules, conflicts or checks stand in the way, in its words.
        """

    def status(self, commit: str, status: CommitStatus) -> None:
        """Shows the outcome of a check at a commit, in place of an earlier one of the same context."""

    def checks(self, commit: str) -> tuple[CommitStatus, ...]:
        """The newest outcome of each check at a commit, as far as the token may see them; at most 100."""

    def comment(self, number: int, text: str) -> None:
        """Writes a comment below a pull request."""

    def close(self, number: int) -> PullRequest:
        """Closes it without merging; the branch stays. Nothing happens to one that is closed. Raises: Conflict."""


def standing(reviews: Iterable[ForgeReview]) -> tuple[ForgeReview, ...]:
    """What each person says in the end: their last verdict, dismissed or not; remarks without a verdict aside."""
    last: dict[str, ForgeReview] = {}
    for review in reviews:
        if review.verdict is not ReviewVerdict.COMMENTED or review.dismissed:
            last[review.by.login.lower()] = review
    return tuple(last.values())


def approvals(reviews: Iterable[ForgeReview], *, head: str) -> tuple[ForgeReview, ...]:
    """The reviews that approve exactly `head` and still stand; one for each person, whoever that is."""
    return tuple(review for review in standing(reviews) if review.approves(head))


def _plain(text: str) -> str:
    """`text` as the name of an actor may be: printable, without angle brackets."""
    return " ".join("".join(char for char in text if char.isprintable() and char not in "<>").split())
