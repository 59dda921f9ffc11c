"""A webhook is believed with its signature alone, and says what happened and where to look."""

from __future__ import annotations

import hmac
import json
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_git.core.errors import Invalid, PermissionDenied
from registry_git.core.rules import ForgeKind, ForgeSettings
from registry_git.forges.webhooks import Event, EventKind, receive

SECRET = "between us"
HEAD, LANDED = "a" * 40, "b" * 40
BRANCH = "request/fraud/20261123-7k3m9q"


def settings(kind: ForgeKind) -> ForgeSettings:
    """The forge that is expected to call."""
    return ForgeSettings(kind=kind, url="https://git.acme.io", repository="acme/models")


def signed(kind: ForgeKind, body: bytes, secret: str = SECRET) -> dict[str, str]:
    """The header with which each forge signs."""
    signature = hmac.new(secret.encode(), body, sha256).hexdigest()
    return {
        ForgeKind.GITHUB: {"X-Hub-Signature-256": f"sha256={signature}"},
        ForgeKind.GITLAB: {"X-Gitlab-Token": secret},
        ForgeKind.GITEA: {"X-Gitea-Signature": signature},
        ForgeKind.PAGURE: {"X-Pagure-Signature-256": signature},
    }[kind]


def deliver(kind: ForgeKind, payload: Any, **headers: str) -> Event | None:
    """A delivery that is signed."""
    body = json.dumps(payload).encode()
    given = {key.replace("_", "-"): value for key, value in headers.items()}
    return receive(settings(kind), headers={**signed(kind, body), **given}, body=body, secret=SECRET)


def hub(action: str, *, merged: bool = False, **more: Any) -> dict[str, Any]:
    """A payload about a pull request, as GitHub and Gitea send it."""
    return {
        "action": action,
        "number": 7,
        "pull_request": {
            "number": 7,
            "merged": merged,
            "merge_commit_sha": LANDED,
            "head": {"ref": BRANCH, "sha": HEAD},
            "base": {"ref": "main"},
        },
        "repository": {"full_name": "Acme/models"},
        **more,
    }


def lab(action: str, **more: Any) -> dict[str, Any]:
    """A payload about a merge request."""
    return {
        "object_kind": "merge_request",
        "project": {"path_with_namespace": "acme/models"},
        "object_attributes": {
            "iid": 7,
            "action": action,
            "source_branch": BRANCH,
            "last_commit": {"id": HEAD},
            **more,
        },
    }


def pagure(topic: str, **more: Any) -> dict[str, Any]:
    """A payload of Pagure's."""
    pull = {"id": 7, "branch_from": BRANCH, "commit_stop": HEAD}
    return {"topic": topic, "msg": {"project_fullname": "acme/models", "pullrequest": pull, **more}}


def about(kind: EventKind, commit: str) -> tuple[EventKind, int, str, str]:
    """What an event about the pull request says."""
    return kind, 7, BRANCH, commit


@pytest.mark.parametrize(
    ("kind", "headers", "payload", "expected"),
    [
        (ForgeKind.GITHUB, "pull_request", hub("closed", merged=True), about(EventKind.MERGED, LANDED)),
        (ForgeKind.GITHUB, "pull_request", hub("closed"), about(EventKind.CLOSED, HEAD)),
        (
            ForgeKind.GITHUB,
            "pull_request_review",
            hub("submitted", review={"state": "approved", "commit_id": HEAD}),
            about(EventKind.REVIEWED, HEAD),
        ),
        (ForgeKind.GITEA, "pull_request", hub("closed", merged=True), about(EventKind.MERGED, LANDED)),
        (ForgeKind.GITEA, "pull_request", hub("closed"), about(EventKind.CLOSED, HEAD)),
        (ForgeKind.GITEA, "pull_request_approved", hub("reviewed"), about(EventKind.REVIEWED, HEAD)),
        (ForgeKind.GITEA, "pull_request_rejected", hub("reviewed"), about(EventKind.REVIEWED, HEAD)),
        (ForgeKind.GITLAB, "", lab("merge", merge_commit_sha=LANDED), about(EventKind.MERGED, LANDED)),
        (ForgeKind.GITLAB, "", lab("merge", merge_commit_sha=None), about(EventKind.MERGED, HEAD)),
        (ForgeKind.GITLAB, "", lab("close"), about(EventKind.CLOSED, HEAD)),
        (ForgeKind.GITLAB, "", lab("approved"), about(EventKind.REVIEWED, HEAD)),
        (ForgeKind.GITLAB, "", lab("unapproval"), about(EventKind.REVIEWED, HEAD)),
        (ForgeKind.PAGURE, "", pagure("pull-request.closed", merged=True), about(EventKind.MERGED, HEAD)),
        (ForgeKind.PAGURE, "", pagure("pull-request.closed", merged=False), about(EventKind.CLOSED, HEAD)),
        (ForgeKind.PAGURE, "", pagure("pull-request.comment.added"), about(EventKind.REVIEWED, HEAD)),
    ],
)
def test_what_happened_to_a_pull_request_is_told(
    kind: ForgeKind, headers: str, payload: dict[str, Any], expected: tuple[EventKind, int, str, str]
) -> None:
    found = deliver(kind, payload, X_GitHub_Event=headers, X_Gitea_Event=headers)
    assert found is not None
    assert (found.kind, found.number, found.branch, found.commit) == expected


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (ForgeKind.GITHUB, {"ref": "refs/heads/main", "after": HEAD, "repository": {"full_name": "acme/models"}}),
        (ForgeKind.GITEA, {"ref": "refs/heads/main", "after": HEAD, "repository": {"full_name": "acme/models"}}),
        (
            ForgeKind.GITLAB,
            {
                "object_kind": "push",
                "ref": "refs/heads/main",
                "after": HEAD,
                "project": {"path_with_namespace": "acme/models"},
            },
        ),
        (
            ForgeKind.PAGURE,
            {"topic": "git.receive", "msg": {"project_fullname": "acme/models", "branch": "main", "end_commit": HEAD}},
        ),
    ],
)
def test_a_push_is_told_with_its_branch_and_commit(kind: ForgeKind, payload: dict[str, Any]) -> None:
    found = deliver(kind, payload, X_GitHub_Event="push", X_Gitea_Event="push")
    assert found is not None
    assert (found.kind, found.number, found.branch, found.commit) == (EventKind.PUSHED, 0, "main", HEAD)


def test_a_deleted_branch_has_no_commit_and_a_tag_is_no_branch() -> None:
    payload = {"ref": f"refs/heads/{BRANCH}", "after": "0" * 40, "repository": {"full_name": "acme/models"}}
    found = deliver(ForgeKind.GITHUB, payload, X_GitHub_Event="push")
    assert found is not None
    assert (found.branch, found.commit) == (BRANCH, "")
    assert deliver(ForgeKind.GITHUB, {**payload, "ref": "refs/tags/main"}, X_GitHub_Event="push") is None


@pytest.mark.parametrize(
    ("kind", "event", "payload"),
    [
        (ForgeKind.GITHUB, "pull_request", hub("opened")),
        (ForgeKind.GITHUB, "issues", {"action": "closed"}),
        (ForgeKind.GITHUB, "ping", {"zen": "Design for failure."}),
        (ForgeKind.GITHUB, "pull_request", hub("closed", repository={"full_name": "mallory/models"})),
        (ForgeKind.GITEA, "pull_request_label", hub("label_updated")),
        (ForgeKind.GITLAB, "", lab("update")),
        (ForgeKind.GITLAB, "", {"object_kind": "note"}),
        (ForgeKind.PAGURE, "", pagure("pull-request.flag.added")),
    ],
)
def test_what_is_no_concern_of_a_registry_is_nothing(kind: ForgeKind, event: str, payload: dict[str, Any]) -> None:
    assert deliver(kind, payload, X_GitHub_Event=event, X_Gitea_Event=event) is None


@pytest.mark.parametrize("kind", list(ForgeKind))
def test_a_delivery_without_the_secret_is_refused(kind: ForgeKind) -> None:
    body = b'{"topic": "x"}'
    good = signed(kind, body)
    name = next(iter(good))
    assert receive(settings(kind), headers={name.lower(): good[name]}, body=body, secret=SECRET) is None
    for headers in ({}, {name: ""}, {name: "0" * 64}, {name: good[name].upper()}, {name: "é"}, signed(kind, body, "x")):
        with pytest.raises(PermissionDenied, match="not signed"):
            receive(settings(kind), headers=headers, body=body, secret=SECRET)


@pytest.mark.parametrize("kind", [ForgeKind.GITHUB, ForgeKind.GITEA, ForgeKind.PAGURE])
def test_a_signature_is_for_these_very_bytes(kind: ForgeKind) -> None:
    body = b'{"topic": "x"}'
    with pytest.raises(PermissionDenied):
        receive(settings(kind), headers=signed(kind, body), body=body + b" ", secret=SECRET)


@pytest.mark.parametrize("kind", list(ForgeKind))
def test_without_a_secret_nothing_is_believed(kind: ForgeKind) -> None:
    body = b"{}"
    with pytest.raises(PermissionDenied, match="no secret"):
        receive(settings(kind), headers=signed(kind, body, ""), body=body, secret="")


def test_the_bare_signature_of_another_forge_is_none_of_github_s() -> None:
    body = b"{}"
    bare = signed(ForgeKind.GITEA, body)["X-Gitea-Signature"]
    with pytest.raises(PermissionDenied):
        receive(settings(ForgeKind.GITHUB), headers={"X-Hub-Signature-256": bare}, body=body, secret=SECRET)


def test_forgejo_signs_under_its_own_name() -> None:
    body = b"{}"
    headers = {"X-Forgejo-Signature": signed(ForgeKind.GITEA, body)["X-Gitea-Signature"], "X-Forgejo-Event": "push"}
    assert receive(settings(ForgeKind.GITEA), headers=headers, body=body, secret=SECRET) is None


def test_a_payload_in_a_form_is_read_too() -> None:
    body = urlencode({"payload": json.dumps(hub("closed", merged=True))}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-GitHub-Event": "pull_request"}
    found = receive(
        settings(ForgeKind.GITHUB), headers={**headers, **signed(ForgeKind.GITHUB, body)}, body=body, secret=SECRET
    )
    assert found is not None
    assert found.kind is EventKind.MERGED


@pytest.mark.parametrize("kind", list(ForgeKind))
@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"not json", b"[" * 100_000, b'{"object_kind": 5, "topic": 5, "ref": 5}']
)
def test_a_signed_payload_that_makes_no_sense_is_invalid(kind: ForgeKind, body: bytes) -> None:
    headers = {**signed(kind, body), "X-GitHub-Event": "push", "X-Gitea-Event": "push"}
    with pytest.raises(Invalid):
        receive(settings(kind), headers=headers, body=body, secret=SECRET)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["msg", "ref", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)
_members = st.sampled_from(
    ["action", "pull_request", "repository", "object_kind", "object_attributes", "project", "topic", "msg", "ref"]
)


@given(st.sampled_from(ForgeKind), st.dictionaries(_members, _json, max_size=5) | _json)
def test_no_payload_is_more_than_invalid(kind: ForgeKind, payload: Any) -> None:
    try:
        found = deliver(kind, payload, X_GitHub_Event="pull_request", X_Gitea_Event="pull_request")
    except Invalid:
        return
    assert found is None or isinstance(found, Event)
