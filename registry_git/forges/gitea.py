"""Gitea's REST API (1.20 and later), which Forgejo speaks too: https://docs.gitea.com/api."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import quote

from registry_git.core.errors import Conflict
from registry_git.core.rules import ForgeKind, ForgeSettings
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
from registry_git.forges.opening import BASE, TryLater, ask_each, attempt, merge_once, open_once
from registry_git.forges.people import People

_VERDICTS = {
    "APPROVED": ReviewVerdict.APPROVED,
    "REQUEST_CHANGES": ReviewVerdict.CHANGES_REQUESTED,
    "COMMENT": ReviewVerdict.COMMENTED,
}
_ENDED = {
    "success": StatusState.SUCCESS,
    "skipped": StatusState.SUCCESS,
    "warning": StatusState.SUCCESS,
    "failure": StatusState.FAILURE,
    "error": StatusState.FAILURE,
}
_PER_PAGE = 50
_LABEL_COLOR = "#6f42c1"


class Gitea:
    """A repository on Gitea or Forgejo. See `Forge`."""

    def __init__(self, settings: ForgeSettings, api: Api, sleep: Callable[[float], None] = time.sleep) -> None:
        """The repository that `settings` name, through `api`."""
        self._settings = settings
        self._api = api
        self._sleep = sleep
        self._people = People(settings.people, lambda _: ("", ""))  # users come with name and address
        self._repo = f"/repos/{quote(settings.repository)}"

    @property
    def kind(self) -> ForgeKind:
        """What it speaks."""
        return ForgeKind.GITEA

    def open(self, new: NewPullRequest) -> PullRequest:
        """See `Forge.open`."""
        known = self._open_of(new.branch)
        if known is not None:
            self._api.patch(f"{self._repo}/pulls/{known.number}", {"title": new.title, "body": new.body})
            return self.get(known.number)
        said = {"title": new.title, "body": new.body, "head": new.branch, "base": BASE}
        opened = open_once(
            lambda: self._open_of(new.branch), lambda: self._pull(self._api.post(f"{self._repo}/pulls", said))
        )
        remarks: list[str] = []
        if new.labels:
            remarks += attempt("Labels", lambda: self._label(opened.number, new.labels))
        reviewers = f"{self._repo}/pulls/{opened.number}/requested_reviewers"
        wanted = self._people.logins(new.reviewers).values()
        remarks += ask_each(opened, wanted, lambda login: self._ask(reviewers, login))
        return replace(opened, remarks=tuple(remarks))

    def get(self, number: int) -> PullRequest:
        """See `Forge.get`."""
        return self._pull(self._api.get(f"{self._repo}/pulls/{number}"))

    def find_by_commit(self, commit: str) -> tuple[PullRequest, ...]:
        """See `Forge.find_by_commit`."""
        found = self._api.get_or_none(f"{self._repo}/commits/{quote(commit)}/pull")
        # this call has been seen to answer with a pull request that has nothing to do with the commit
        if found is not None and self._is_of(found, commit):
            return (self._pull(found),)
        return tuple(self._pull(each) for each in self._all("all") if self._is_of(each, commit))

    def find_by_branch(self, branch: str) -> tuple[PullRequest, ...]:
        """See `Forge.find_by_branch`. There is no filter for it: all pull requests are listed, 50 a call."""
        found = [self._pull(each) for each in self._all("all") if _branch(each) == branch]
        return tuple(sorted(found, key=lambda each: each.number, reverse=True))

    def reviews(self, number: int) -> tuple[ForgeReview, ...]:
        """See `Forge.reviews`."""
        found = self._api.pages(f"{self._repo}/pulls/{number}/reviews", limit=_PER_PAGE)
        said = [
            ForgeReview(
                by=self._person(each.at("user")),
                verdict=_VERDICTS[each.text("state")],
                commit=each.text("commit_id"),
                at=each.moment("submitted_at"),
                comment=each.text("body"),
                dismissed=each.flag("dismissed"),
                stale=each.flag("stale"),
            )
            for each in found
            if each.text("state") in _VERDICTS and each.at("user")
        ]
        return tuple(sorted(said, key=lambda review: review.at or 0))

    def comments(self, number: int) -> tuple[ForgeComment, ...]:
        """See `Forge.comments`."""
        found = self._api.pages(f"{self._repo}/issues/{number}/comments", limit=_PER_PAGE)
        return tuple(
            ForgeComment(by=self._person(each.at("user")), at=each.moment("created_at"), text=each.text("body"))
            for each in found
        )

    def merge(self, number: int, *, expected_head: str, style: MergeStyle = MergeStyle.MERGE) -> PullRequest:
        """See `Forge.merge`."""

        def send() -> None:
            said = {"Do": style.value, "head_commit_id": expected_head}
            try:
                self._api.post(f"{self._repo}/pulls/{number}/merge", said)
            except Conflict as problem:
                if "try again later" in problem.message.lower():  # it still computes whether there are conflicts
                    raise TryLater(problem.message) from None
                raise

        return merge_once(lambda: self.get(number), send, expected_head=expected_head, sleep=self._sleep)

    def status(self, commit: str, status: CommitStatus) -> None:
        """See `Forge.status`."""
        said = {
            "state": status.state.value,
            "context": status.context,
            "description": status.description,
            "target_url": status.url,
        }
        self._api.post(f"{self._repo}/statuses/{quote(commit)}", said, again=True)

    def checks(self, commit: str) -> tuple[CommitStatus, ...]:
        """See `Forge.checks`."""
        place = f"{self._repo}/commits/{quote(commit)}/status"
        return tuple(
            CommitStatus(
                state=_ENDED.get(each.text("status"), StatusState.PENDING),
                context=each.text("context"),
                description=each.text("description"),
                url=each.text("target_url"),
            )
            for each in self._api.get_if_shown(place, limit=_PER_PAGE).items("statuses")
        )

    def comment(self, number: int, text: str) -> None:
        """See `Forge.comment`."""
        self._api.post(f"{self._repo}/issues/{number}/comments", {"body": text})

    def close(self, number: int) -> PullRequest:
        """See `Forge.close`."""
        known = self.get(number)
        if known.state is PullState.MERGED:
            raise Conflict(f"Pull request {number} is merged.", hint=f"See {known.url}")
        if known.state is PullState.OPEN:
            self._api.patch(f"{self._repo}/pulls/{number}", {"state": "closed"})
        return self.get(number)

    def _ask(self, path: str, login: str) -> None:
        self._api.post(path, {"reviewers": [login]}, again=True)

    def _label(self, number: int, labels: tuple[str, ...]) -> None:
        known = {
            each.text("name"): each.number("id") for each in self._api.pages(f"{self._repo}/labels", limit=_PER_PAGE)
        }
        for name in labels:
            if name not in known:
                made = self._api.post(f"{self._repo}/labels", {"name": name, "color": _LABEL_COLOR})
                known[name] = made.number("id")
        said = {"labels": [known[name] for name in labels]}
        self._api.post(f"{self._repo}/issues/{number}/labels", said, again=True)

    def _all(self, state: str) -> Iterator[Answer]:
        """The pull requests from this repository into its `main`, newest activity first."""
        for each in self._api.pages(f"{self._repo}/pulls", state=state, sort="recentupdate", limit=_PER_PAGE):
            if self._ours(each):
                yield each

    def _open_of(self, branch: str) -> PullRequest | None:
        return next((self._pull(each) for each in self._all("open") if _branch(each) == branch), None)

    def _ours(self, found: Answer) -> bool:
        """Whether it comes from this repository and goes into `main`: a fork may have a branch of any name."""
        same = found.number("head", "repo_id") == found.number("base", "repo_id") != 0
        return same and found.text("base", "ref") == BASE

    def _is_of(self, found: Answer, commit: str) -> bool:
        known = (found.text("merge_commit_sha") if found.flag("merged") else "", found.text("head", "sha"))
        return self._ours(found) and commit in known

    def _pull(self, found: Answer) -> PullRequest:
        merged = found.flag("merged")
        closed = found.text("state") == "closed" and not merged
        number = found.number("number")
        return PullRequest(
            number=number,
            url=found.text("html_url"),
            state=PullState.MERGED if merged else PullState.CLOSED if closed else PullState.OPEN,
            head=found.text("head", "sha"),
            branch=_branch(found),
            title=found.text("title"),
            author=self._person(found.at("user")),
            merged_by=self._person(found.at("merged_by")) if found.at("merged_by") else None,
            merged_at=found.moment("merged_at"),
            merge_commit=found.text("merge_commit_sha") if merged else "",
            closed_by=self._closer(number) if closed else None,
            closed_at=found.moment("closed_at") if closed else None,
        )

    def _closer(self, number: int) -> Person | None:
        """Who closed it last; the pull request itself does not say."""
        timeline = self._api.pages(f"{self._repo}/issues/{number}/timeline", limit=_PER_PAGE)
        closed = [each for each in timeline if each.text("type") == "close"]
        return self._person(closed[-1].at("user")) if closed else None

    def _person(self, user: Answer) -> Person:
        """The person; an address that Gitea itself makes up for those who hide theirs is not taken."""
        known = self._people.person(user.text("login") or "ghost", user.text("full_name"))
        if known.mapped:
            return known
        return replace(known, email=self._people.believed(user.text("email")))


def _branch(found: Answer) -> str:
    """The branch; once it is deleted, `ref` names the pull request instead and the label still the branch."""
    ref = found.text("head", "ref")
    return found.text("head", "label") if ref.startswith("refs/pull/") else ref
