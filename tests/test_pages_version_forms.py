"""What is done by hand on a version's page: moved, asked for, decided, described, tagged, commented and deleted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import httpx
import pytest

from registry_git.core.errors import NotFound
from registry_git.server.permissions import Permission
from tests.conftest import Git
from tests.pages_scene import Site, led, new_token, proof, reader, site
from tests.registry_scene import ALICE, BOB, LEADS, As, hand_commit, new_registry
from tests.version_scene import rules_into

V2 = "/models/fraud/versions/2"
GUARDED = """rules:
- on: stage
  to: [Production]
  approvals: 1
  by: [ml-leads]
  four_eyes: true
- on: delete
  approvals: 1
  by: [ml-leads]
  four_eyes: true
"""


@pytest.fixture
def as_(tmp_path: Path) -> As:
    return new_registry(tmp_path / "models.git", versions=3, roles=LEADS)


@pytest.fixture
def fraud(as_: As, tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path / "models.git") as found:
        yield found


@pytest.fixture
def alice(fraud: Site) -> Iterator[httpx.Client]:
    with reader(fraud, "alice") as client:
        yield client


@pytest.fixture
def bob(fraud: Site) -> Iterator[httpx.Client]:
    with reader(fraud, "bob") as client:
        yield client


def send(client: httpx.Client, path: str, **fields: str) -> httpx.Response:
    """Sends a form of a version's page, as a browser without scripts: a form that did its work leads to a page."""
    return client.post(path, data={"csrf": proof(client.get("/me")), **fields})


def done(client: httpx.Client, path: str, **fields: str) -> str:
    """Sends a form, and gives what the next page says was done."""
    address, said = led(client, send(client, path, **fields))
    assert address.startswith("/models/fraud")
    assert said
    return said


def refused(client: httpx.Client, path: str, status: int, **fields: str) -> str:
    """Sends a form that is refused, and gives the page that says so."""
    answer = send(client, path, **fields)
    assert answer.status_code == status, answer.text
    assert 'role="alert"' in answer.text
    return unescape(answer.text)


def menu(client: httpx.Client, path: str = V2) -> list[str]:
    """What the stage menu offers."""
    found = re.search(r'<details class="menu stage">(.*?)</details>', client.get(path).text, re.DOTALL)
    return re.findall(r"<li><a [^>]*>(.*?)</a>", found[1]) if found else []


def test_the_menu_offers_what_the_policy_allows_this_person(as_: As, alice: httpx.Client, bob: httpx.Client) -> None:
    everything = ["Transition to Staging", "Transition to Production", "Transition to Archived"]
    assert menu(alice) == everything
    rules_into(as_, GUARDED)
    assert menu(alice) == ["Transition to Staging", "Request transition to Production", "Transition to Archived"]
    assert menu(bob) == menu(alice)  # four eyes: not even who may approve does it alone
    as_(ALICE).transition("fraud", 2, "Staging")
    assert menu(alice) == ["Request transition to Production", "Transition to Archived", "Leave its stages"]


def test_the_menu_offers_what_the_token_allows(as_: As, fraud: Site, tmp_path: Path) -> None:
    rules_into(as_, "rules:\n- on: stage\n  to: [Production]\n  approvals: 1\n  by: [ml-leads]\n")
    for scopes, offered in (
        ((Permission.READ,), None),
        ((Permission.READ, Permission.WRITE), "Request transition to Production"),
        ((Permission.READ, Permission.WRITE, Permission.APPROVE), "Transition to Production"),
    ):
        tokens = {"bob": new_token(fraud.place, "bob", *scopes)}
        with reader(Site(url=fraud.url, place=fraud.place, tokens=tokens), "bob") as bob:
            assert (menu(bob)[1] if offered else menu(bob)) == (offered or [])


def test_a_move_is_a_commit_with_its_comment(as_: As, alice: httpx.Client) -> None:
    page = alice.get(f"{V2}?to=Staging").text
    assert "Transition to Staging" in page.partition('id="move"')[2]
    said = done(alice, f"{V2}/stage", stage="Staging", how="now", comment="it is good")
    assert said == "fraud v2 is in Staging now."
    newest = as_(BOB).activity("fraud", 2)[-1]
    assert (newest.activity_type, newest.to_stage, newest.comment) == ("APPLIED_TRANSITION", "Staging", "it is good")
    assert newest.user_id == ALICE


def test_those_that_are_there_are_archived_or_stay_and_ones_own_stage_can_be_kept(as_: As, alice: httpx.Client) -> None:
    as_(ALICE).transition("fraud", 1, "Production")
    as_(ALICE).transition("fraud", 2, "Staging")
    panel = alice.get(f"{V2}?to=production").text
    assert "Also archive the versions that are in Production now (v1)" in panel
    assert "Keep it in Staging as well" in panel
    done(alice, f"{V2}/stage", stage="Production", how="now", add="true")
    assert as_(ALICE).model("fraud").stages == {"Staging": (2,), "Production": (1, 2)}
    done(alice, "/models/fraud/versions/3/stage", stage="Production", how="now", archive_existing="true")
    assert as_(ALICE).model("fraud").stages == {"Staging": (2,), "Production": (3,), "Archived": (1, 2)}
    assert done(alice, f"{V2}/stage", stage="None", how="now") == "fraud v2 is in no stage now."


def test_what_needs_approval_is_asked_for_and_stands_on_the_page(
    as_: As, alice: httpx.Client, bob: httpx.Client
) -> None:
    rules_into(as_, GUARDED)
    panel = unescape(alice.get(f"{V2}?to=Production").text).partition('id="move"')[2]
    assert "rule on stage to Production for *: 1 approval by ml-leads (bob@acme.io, carol@acme.io) needed" in panel
    assert 'value="now"' not in panel
    said = done(alice, f"{V2}/stage", stage="Production", how="ask", comment="please")
    request = as_(ALICE).requests("fraud")[0]
    assert said.startswith(f"Request {request.id} asks to move fraud v2 to Production. It needs 1 approval more by:")
    page = bob.get(V2).text
    assert "asks to move fraud v2 to Production" in page
    assert "please" in page
    said = done(bob, f"{V2}/requests/{request.id}/approve", comment="go")
    assert said == "Approved, and done: move fraud v2 to Production."
    assert as_(ALICE).version("fraud", 2).stages == ("Production",)


def test_a_direct_move_that_the_policy_forbids_is_refused_on_the_page_with_what_was_typed(
    as_: As, alice: httpx.Client
) -> None:
    rules_into(as_, GUARDED)
    before = as_(ALICE).commit
    page = refused(alice, f"{V2}/stage?to=Production", 403, stage="Production", how="now", comment="now!", form="move")
    assert "The policy does not allow this: rule on stage to Production" in page
    assert ">now!</textarea>" in page
    assert "Request transition to Production" in page
    assert as_(ALICE).commit == before


def test_what_is_missing_besides_approvals_is_said_before_it_is_asked(as_: As, alice: httpx.Client) -> None:
    rules_into(as_, "rules:\n- on: stage\n  to: [Production]\n  require: {tags: [validated]}\n")
    page = unescape(alice.get(f"{V2}?to=Production").text)
    assert "not yet: something is missing" in page
    assert "fraud v2 lacks the tag 'validated'." in page.partition('id="move"')[2]
    done(alice, f"{V2}/tags", key="validated", value="yes")
    assert menu(alice)[1] == "Transition to Production"


def test_a_deployment_that_is_in_the_way_is_said_and_can_be_overruled_with_a_word(as_: As, alice: httpx.Client) -> None:
    as_(ALICE).transition("fraud", 2, "Production")
    as_(ALICE).add_deployment("production", "scorer", model="fraud", stage="Production")
    panel = alice.get(f"{V2}?to=None").text.partition('id="move"')[2]
    assert "Deployment production/scorer uses v2 of fraud, which would be in no serving stage." in panel
    page = refused(alice, f"{V2}/stage?to=None", 409, stage="None", how="now")
    assert "would be in no serving stage" in page
    page = refused(alice, f"{V2}/stage?to=None", 400, stage="None", how="now", force="true")
    assert "What is forced needs a comment that says why." in page
    done(alice, f"{V2}/stage", stage="None", how="now", force="true", comment="it is broken")
    assert as_(ALICE).version("fraud", 2).stages == ()


def test_deployments_that_move_along_are_said_before_and_after(as_: As, alice: httpx.Client) -> None:
    as_(ALICE).transition("fraud", 1, "Production")
    as_(ALICE).add_deployment("production", "scorer", model="fraud", stage="Production")
    panel = alice.get(f"{V2}?to=Production").text.partition('id="move"')[2]
    assert "production/scorer</a> v1 → v2" in panel
    said = done(alice, f"{V2}/stage", stage="Production", how="now", archive_existing="true")
    assert said == "fraud v2 is in Production now. Rolled: production/scorer v1 → v2."


def test_requests_are_rejected_cancelled_and_refreshed_here(as_: As, alice: httpx.Client, bob: httpx.Client) -> None:
    rules_into(as_, GUARDED)
    ids = [as_(ALICE).request_stage("fraud", 2, "Production").id for _ in range(2)]
    said = done(bob, f"{V2}/requests/{ids[0]}/reject", comment="AUC too low")
    assert said == "Rejected. It asked to move fraud v2 to Production, and that does not happen."
    assert as_(ALICE).request(ids[0]).record.reviews[-1].comment == "AUC too low"
    as_(ALICE).transition("fraud", 2, "Staging")
    page = alice.get(V2).text
    assert "It no longer fits the registry" in page
    assert f"/requests/{ids[1]}/approve" not in page
    assert done(alice, f"{V2}/requests/{ids[1]}/refresh").endswith(
        "It needs 1 approval more by: bob@acme.io, carol@acme.io."
    )
    assert done(alice, f"{V2}/requests/{ids[1]}/cancel").startswith("Cancelled.")
    assert as_(ALICE).requests("fraud") == []


def test_who_may_not_decide_is_refused_where_they_tried(as_: As, alice: httpx.Client) -> None:
    rules_into(as_, GUARDED)
    request = as_(BOB).request_stage("fraud", 2, "Production")
    page = refused(alice, f"{V2}/requests/{request.id}/approve", 403, comment="me too", form=f"request-{request.id}")
    assert "alice@acme.io may not approve this" in page
    assert as_(BOB).request(request.id).state == "open"


def test_the_description_and_tags_are_changed(as_: As, alice: httpx.Client) -> None:
    assert done(alice, f"{V2}/description", description="Finds *fraud*.") == "The description is changed."
    done(alice, f"{V2}/tags", key="auc", value="0.9")
    done(alice, f"{V2}/tags", key="team", value="risk")
    done(alice, f"{V2}/tags", key="auc", value="0.95")
    assert done(alice, f"{V2}/tags/delete", key="team") == "The tag team is removed."
    version = as_(ALICE).version("fraud", 2)
    assert (version.description, version.tags) == ("Finds *fraud*.", {"auc": "0.95"})
    page = refused(alice, f"{V2}/tags", 400, form="tag", key="not$ok", value="kept")
    assert 'value="not$ok"' in page
    assert 'value="kept"' in page


def test_who_may_not_edit_is_not_offered_to(as_: As, alice: httpx.Client) -> None:
    rules_into(as_, "rules:\n- on: edit\n  by: [ml-leads]\n")
    page = alice.get(V2).text
    assert f'action="{V2}/description"' not in page
    assert f'action="{V2}/tags"' not in page
    assert "alice@acme.io is not in ml-leads" in page
    assert "alice@acme.io is not in ml-leads" in refused(alice, f"{V2}/tags", 403, key="a", value="b")


def test_comments_are_added_changed_and_deleted_by_who_wrote_them(
    as_: As, alice: httpx.Client, bob: httpx.Client
) -> None:
    done(alice, f"{V2}/comments", text="Is it **good**?")
    comment = as_(ALICE).comments("fraud", 2)[0]
    assert "Is it <strong>good</strong>?" in bob.get(V2).text
    assert f"/comments/{comment.id}" not in bob.get(f"{V2}?edit={comment.id}").text
    assert "is Alice" in refused(bob, f"{V2}/comments/{comment.id}", 403, text="mine")
    assert "is Alice" in refused(bob, f"{V2}/comments/{comment.id}/delete", 403)
    assert ">Is it **good**?</textarea>" in alice.get(f"{V2}?edit={comment.id}").text
    done(alice, f"{V2}/comments/{comment.id}", text="It is.")
    assert "· edited <time" in alice.get(V2).text
    done(alice, f"{V2}/comments/{comment.id}/delete")
    assert as_(ALICE).comments("fraud", 2) == []
    assert "comment" in refused(alice, f"{V2}/comments", 400, text="")
    assert as_(ALICE).comments("fraud", 2) == []


def test_a_version_is_deleted_directly_or_by_a_request(as_: As, alice: httpx.Client, bob: httpx.Client) -> None:
    assert "is deleted" in done(alice, "/models/fraud/versions/3/delete", how="now", comment="wrong data")
    with pytest.raises(NotFound):
        as_(ALICE).version("fraud", 3)
    rules_into(as_, GUARDED)
    page = alice.get(V2).text.partition('<details class="danger"')[2]
    assert 'value="now"' not in page
    assert "Request its deletion" in page
    done(alice, f"{V2}/delete", how="ask", comment="old")
    request = as_(ALICE).requests("fraud")[0]
    answer = send(bob, f"{V2}/requests/{request.id}/approve")
    assert answer.headers["location"] == "/models/fraud"  # its own page is gone
    with pytest.raises(NotFound):
        as_(ALICE).version("fraud", 2)


def test_a_version_that_is_in_use_is_deleted_only_on_purpose(as_: As, alice: httpx.Client) -> None:
    as_(ALICE).transition("fraud", 2, "Production")
    page = refused(alice, f"{V2}/delete", 409, how="now", form="delete", comment="why not")
    assert "is in Production" in page
    assert ">why not</textarea>" in page
    done(alice, f"{V2}/delete", how="now", leaving="true")
    with pytest.raises(NotFound):
        as_(ALICE).version("fraud", 2)


def test_a_form_from_elsewhere_does_nothing(as_: As, alice: httpx.Client) -> None:
    before = as_(ALICE).commit
    answer = alice.post(f"{V2}/stage", data={"csrf": "0" * 36, "stage": "Staging", "how": "now"})
    assert answer.status_code == 403
    assert as_(ALICE).commit == before
    assert alice.get(f"{V2}/stage").headers["location"] == V2


def test_a_stage_that_there_is_not_is_said(alice: httpx.Client) -> None:
    answer = alice.get(f"{V2}?to=Prodution")
    assert answer.status_code == 400
    assert "This registry has no stage &#39;Prodution&#39;." in answer.text


def test_where_it_is_already_needs_no_form(as_: As, alice: httpx.Client) -> None:
    as_(ALICE).transition("fraud", 2, "Staging")
    page = alice.get(f"{V2}?to=staging").text
    assert "v2 is in staging already." in page
    assert 'id="move"' not in page


def test_a_deployment_that_cannot_be_read_keeps_nothing_else_from_being_seen(
    as_: As, alice: httpx.Client, git: Git, tmp_path: Path
) -> None:
    as_(ALICE).transition("fraud", 2, "Staging")
    broken = {"deployments/production/scorer.yaml": "model: fraud\n"}
    hand_commit(git, tmp_path / "models.git", "main", broken, author=BOB)
    page = alice.get(V2)
    assert page.status_code == 200
    assert "What can be done with it cannot be told: deployments/production/scorer.yaml" in page.text
    assert "models/fraud/versions/2.yaml" in page.text


def test_archiving_is_proposed_unless_a_deployment_is_in_its_way(as_: As, alice: httpx.Client) -> None:
    box = '<input type="checkbox" name="archive_existing" value="true"'
    as_(ALICE).transition("fraud", 1, "Staging")
    assert f"{box} checked>" in alice.get(f"{V2}?to=Staging").text
    as_(ALICE).set_alias("fraud", "champion", 1)
    as_(ALICE).add_deployment("staging", "nightly", model="fraud", alias="champion")
    panel = alice.get(f"{V2}?to=Staging").text
    assert f"{box}>" in panel
    assert "deployment staging/nightly uses v1 of fraud, which would be in no serving stage." in panel
    done(alice, f"{V2}/stage", stage="Staging", how="now")
    assert as_(ALICE).model("fraud").stages == {"Staging": (1, 2)}
