"""GitLab's REST API, version 4: https://docs.gitlab.com/api/."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote

from registry_git.core.errors import Conflict, Invalid, PermissionDenied
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
from registry_git.forges.opening import BASE, TryLater, merge_once, open_once
from registry_git.forges.people import People

_STATES = {"opened": PullState.OPEN, "locked": PullState.OPEN, "merged": PullState.MERGED, "closed": PullState.CLOSED}
_OUTCOMES = {StatusState.PENDING: "pending", StatusState.SUCCESS: "success", StatusState.FAILURE: "failed"}
_ENDED = {
    "success": StatusState.SUCCESS,
    "skipped": StatusState.SUCCESS,
    "failed": StatusState.FAILURE,
    "canceled": StatusState.FAILURE,
}
_THINKING = ("checking", "unchecked", "preparing", "approvals_syncing")
_APPROVED = "approved this merge request"
_DESCRIPTION_MAX = 255
_PER_PAGE = 100


class GitLab:
    """A project on GitLab; its merge requests are the pull requests. See `Forge`."""

    def __init__(self, settings: ForgeSettings, api: Api, sleep: Callable[[float], None] = time.sleep) -> None:
        """The project that `settings` name, through `api`."""
        self._settings = settings
        self._api = api
        self._sleep = sleep
        self._people = People(settings.people, self._published)
        self._project = f"/projects/{quote(settings.repository, safe='')}"
        self._pulls = f"{self._project}/merge_requests"

    @property
    def kind(self) -> ForgeKind:
        """What it speaks."""
        return ForgeKind.GITLAB

    def open(self, new: NewPullRequest) -> PullRequest:
        """See `Forge.open`."""
        known = self._open_of(new.branch)
        if known is not None:
            said = {"title": new.title, "description": new.body}
            return self._pull(self._api.put(f"{self._pulls}/{known.number}", said, again=True))
        wanted = {login: self._user(login).number("id") for login in self._people.logins(new.reviewers).values()}
        made: list[Answer] = []

        def create() -> PullRequest:
            said = {
                "source_branch": new.branch,
                "target_branch": BASE,
                "title": new.title,
                "description": new.body,
                "labels": ",".join(label.replace(",", " ") for label in new.labels),
                "reviewer_ids": [number for number in wanted.values() if number],
            }
            made.append(self._api.post(self._pulls, said))
            return self._pull(made[0])

        opened = open_once(lambda: self._open_of(new.branch), create)
        asked = {each.text("username").lower() for each in made[0].items("reviewers")} if made else set(wanted)
        left = sorted(set(wanted) - asked)
        return replace(opened, remarks=tuple(f"Reviewer {login}: {self._host} does not ask them." for login in left))

    def get(self, number: int) -> PullRequest:
        """See `Forge.get`."""
        return self._pull(self._api.get(f"{self._pulls}/{number}"))

    def find_by_commit(self, commit: str) -> tuple[PullRequest, ...]:
        """See `Forge.find_by_commit`."""
        place = f"{self._project}/repository/commits/{quote(commit)}"
        if self._api.get_or_none(place) is None:
            return ()
        found = self._api.pages(f"{place}/merge_requests", per_page=_PER_PAGE)
        return tuple(self.get(each.number("iid")) for each in found if self._ours(each))

    def find_by_branch(self, branch: str) -> tuple[PullRequest, ...]:
        """See `Forge.find_by_branch`."""
        found = self._api.pages(
            self._pulls, source_branch=branch, target_branch=BASE, state="all", scope="all", per_page=_PER_PAGE
        )
        numbers = [each.number("iid") for each in found if self._ours(each) and each.text("source_branch") == branch]
        return tuple(self.get(number) for number in sorted(numbers, reverse=True))

    def reviews(self, number: int) -> tuple[ForgeReview, ...]:
        """See `Forge.reviews`.

        GitLab tells who approves now, and when, but not what: the commit is the head that the merge request had then.
        """
        head = self.get(number).head
        found: list[ForgeReview] = []
        entries = list(self._api.get_if_shown(f"{self._pulls}/{number}/approvals").items("approved_by"))
        if entries:
            heads = self._heads(number)
            noted = self._approved_at(number) if any(not each.text("approved_at") for each in entries) else {}
            for each in entries:
                at = each.moment("approved_at") or noted.get(each.text("user", "username"))
                commit = next((then for since, then in heads if at is not None and since <= at), "")
                found.append(
                    ForgeReview(
                        by=self._person(each.at("user")),
                        verdict=ReviewVerdict.APPROVED,
                        commit=commit,
                        at=at,
                        stale=bool(commit) and commit != head,
                    )
                )
        reviewers = self._api.get_if_shown(f"{self._pulls}/{number}/reviewers")
        found += [
            ForgeReview(by=self._person(each.at("user")), verdict=ReviewVerdict.CHANGES_REQUESTED, commit="", at=None)
            for each in reviewers.items()
            if each.text("state") == "requested_changes"
        ]
        return tuple(sorted(found, key=lambda review: review.at or 0))

    def comments(self, number: int) -> tuple[ForgeComment, ...]:
        """See `Forge.comments`."""
        return tuple(
            ForgeComment(by=self._person(each.at("author")), at=each.moment("created_at"), text=each.text("body"))
            for each in self._notes(number)
            if not each.flag("system")
        )

    def merge(self, number: int, *, expected_head: str, style: MergeStyle = MergeStyle.MERGE) -> PullRequest:
        """See `Forge.merge`. Whether there is a merge commit, the project's settings say."""

        def send() -> None:
            now = self._api.get(f"{self._pulls}/{number}")
            thinking = now.text("detailed_merge_status") or now.text("merge_status")
            if thinking in _THINKING:
                raise TryLater(f"{self._host} does not say whether merge request {number} can be merged: {thinking}.")
            said = {"sha": expected_head, "squash": style is MergeStyle.SQUASH}
            try:
                self._api.put(f"{self._pulls}/{number}/merge", said)
            except Invalid as problem:  # 422: there are conflicts
                raise Conflict(problem.message, hint="Look at the merge request.") from None
            except Conflict as problem:
                # 405 alone says nothing, the state does
                why = f" It is {thinking.replace('_', ' ')}." if thinking not in ("", "mergeable") else ""
                raise Conflict(f"{problem.message}{why}", hint=problem.hint) from None
            except PermissionDenied as problem:
                if "405" in problem.message or "Method Not Allowed" in problem.message:
                    raise Conflict(problem.message, hint=problem.hint) from None
                raise

        return merge_once(lambda: self.get(number), send, expected_head=expected_head, sleep=self._sleep)

    def status(self, commit: str, status: CommitStatus) -> None:
        """See `Forge.status`."""
        text = status.description
        said = {
            "state": _OUTCOMES[status.state],
            "name": status.context,
            "description": text if len(text) <= _DESCRIPTION_MAX else text[: _DESCRIPTION_MAX - 1] + "…",
            **({"target_url": status.url} if status.url else {}),
        }
        try:
            self._api.post(f"{self._project}/statuses/{quote(commit)}", said, again=True)
        except Invalid as problem:
            if "cannot transition status" not in problem.message.lower():  # it has this very status already
                raise

    def checks(self, commit: str) -> tuple[CommitStatus, ...]:
        """See `Forge.checks`: the jobs of pipelines too."""
        place = f"{self._project}/repository/commits/{quote(commit)}/statuses"
        return tuple(
            CommitStatus(
                state=_ENDED.get(each.text("status"), StatusState.PENDING),
                context=each.text("name"),
                description=each.text("description"),
                url=each.text("target_url"),
            )
            for each in self._api.get_if_shown(place, per_page=_PER_PAGE).items()
        )

    def comment(self, number: int, text: str) -> None:
        """See `Forge.comment`."""
        self._api.post(f"{self._pulls}/{number}/notes", {"body": text})

    def close(self, number: int) -> PullRequest:
        """See `Forge.close`."""
        known = self.get(number)
        if known.state is PullState.MERGED:
            raise Conflict(f"Merge request {number} is merged.", hint=f"See {known.url}")
        if known.state is PullState.OPEN:
            self._api.put(f"{self._pulls}/{number}", {"state_event": "close"}, again=True)
        return self.get(number)

    @property
    def _host(self) -> str:
        return self._settings.url.partition("://")[2]

    def _open_of(self, branch: str) -> PullRequest | None:
        return next((each for each in self.find_by_branch(branch) if each.state is PullState.OPEN), None)

    def _ours(self, found: Answer) -> bool:
        """Whether it comes from this project and goes into `main`: a fork may have a branch of any name."""
        same = found.number("source_project_id") == found.number("target_project_id") != 0
        return same and found.text("target_branch") == BASE

    def _heads(self, number: int) -> list[tuple[Timestamp, str]]:
        """Since when the merge request had which head, newest first."""
        versions = self._api.pages(f"{self._pulls}/{number}/versions", per_page=_PER_PAGE)
        found = [(each.moment("created_at"), each.text("head_commit_sha")) for each in versions]
        return sorted(((since, head) for since, head in found if since is not None), reverse=True)

    def _approved_at(self, number: int) -> dict[str, Timestamp]:
        """When each person approved last, from the notes that GitLab itself writes; for servers that tell no times."""
        found: dict[str, Timestamp] = {}
        for note in self._notes(number):
            at = note.moment("created_at")
            if note.flag("system") and note.text("body") == _APPROVED and at is not None:
                found[note.text("author", "username")] = at
        return found

    def _notes(self, number: int) -> list[Answer]:
        place = f"{self._pulls}/{number}/notes"
        return list(self._api.pages(place, sort="asc", order_by="created_at", per_page=_PER_PAGE))

    def _pull(self, found: Answer) -> PullRequest:
        state = _STATES.get(found.text("state"), PullState.OPEN)
        merged = state is PullState.MERGED
        merger = found.at("merge_user") or found.at("merged_by")  # the second is what older servers send
        closer = found.at("closed_by")
        # a fast-forward leaves no commit of its own: the head is what landed
        landed = found.text("merge_commit_sha") or found.text("squash_commit_sha") or found.text("sha")
        return PullRequest(
            number=found.number("iid"),
            url=found.text("web_url"),
            state=state,
            head=found.text("sha"),
            branch=found.text("source_branch"),
            title=found.text("title"),
            author=self._person(found.at("author")),
            merged_by=self._person(merger) if merged and merger else None,
            merged_at=found.moment("merged_at") if merged else None,
            merge_commit=landed if merged else "",
            closed_by=self._person(closer) if state is PullState.CLOSED and closer else None,
            closed_at=found.moment("closed_at") if state is PullState.CLOSED else None,
        )

    def _person(self, user: Answer) -> Person:
        return self._people.person(user.text("username") or "ghost", user.text("name"))

    def _user(self, login: str) -> Answer:
        """What is public about a user; nothing when there is none, or the token of a job may not look."""
        return next(self._api.get_if_shown("/users", username=login).items(), Answer(None))

    def _published(self, login: str) -> tuple[str, str]:
        number = self._user(login).number("id")
        user = self._api.get_if_shown(f"/users/{number}") if number else Answer(None)
        return user.text("name"), user.text("public_email")
