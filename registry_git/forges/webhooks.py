"""What a forge tells by webhook: believed only with its signature, and then only as a hint to go and look."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from urllib.parse import parse_qs

from registry_git.core.errors import Invalid, PermissionDenied, Unavailable
from registry_git.core.rules import ForgeKind, ForgeSettings
from registry_git.forges.answers import Answer

_BRANCHES = "refs/heads/"
_DELETED = "0" * 40


class EventKind(str, Enum):
    """What happened on the forge."""

    MERGED = "merged"
    CLOSED = "closed"
    REVIEWED = "reviewed"
    PUSHED = "pushed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened in a repository (`owner/name`).

    `number` is the pull request's (0 for a push), `branch` its source, or the branch pushed to. `commit` is what a
    merge became on `main`, else the head; empty where the forge does not say, or when a branch was deleted.
    """

    kind: EventKind
    repository: str
    number: int
    branch: str
    commit: str


def receive(settings: ForgeSettings, *, headers: Mapping[str, str], body: bytes, secret: str) -> Event | None:
    """The event in a delivery; None for one that is no concern of a registry (an opened issue, another repository).

    Args:
        settings: the forge that is expected to call.
        headers: the request's; case does not matter.
        body: its raw bytes, before anything has parsed them.
        secret: what the webhook was set up with.

    Raises:
        PermissionDenied: it is not signed with the secret; Invalid: it is, but cannot be read.
    """
    given = {name.lower(): value for name, value in headers.items()}
    _verify(settings.kind, given, body, secret)
    payload = _payload(given, body)
    try:
        event = _READERS[settings.kind](given, payload)
    except Unavailable as problem:
        raise Invalid(f"The webhook's payload cannot be read: {problem.message}") from None
    if event is None or event.repository.lower() != settings.repository.lower():
        return None
    return event


def _verify(kind: ForgeKind, headers: Mapping[str, str], body: bytes, secret: str) -> None:
    """Returns when the delivery proves that its sender knows the secret. Raises: PermissionDenied."""
    if not secret:
        raise PermissionDenied("This server has no secret for webhooks.", hint="Set one here and on the forge.")
    signature = hmac.new(secret.encode(), body, sha256).hexdigest()
    candidates = {
        ForgeKind.GITHUB: (("x-hub-signature-256", f"sha256={signature}"),),
        ForgeKind.GITLAB: (("x-gitlab-token", secret),),
        ForgeKind.GITEA: (("x-gitea-signature", signature), ("x-forgejo-signature", signature)),
        ForgeKind.PAGURE: (("x-pagure-signature-256", signature),),
    }[kind]
    for name, expected in candidates:
        if hmac.compare_digest(headers.get(name, "").encode("utf-8", "surrogateescape"), expected.encode()):
            return
    wanted = " or ".join(name for name, _ in candidates)
    raise PermissionDenied(
        f"The webhook is not signed with the secret of this registry ({wanted}).",
        hint="Set the same secret here and on the forge.",
    )


def _payload(headers: Mapping[str, str], body: bytes) -> Answer:
    try:
        text = body.decode()
        if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            text = parse_qs(text)["payload"][0]
        return Answer(json.loads(text))
    except (ValueError, KeyError, RecursionError):
        raise Invalid("The webhook's payload is no JSON.", hint="Choose application/json on the forge.") from None


def _github(headers: Mapping[str, str], payload: Answer) -> Event | None:
    kind, action = headers.get("x-github-event", ""), payload.text("action")
    if kind == "push":
        return _pushed(payload, payload.text("repository", "full_name"))
    if kind == "pull_request" and action == "closed":
        return _finished(payload)
    if kind == "pull_request_review" and action in ("submitted", "edited", "dismissed"):
        return _about(EventKind.REVIEWED, payload, payload.text("review", "commit_id"))
    return None


def _gitea(headers: Mapping[str, str], payload: Answer) -> Event | None:
    kind = headers.get("x-gitea-event") or headers.get("x-forgejo-event", "")
    if kind == "push":
        return _pushed(payload, payload.text("repository", "full_name"))
    if not kind.startswith("pull_request"):
        return None
    if payload.text("action") == "closed":
        return _finished(payload)
    if payload.text("action") == "reviewed":
        return _about(EventKind.REVIEWED, payload, payload.text("pull_request", "head", "sha"))
    return None


def _finished(payload: Answer) -> Event:
    """A pull request that was merged or closed, in the form that GitHub and Gitea share."""
    pull = payload.at("pull_request")
    if pull.flag("merged"):
        return _about(EventKind.MERGED, payload, pull.text("merge_commit_sha"))
    return _about(EventKind.CLOSED, payload, pull.text("head", "sha"))


def _about(kind: EventKind, payload: Answer, commit: str) -> Event:
    pull = payload.at("pull_request")
    return Event(
        kind=kind,
        repository=payload.text("repository", "full_name"),
        number=pull.number("number"),
        branch=pull.text("head", "ref"),
        commit=commit,
    )


def _pushed(payload: Answer, repository: str) -> Event | None:
    ref, commit = payload.text("ref"), payload.text("after")
    if not ref.startswith(_BRANCHES):
        return None
    return Event(
        kind=EventKind.PUSHED,
        repository=repository,
        number=0,
        branch=ref[len(_BRANCHES) :],
        commit="" if commit == _DELETED else commit,
    )


_GITLAB_ACTIONS = {
    "merge": EventKind.MERGED,
    "close": EventKind.CLOSED,
    "approved": EventKind.REVIEWED,
    "approval": EventKind.REVIEWED,
    "unapproved": EventKind.REVIEWED,
    "unapproval": EventKind.REVIEWED,
}


def _gitlab(headers: Mapping[str, str], payload: Answer) -> Event | None:
    repository = payload.text("project", "path_with_namespace")
    if payload.text("object_kind") == "push":
        return _pushed(payload, repository)
    pull = payload.at("object_attributes")
    kind = _GITLAB_ACTIONS.get(pull.text("action"))
    if payload.text("object_kind") != "merge_request" or kind is None:
        return None
    head = pull.text("last_commit", "id")
    return Event(
        kind=kind,
        repository=repository,
        number=pull.number("iid"),
        branch=pull.text("source_branch"),
        commit=(pull.text("merge_commit_sha") or head) if kind is EventKind.MERGED else head,
    )


def _pagure(headers: Mapping[str, str], payload: Answer) -> Event | None:
    said, topic = payload.at("msg"), payload.text("topic")
    repository = said.text("project_fullname")
    if topic == "git.receive":
        branch = said.text("branch").removeprefix(_BRANCHES)
        commit = said.text("end_commit")
        return Event(kind=EventKind.PUSHED, repository=repository, number=0, branch=branch, commit=commit)
    pull = said.at("pullrequest")
    kinds = {
        "pull-request.closed": EventKind.MERGED if said.flag("merged") else EventKind.CLOSED,
        "pull-request.comment.added": EventKind.REVIEWED,
        "pull-request.comment.edited": EventKind.REVIEWED,
    }
    if topic not in kinds:
        return None
    return Event(
        kind=kinds[topic],
        repository=repository,
        number=pull.number("id"),
        branch=pull.text("branch_from"),
        commit=pull.text("commit_stop"),
    )


_READERS = {
    ForgeKind.GITHUB: _github,
    ForgeKind.GITLAB: _gitlab,
    ForgeKind.GITEA: _gitea,
    ForgeKind.PAGURE: _pagure,
}
