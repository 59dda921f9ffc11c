"""GitHub's REST API, as published for 2022-11-28: https://docs.github.com/rest."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote

from registry_git.core.errors import Conflict, Invalid
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
from registry_git.forges.opening import BASE, ask_each, attempt, merge_once, open_once
from registry_git.forges.people import People

_VERDICTS = {
    "APPROVED": ReviewVerdict.APPROVED,
    "CHANGES_REQUESTED": ReviewVerdict.CHANGES_REQUESTED,
    "COMMENTED": ReviewVerdict.COMMENTED,
    "DISMISSED": ReviewVerdict.COMMENTED,  # what it had said is not told
}
_OUTCOMES = {"success": StatusState.SUCCESS, "failure": StatusState.FAILURE, "error": StatusState.FAILURE}
_HARMLESS = ("success", "neutral", "skipped")  # how a check run may end without standing in the way of a merge
_DESCRIPTION_MAX = 140
_PER_PAGE = 100


class GitHub:
    """A repository on GitHub, or on a GitHub Enterprise server. See `Forge`."""

    def __init__(self, settings: ForgeSettings, api: Api, sleep: Callable[[float], None] = time.sleep) -> None:
        """The repository that `settings` name, through `api`."""
        self._settings = settings
        self._api = api
        self._sleep = sleep
        self._people = People(settings.people, self._published)
        self._repo = f"/repos/{quote(settings.repository)}"

    @property
    def kind(self) -> ForgeKind:
        """What it speaks."""
        return ForgeKind.GITHUB

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
            labels = f"{self._repo}/issues/{opened.number}/labels"
            remarks += attempt("Labels", lambda: self._api.post(labels, {"labels": list(new.labels)}, again=True))
        reviewers = f"{self._repo}/pulls/{opened.number}/requested_reviewers"
        wanted = self._people.logins(new.reviewers).values()
        remarks += ask_each(opened, wanted, lambda login: self._ask(reviewers, login))
        return replace(opened, remarks=tuple(remarks))

    def get(self, number: int) -> PullRequest:
        """See `Forge.get`."""
        return self._pull(self._api.get(f"{self._repo}/pulls/{number}"))

    def find_by_commit(self, commit: str) -> tuple[PullRequest, ...]:
        """See `Forge.find_by_commit`."""
        try:
            found = list(self._api.pages(f"{self._repo}/commits/{quote(commit)}/pulls", per_page=_PER_PAGE))
        except Invalid:  # 422: no such commit there
            return ()
        return tuple(self.get(each.number("number")) for each in found if self._ours(each))

    def find_by_branch(self, branch: str) -> tuple[PullRequest, ...]:
        """See `Forge.find_by_branch`."""
        owner = self._settings.repository.partition("/")[0]
        found = self._api.pages(
            f"{self._repo}/pulls", head=f"{owner}:{branch}", base=BASE, state="all", per_page=_PER_PAGE
        )
        numbers = [each.number("number") for each in found if self._ours(each) and each.text("head", "ref") == branch]
        return tuple(self.get(number) for number in sorted(numbers, reverse=True))

    def reviews(self, number: int) -> tuple[ForgeReview, ...]:
        """See `Forge.reviews`."""
        found = self._api.pages(f"{self._repo}/pulls/{number}/reviews", per_page=_PER_PAGE)
        return tuple(
            ForgeReview(
                by=self._person(each.at("user")),
                verdict=_VERDICTS[each.text("state")],
                commit=each.text("commit_id"),
                at=each.moment("submitted_at"),
                comment=each.text("body"),
                dismissed=each.text("state") == "DISMISSED",
            )
            for each in found
            if each.text("state") in _VERDICTS
        )

    def comments(self, number: int) -> tuple[ForgeComment, ...]:
        """See `Forge.comments`."""
        found = self._api.pages(f"{self._repo}/issues/{number}/comments", per_page=_PER_PAGE)
        return tuple(
            ForgeComment(by=self._person(each.at("user")), at=each.moment("created_at"), text=each.text("body"))
            for each in found
        )

    def merge(self, number: int, *, expected_head: str, style: MergeStyle = MergeStyle.MERGE) -> PullRequest:
        """See `Forge.merge`."""

        def send() -> object:
            return self._api.put(
                f"{self._repo}/pulls/{number}/merge", {"sha": expected_head, "merge_method": style.value}
            )

        return merge_once(lambda: self.get(number), send, expected_head=expected_head, sleep=self._sleep)

    def status(self, commit: str, status: CommitStatus) -> None:
        """See `Forge.status`."""
        said = {
            "state": status.state.value,
            "context": status.context,
            "description": _shortened(status.description),
            **({"target_url": status.url} if status.url else {}),
        }
        self._api.post(f"{self._repo}/statuses/{quote(commit)}", said, again=True)

    def checks(self, commit: str) -> tuple[CommitStatus, ...]:
        """See `Forge.checks`: what was set as a status, and the check runs of Actions and other apps."""
        place = f"{self._repo}/commits/{quote(commit)}"
        statuses = self._api.get_if_shown(f"{place}/status", per_page=_PER_PAGE).items("statuses")
        runs = self._api.get_if_shown(f"{place}/check-runs", per_page=_PER_PAGE).items("check_runs")
        return (
            *(
                CommitStatus(
                    state=_OUTCOMES.get(each.text("state"), StatusState.PENDING),
                    context=each.text("context"),
                    description=each.text("description"),
                    url=each.text("target_url"),
                )
                for each in statuses
            ),
            *(
                CommitStatus(
                    state=_ended(each),
                    context=each.text("name"),
                    description=each.text("output", "title"),
                    url=each.text("html_url"),
                )
                for each in runs
            ),
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

    def _open_of(self, branch: str) -> PullRequest | None:
        return next((each for each in self.find_by_branch(branch) if each.state is PullState.OPEN), None)

    def _ours(self, found: Answer) -> bool:
        """Whether the pull request is from this repository into its `main`: a fork may have a branch of any name."""
        here = self._settings.repository.lower()
        return found.text("head", "repo", "full_name").lower() == here and found.text("base", "ref") == BASE

    def _pull(self, found: Answer) -> PullRequest:
        merged = found.moment("merged_at")
        closed = found.text("state") == "closed" and merged is None
        number = found.number("number")
        closer = self._api.get(f"{self._repo}/issues/{number}").at("closed_by") if closed else Answer(None)
        return PullRequest(
            number=number,
            url=found.text("html_url"),
            state=PullState.MERGED if merged is not None else PullState.CLOSED if closed else PullState.OPEN,
            head=found.text("head", "sha"),
            branch=found.text("head", "ref"),
            title=found.text("title"),
            author=self._person(found.at("user")),
            merged_by=self._person(found.at("merged_by")) if found.at("merged_by") else None,
            merged_at=merged,
            # before it is merged, this is a commit that GitHub tries the merge with
            merge_commit=found.text("merge_commit_sha") if merged is not None else "",
            closed_by=self._person(closer) if closer else None,
            closed_at=found.moment("closed_at") if closed else None,
        )

    def _person(self, user: Answer) -> Person:
        return self._people.person(user.text("login") or "ghost", user.text("name"))

    def _published(self, login: str) -> tuple[str, str]:
        user = self._api.get_if_shown(f"/users/{quote(login)}")
        return user.text("name"), user.text("email")


def _ended(run: Answer) -> StatusState:
    if run.text("status") != "completed":
        return StatusState.PENDING
    return StatusState.SUCCESS if run.text("conclusion") in _HARMLESS else StatusState.FAILURE


def _shortened(text: str) -> str:
    return text if len(text) <= _DESCRIPTION_MAX else text[: _DESCRIPTION_MAX - 1] + "…"
