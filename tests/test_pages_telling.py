"""Activities are sentences, and what they name is a link."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry_git.core.activity import Activity
from registry_git.core.names import Id
from registry_git.registry.facade import Registry
from registry_git.server.pages.links import Links
from registry_git.server.pages.telling import moment, told
from tests.registry_scene import ALICE, BOB, As, new_registry

HERE = Links()


@pytest.fixture
def opened(tmp_path: Path) -> As:
    return new_registry(tmp_path / "models.git", versions=2, roles={"leads": ["bob@acme.io"]})


def sentences(registry: Registry, since: int = 3) -> list[str]:
    """What is said of the model, without its creation and its first two versions."""
    return [told(one, HERE).striptags() for one in registry.activity("fraud")[since:]]


def one_of(**given: object) -> Activity:
    values = {
        "id": Id("0000.1"),
        "activity_type": "SET_TAG",
        "model": "fraud",
        "version": 1,
        "user_id": ALICE,
        "creation_timestamp": 0,
        "last_updated_timestamp": 0,
        "commit": "a" * 40,
    }
    values |= dict.fromkeys(("from_stage", "to_stage", "comment", "system_comment", "request"), "")
    return Activity(**{**values, **given})  # type: ignore[arg-type]


def test_registering_and_describing_is_told(opened: As) -> None:
    alice = opened(ALICE)
    alice.describe("fraud", "Finds *fraud*.", version=2)
    alice.set_tag("fraud", "auc", "0.9", version=2)
    alice.delete_tag("fraud", "auc", version=2)
    alice.set_alias("fraud", "champion", 2)
    alice.delete_alias("fraud", "champion")
    comment = alice.add_comment("fraud", 2, "Looks good")
    alice.edit_comment("fraud", 2, comment.id, "Looks better")
    alice.delete_comment("fraud", 2, comment.id)
    alice.delete("fraud", version=1)
    assert sentences(alice, since=0) == [
        "created the model fraud",
        "registered fraud v1",
        "registered fraud v2",
        "described fraud v2",
        "set the tag auc = 0.9 on fraud v2",
        "deleted the tag auc of fraud v2",
        "pointed the alias champion to fraud v2",
        "deleted the alias champion, which named fraud v2",
        "commented on fraud v2",
        "edited a comment on fraud v2",
        "deleted a comment on fraud v2",
        "deleted fraud v1",
    ]
    assert [told(one, HERE) for one in alice.activity() if not one.model] == ["made the registry"]


def test_moves_and_requests_are_told(opened: As) -> None:
    alice, bob = opened(ALICE), opened(BOB)
    alice.transition("fraud", 1, "Production")
    alice.transition("fraud", 2, "Production", archive_existing=True)
    for verdict in (bob.approve, bob.reject, alice.cancel):
        verdict(alice.request_stage("fraud", 1, "Staging").id)
        alice.transition("fraud", 1, "None")
    request = alice.request_delete("fraud", 1)
    bob.reject(request.id)
    found = sentences(alice)
    assert found[:3] == [
        "moved fraud v1 to Production",
        "moved fraud v1 from Production to Archived (made room in Production)",
        "moved fraud v2 to Production",
    ]
    assert found[3:6] == [
        "asked to move fraud v1 from Archived to Staging",
        "approved the request to move fraud v1 from Archived to Staging",
        "took fraud v1 out of Staging",
    ]
    assert "rejected the request to move fraud v1 to Staging" in found
    assert "cancelled the request to move fraud v1 to Staging" in found
    assert found[-2:] == ["asked for fraud v1: delete v1", "rejected the request about fraud v1"]


def test_deployments_are_told_with_a_link_to_each(opened: As) -> None:
    alice = opened(ALICE)
    alice.transition("fraud", 1, "Production")
    alice.add_deployment("production", "scorer", model="fraud", stage="Production", workload="service")
    alice.transition("fraud", 2, "Production", archive_existing=True)
    alice.pin_deployment("production", "scorer", 2)
    alice.follow_deployment("production", "scorer", stage="Production", follow="request")
    alice.remove_deployment("production", "scorer")
    found = [one for one in alice.activity("fraud") if "DEPLOYMENT" in one.activity_type]
    assert [told(one, HERE).striptags() for one in found] == [
        "added the deployment production/scorer, following fraud/Production, with fraud v1",
        "rolled the deployment production/scorer from v1 to fraud v2",
        "pinned the deployment production/scorer to fraud v2",
        "changed the deployment production/scorer, now following fraud/Production on request, with fraud v2",
        "removed the deployment production/scorer, which used fraud v2",
    ]
    assert all('<a href="/deployments?environment=production#scorer">' in told(one, HERE) for one in found)


def test_what_is_named_is_a_link_and_nothing_of_it_is_html() -> None:
    tag = one_of(system_comment="<b> = <script>")
    expected = 'set the tag <code>&lt;b&gt; = &lt;script&gt;</code> on <a href="/models/fraud/versions/1">fraud v1</a>'
    assert told(tag, HERE) == expected
    assert '<a href="/models/fraud/versions/1?at=2026-03-01">' in told(tag, Links("2026-03-01"))
    assert "<a" not in told(one_of(activity_type="DELETED_VERSION"), HERE)
    assert '<a href="/requests/20261123-7k3m9q">the request</a>' in told(
        one_of(activity_type="APPROVED_REQUEST", request="20261123-7k3m9q", to_stage="Staging"), HERE
    )


def test_a_kind_that_is_new_is_told_nevertheless() -> None:
    assert told(one_of(activity_type="SOMETHING_NEW"), HERE).striptags() == "fraud v1: something new"


def test_an_activity_leads_to_what_it_is_about_as_it_was_then() -> None:
    then = "a" * 40
    assert moment(one_of(), HERE) == f"/models/fraud/versions/1?at={then}"
    assert moment(one_of(activity_type="DELETED_VERSION"), HERE) == f"/models/fraud?at={then}"
    assert moment(one_of(activity_type="DELETED_MODEL", version=None), HERE) == f"/?at={then}"
    assert moment(one_of(commit="", request="20261123-7k3m9q"), HERE) == "/requests/20261123-7k3m9q"
