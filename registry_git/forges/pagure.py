"""Pagure's API, version 0 (of Pagure 5.14): forms in, JSON out. A project's page at `/api/0/` documents it.

Pagure has no reviews: a comment with `+1` approves, one with `-1` asks for changes, and a project's setting says which
score it takes to merge. It merges by fast-forward where it can, and tells of a merge only who closed the request.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from urllib.parse import quote

from registry_git.core.errors import Conflict, PermissionDenied
from registry_git.core.rules import ForgeKind, ForgeSettings
from registry_git.core.times import Timestamp
from registry_git.forges.answers import Answer
from registry_git.forges.base import (
    CommitStatus,
    ForgeComment,
    ForgeReview,
    MergeStyle,
    NewPullRequest,
    Person,
    PullRequest,
    PullState,
    ReviewVerdict,
    StatusState,
)
from registry_git.forges.http import Api
from registry_git.forges.opening import BASE, attempt, merge_once, open_once
from registry_git.forges.people import People

_STATES = {"open": PullState.OPEN, "merged": PullState.MERGED}
_OUTCOMES = {StatusState.PENDING: "pending", StatusState.SUCCESS: "success", StatusState.FAILURE: "failure"}
_ENDED = {
    "success": StatusState.SUCCESS,
    "failure": StatusState.FAILURE,
    "error": StatusState.FAILURE,
    "canceled": StatusState.FAILURE,
}
_YES = ("+1", ":thumbsup:")
_NO = ("-1", ":thumbsdown:")
# What Pagure notes below a pull request when its content changes.
_MOVED = re.compile(r"(\*\*)?[0-9]+ new commits? added|rebased onto ", re.IGNORECASE)
_PER_PAGE = 50
_UID_LENGTH = 32
_FLAG_NAME = "registry-git"


class Pagure:
    """A project on Pagure. See `Forge`."""

    def __init__(self, settings: ForgeSettings, api: Api, sleep: Callable[[float], None] = time.sleep) -> None:
        """The project that `settings` name, through `api`."""
        self._settings = settings
        self._api = api
        self._sleep = sleep
        self._people = People(settings.people, lambda _: ("", ""))  # Pagure publishes no addresses
        self._project = f"/{quote(settings.repository)}"

    @property
    def kind(self) -> ForgeKind:
        """What it speaks."""
        return ForgeKind.PAGURE

    def open(self, new: NewPullRequest) -> PullRequest:
        """See `Forge.open`. Pagure has no labels in its API, and one assignee in place of reviewers."""
        said = {"title": new.title, "initial_comment": new.body}
        known = self._open_of(new.branch)
        if known is not None:
            return self._pull(self._api.form(self._place(known.number), said, again=True))
        opened = open_once(
            lambda: self._open_of(new.branch),
            lambda: self._pull(
                self._api.form(
                    f"{self._project}/pull-request/new", {**said, "branch_from": new.branch, "branch_to": BASE}
                )
            ),
        )
        remarks: tuple[str, ...] = ()
        author = opened.author.login.lower() if opened.author else ""
        others = sorted(set(self._people.logins(new.reviewers).values()) - {author})
        if others:
            place, said = f"{self._place(opened.number)}/assign", {"assignee": others[0]}
            remarks = attempt(f"Assignee {others[0]}", lambda: self._api.form(place, said, again=True))
        return replace(opened, remarks=remarks)

    def get(self, number: int) -> PullRequest:
        """See `Forge.get`."""
        return self._pull(self._api.get(self._place(number)))

    def find_by_commit(self, commit: str) -> tuple[PullRequest, ...]:
        """See `Forge.find_by_commit`. Pagure knows the heads alone, not what a merge made of them."""
        return tuple(self._pull(each) for each in self._all("all") if each.text("commit_stop") == commit)

    def find_by_branch(self, branch: str) -> tuple[PullRequest, ...]:
        """See `Forge.find_by_branch`. There is no filter for it: all pull requests are listed, 50 a call."""
        found = [self._pull(each) for each in self._all("all") if each.text("branch_from") == branch]
        return tuple(sorted(found, key=lambda each: each.number, reverse=True))

    def reviews(self, number: int) -> tuple[ForgeReview, ...]:
        """See `Forge.reviews`: the comments with a vote; one from before the last push is stale.

        An edited comment is no vote: nobody can say what it was when others read it.
        """
        found = self._api.get(self._place(number))
        head = found.text("commit_stop")
        said: list[ForgeReview] = []
        for each in _by_age(found):
            if each.flag("notification"):
                if _MOVED.match(each.text("comment")):
                    said = [replace(review, commit="", stale=True) for review in said]
                continue
            verdict = _vote(each)
            said.append(
                ForgeReview(
                    by=self._person(each.at("user")),
                    verdict=verdict,
                    commit=head if verdict is not ReviewVerdict.COMMENTED else "",
                    at=each.moment("date_created"),
                    comment=each.text("comment"),
                )
            )
        return tuple(said)

    def comments(self, number: int) -> tuple[ForgeComment, ...]:
        """See `Forge.comments`."""
        return tuple(
            ForgeComment(by=self._person(each.at("user")), at=each.moment("date_created"), text=each.text("comment"))
            for each in _by_age(self._api.get(self._place(number)))
            if not each.flag("notification")
        )

    def merge(self, number: int, *, expected_head: str, style: MergeStyle = MergeStyle.MERGE) -> PullRequest:
        """See `Forge.merge`. Pagure takes no expected head: it is looked at just before, and again afterwards.

        Raises:
            Conflict: also when a push came in between, and something else was merged.
        """

        def send() -> None:
            try:
                self._api.form(f"{self._place(number)}/merge", {"wait": "1"})
            except PermissionDenied as problem:
                if "score" in problem.message.lower() or "assign" in problem.message.lower():
                    raise Conflict(problem.message, hint="Look at the pull request.") from None
                raise

        after = merge_once(lambda: self.get(number), send, expected_head=expected_head, sleep=self._sleep)
        if after.state is not PullState.MERGED or after.head != expected_head:
            raise Conflict(
                f"Pull request {number} is {after.state.value} with {after.head[:12]}, not with {expected_head[:12]}.",
                hint=f"Look at it: {after.url}",
            )
        return after

    def status(self, commit: str, status: CommitStatus) -> None:
        """See `Forge.status`: a flag on the commit, which Pagure shows at its pull request."""
        said = {
            "username": _FLAG_NAME,
            "comment": f"{status.context}: {status.description}",
            "url": status.url or f"{self._settings.url}/{self._settings.repository}",
            "status": _OUTCOMES[status.state],
            # with the commit in it, since Pagure looks a flag up by it alone
            "uid": sha256(f"{status.context}\0{commit}".encode()).hexdigest()[:_UID_LENGTH],
        }
        self._api.form(f"{self._project}/c/{quote(commit)}/flag", said, again=True)

    def checks(self, commit: str) -> tuple[CommitStatus, ...]:
        """See `Forge.checks`: the flags of the commit. Their names are in what they say."""
        found = self._api.get_if_shown(f"{self._project}/c/{quote(commit)}/flag", per_page=_PER_PAGE)
        return tuple(
            CommitStatus(
                state=_ENDED.get(each.text("status"), StatusState.PENDING),
                context=each.text("username"),
                description=each.text("comment"),
                url=each.text("url"),
            )
            for each in found.items("flags")
        )

    def comment(self, number: int, text: str) -> None:
        """See `Forge.comment`."""
        self._api.form(f"{self._place(number)}/comment", {"comment": text})

    def close(self, number: int) -> PullRequest:
        """See `Forge.close`."""
        known = self.get(number)
        if known.state is PullState.MERGED:
            raise Conflict(f"Pull request {number} is merged.", hint=f"See {known.url}")
        if known.state is PullState.OPEN:
            self._api.form(f"{self._place(number)}/close", {})
        return self.get(number)

    def _place(self, number: int) -> str:
        return f"{self._project}/pull-request/{number}"

    def _all(self, status: str) -> Iterator[Answer]:
        found = self._api.pages(f"{self._project}/pull-requests", items="requests", status=status, per_page=_PER_PAGE)
        for each in found:
            if self._ours(each):
                yield each

    def _open_of(self, branch: str) -> PullRequest | None:
        return next((self._pull(each) for each in self._all("Open") if each.text("branch_from") == branch), None)

    def _ours(self, found: Answer) -> bool:
        """Whether it comes from this project and goes into `main`: a fork may have a branch of any name."""
        same = found.number("repo_from", "id") == found.number("project", "id") != 0
        return same and not found.text("remote_git") and found.text("branch") == BASE

    def _pull(self, found: Answer) -> PullRequest:
        state = _STATES.get(found.text("status").lower(), PullState.CLOSED)  # a project may name its own ways to close
        who = self._person(found.at("closed_by")) if found.at("closed_by") else None
        at: Timestamp | None = found.moment("closed_at")
        merged, closed = state is PullState.MERGED, state is PullState.CLOSED
        return PullRequest(
            number=found.number("id"),
            url=found.text("full_url"),
            state=state,
            head=found.text("commit_stop"),
            branch=found.text("branch_from"),
            title=found.text("title"),
            author=self._person(found.at("user")),
            merged_by=who if merged else None,
            merged_at=at if merged else None,
            closed_by=who if closed else None,
            closed_at=at if closed else None,
        )

    def _person(self, user: Answer) -> Person:
        return self._people.person(user.text("name") or "ghost", user.text("fullname"))


def _by_age(found: Answer) -> list[Answer]:
    return sorted(found.items("comments"), key=lambda each: each.number("id"))


def _vote(comment: Answer) -> ReviewVerdict:
    """What a comment votes, as Pagure itself counts it; remarks on a line of code do not vote."""
    text = comment.text("comment")
    if comment.at("edited_on") or comment.at("line") or comment.at("commit"):
        return ReviewVerdict.COMMENTED
    if any(word in text for word in _NO):
        return ReviewVerdict.CHANGES_REQUESTED
    return ReviewVerdict.APPROVED if any(word in text for word in _YES) else ReviewVerdict.COMMENTED
