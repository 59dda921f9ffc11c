"""databricks-sdk works unchanged: `WorkspaceClient(host, token).model_registry`, user-defined stages included."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, NotFound, PermissionDenied, ResourceAlreadyExists, ResourceConflict
from databricks.sdk.service import ml
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

import registry_git
from registry_git.core.names import Actor
from registry_git.server.accounts import AccountFile
from registry_git.server.permissions import SCOPES, Permission
from tests.conftest import Git
from tests.registry_scene import ALICE, BOB, CAROL, DAVE, new_registry, policy_text, true_merges
from tests.server_scene import code_of, serving, settings_of

BASE = "/api/2.0/mlflow"
STAGES = """\
stages:
- {name: Staging}
- {name: Canary}
- {name: Production}
- {name: Archived, serving: false}
"""
RULES = """\
rules:
- {on: stage, to: [Production], approvals: 1, by: [ml-leads], four_eyes: true}
- {on: stage, to: [Canary], approvals: 2, by: [ml-leads], four_eyes: true}
- {on: policy, by: [admins]}
"""
As = Callable[[str], WorkspaceClient]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("registry") / "models.git"
    roles = {"ml-leads": ["bob@acme.io", "carol@acme.io"], "admins": ["carol@acme.io"]}
    registry = new_registry(path, roles=roles)(ALICE)
    head, _, rest = policy_text(registry).partition("stages:")
    registry.set_policy(f"{head}{STAGES}roles:{rest.partition('roles:')[2].partition('rules:')[0]}{RULES}")
    return path


def tokens_of(place: Path) -> dict[str, str]:
    accounts = AccountFile(settings_of(place).accounts)
    found = {}
    for person in (ALICE, BOB, CAROL, DAVE):
        actor = Actor.parse(person)
        accounts.add(actor)
        found[person] = accounts.add_token(actor.email, scopes=frozenset(SCOPES), created=0, expires=None)[0]
    return found


@pytest.fixture(scope="module")
def tokens(place: Path) -> dict[str, str]:
    found, accounts = tokens_of(place), AccountFile(settings_of(place).accounts)
    weak = frozenset({Permission.READ, Permission.WRITE})
    found["no approvals"] = accounts.add_token("bob@acme.io", scopes=weak, created=0, expires=None)[0]
    return found


@pytest.fixture(scope="module")
def http(place: Path, tokens: dict[str, str]) -> Iterator[httpx.Client]:
    with serving(settings_of(place)) as client:
        yield client


@pytest.fixture(scope="module")
def as_(http: httpx.Client, tokens: dict[str, str]) -> As:
    known: dict[str, WorkspaceClient] = {}

    def client(person: str) -> WorkspaceClient:
        if person not in known:
            known[person] = WorkspaceClient(host=str(http.base_url).rstrip("/"), token=tokens[person], auth_type="pat")
        return known[person]

    return client


def new_model(as_: As, name: str, versions: int = 2) -> str:
    registry = as_(ALICE).model_registry
    registry.create_model(name, description="A model.", tags=[ml.ModelTag("team", "risk")])
    for number in range(1, versions + 1):
        registry.create_model_version(name, f"s3://acme/{name}/{number}")
    return name


def test_a_client_begins_without_a_warning(
    http: httpx.Client, tokens: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("WARNING"):
        client = WorkspaceClient(host=str(http.base_url).rstrip("/"), token=tokens[ALICE], auth_type="pat")
    assert [one.getMessage() for one in caplog.records] == []
    assert client.config.token_audience is None, "it is told of nobody else to ask"
    assert client.config.account_id is None
    assert client.current_user.me().user_name == "alice@acme.io"


def test_two_people_request_reject_ask_again_and_approve_and_git_shows_who(as_: As, place: Path, git: Git) -> None:
    name = new_model(as_, "story")
    alice, bob = as_(ALICE).model_registry, as_(BOB).model_registry
    asked = alice.create_transition_request(name, "1", "production", comment="It is better.").request
    assert asked is not None
    assert (asked.user_id, asked.to_stage, asked.comment) == ("alice@acme.io", "Production", "It is better.")
    (listed,) = bob.list_transition_requests(name, "1")
    assert (listed.activity_type, listed.system_comment) == (ml.ActivityType.REQUESTED_TRANSITION, "0 of 1 approvals")
    no = bob.reject_transition_request(name, "1", "Production", comment="Not yet.").activity
    assert no is not None
    assert (no.activity_type, no.user_id, no.comment) == (ml.ActivityType.REJECTED_REQUEST, "bob@acme.io", "Not yet.")
    assert list(alice.list_transition_requests(name, "1")) == []
    alice.create_transition_request(name, "1", "Production")
    yes = bob.approve_transition_request(name, "1", "Production", archive_existing_versions=False).activity
    assert yes is not None
    assert (yes.activity_type, yes.from_stage, yes.to_stage) == (
        ml.ActivityType.APPROVED_REQUEST,
        "None",
        "Production",
    )
    found = alice.get_model_version(name, "1").model_version
    assert found is not None
    assert found.current_stage == "Production"
    authors = git(place, "log", "--first-parent", "--format=%an %s", "main").splitlines()[:2]
    assert [line.split()[0] for line in authors] == ["Bob", "Bob"]
    assert authors[0].startswith("Bob Approve request")
    assert authors[1].startswith("Bob Reject request")
    assert git(place, "log", "-1", "--format=%an", "main^2^1") == "Alice"
    assert true_merges(git, place) >= 2


def test_a_move_that_takes_an_approval_is_refused_with_the_request_that_asks_for_it(as_: As) -> None:
    name = new_model(as_, "refused")
    with pytest.raises(PermissionDenied, match=f"registry-git request create {name} 1 Production") as refused:
        as_(BOB).model_registry.transition_stage(name, "1", "Production", archive_existing_versions=False)
    assert refused.value.error_code == "PERMISSION_DENIED"


def test_a_move_that_the_policy_leaves_free_is_made_with_its_comment(as_: As, place: Path) -> None:
    name = new_model(as_, "free")
    registry = as_(DAVE).model_registry
    registry.transition_stage(name, "1", "Staging", archive_existing_versions=False)
    moved = registry.transition_stage(name, "2", "staging", archive_existing_versions=True, comment="Better.")
    shown = moved.model_version_databricks
    assert shown is not None
    assert (shown.current_stage, shown.version, shown.user_id) == ("Staging", "2", "alice@acme.io")
    assert shown.permission_level is ml.PermissionLevel.CAN_EDIT  # Canary is no production stage, and not his
    old = registry.get_model_version(name, "1").model_version
    assert old is not None
    assert old.current_stage == "Archived"
    last = registry_git.open(place, actor=DAVE).activity(name, 2)[-1]
    assert (last.user_id, last.comment) == (DAVE, "Better.")


def test_a_stage_of_the_registrys_own_takes_two_approvals_and_the_request_stays_open_between(as_: As) -> None:
    name = new_model(as_, "canary")
    as_(ALICE).model_registry.create_transition_request(name, "1", "Canary")
    first = as_(BOB).model_registry.approve_transition_request(name, "1", "Canary", False).activity
    assert first is not None
    assert (first.activity_type, first.system_comment) == (ml.ActivityType.APPROVED_REQUEST, "1 of 2 approvals")
    (waiting,) = as_(CAROL).model_registry.list_transition_requests(name, "1")
    assert (waiting.to_stage, waiting.system_comment) == ("Canary", "1 of 2 approvals")
    second = as_(CAROL).model_registry.approve_transition_request(name, "1", "Canary", False).activity
    assert second is not None
    assert second.user_id == "carol@acme.io"
    (latest,) = as_(ALICE).model_registry.get_latest_versions(name, stages=["Canary"])
    assert (latest.version, latest.current_stage) == ("1", "Canary")


def test_who_approves_says_whether_those_that_are_there_are_archived(as_: As, place: Path, git: Git) -> None:
    name = new_model(as_, "room", versions=3)
    alice, bob = as_(ALICE).model_registry, as_(BOB).model_registry
    for number, archive in (("1", False), ("2", False), ("3", True)):
        alice.create_transition_request(name, number, "Production")
        bob.approve_transition_request(name, number, "Production", archive_existing_versions=archive)
    stages = registry_git.open(place, actor=DAVE).model(name).stages
    assert {stage: list(held) for stage, held in stages.items()} == {"Production": [3], "Archived": [1, 2]}
    assert true_merges(git, place) >= 3


def test_a_request_that_was_overtaken_is_a_conflict_and_says_so_in_the_list(as_: As) -> None:
    name = new_model(as_, "overtaken")
    alice, bob = as_(ALICE).model_registry, as_(BOB).model_registry
    for number in ("1", "2"):
        alice.create_transition_request(name, number, "Production")
    bob.approve_transition_request(name, "1", "Production", False)
    (waiting,) = bob.list_transition_requests(name, "2")
    assert "stale: " in (waiting.system_comment or "")
    with pytest.raises(ResourceConflict, match="is stale"):
        bob.approve_transition_request(name, "2", "Production", False)
    with pytest.raises(ResourceConflict, match="is stale"):
        bob.approve_transition_request(name, "2", "Production", archive_existing_versions=True)
    bob.reject_transition_request(name, "2", "Production")
    assert list(bob.list_transition_requests(name, "2")) == []


def test_an_amended_request_waits_for_those_again_who_approved_what_it_said_before(as_: As) -> None:
    name = new_model(as_, "amended")
    alice, bob, carol = (as_(person).model_registry for person in (ALICE, BOB, CAROL))
    for number, archive in (("1", False), ("2", True)):
        alice.create_transition_request(name, number, "Canary")
        bob.approve_transition_request(name, number, "Canary", False)
        after = carol.approve_transition_request(name, number, "Canary", archive_existing_versions=archive).activity
        assert after is not None
        assert after.system_comment == ("1 of 2 approvals" if archive else None)
    bob.approve_transition_request(name, "2", "Canary", False)
    assert [one.version for one in alice.get_latest_versions(name, stages=["Canary"])] == ["2"]
    assert [one.version for one in alice.get_latest_versions(name, stages=["Archived"])] == ["1"]


def test_only_who_the_rule_names_may_approve_and_the_requester_is_not_enough(as_: As) -> None:
    name = new_model(as_, "eyes")
    as_(BOB).model_registry.create_transition_request(name, "1", "Production")
    with pytest.raises(PermissionDenied, match=r"dave@acme\.io may not approve this"):
        as_(DAVE).model_registry.approve_transition_request(name, "1", "Production", False)
    own = as_(BOB).model_registry.approve_transition_request(name, "1", "Production", False).activity
    assert own is not None
    assert own.system_comment == "the requester's own; 0 of 1 approvals"
    found = as_(BOB).model_registry.get_model_version(name, "1").model_version
    assert found is not None
    assert found.current_stage == "None"


def test_a_token_without_the_scope_approve_cannot_approve(http: httpx.Client, as_: As, tokens: dict[str, str]) -> None:
    name = new_model(as_, "scoped")
    as_(ALICE).model_registry.create_transition_request(name, "1", "Production")
    wanted = {"name": name, "version": "1", "stage": "Production", "archive_existing_versions": False}
    bearer = {"authorization": f"Bearer {tokens['no approvals']}"}
    for path in ("approve", "reject"):
        refused = http.post(f"{BASE}/transition-requests/{path}", json=wanted, headers=bearer)
        assert code_of(refused) == (403, "PERMISSION_DENIED")
    assert len(list(as_(ALICE).model_registry.list_transition_requests(name, "1"))) == 1


def test_a_request_is_withdrawn_by_its_creator_and_by_who_may_decide_it_and_nobody_else(as_: As) -> None:
    name = new_model(as_, "withdrawn")
    alice = as_(ALICE).model_registry
    alice.create_transition_request(name, "1", "Production")
    with pytest.raises(PermissionDenied):
        as_(DAVE).model_registry.delete_transition_request(name, "1", "Production", creator="alice@acme.io")
    with pytest.raises(NotFound, match=r"no open request by dave@acme\.io"):
        alice.delete_transition_request(name, "1", "Production", creator="dave@acme.io")
    gone = alice.delete_transition_request(name, "1", "Production", creator="alice@acme.io", comment="Later.").activity
    assert gone is not None
    assert (gone.activity_type, gone.comment) == (ml.ActivityType.CANCELLED_REQUEST, "Later.")
    alice.create_transition_request(name, "1", "Production")
    by_lead = as_(BOB).model_registry.delete_transition_request(name, "1", "Production", creator=ALICE).activity
    assert by_lead is not None
    assert by_lead.user_id == "bob@acme.io"


def test_the_same_person_asks_once_and_what_does_not_exist_is_said(as_: As) -> None:
    name = new_model(as_, "once")
    alice = as_(ALICE).model_registry
    alice.create_transition_request(name, "1", "Production")
    with pytest.raises(ResourceAlreadyExists, match="already: request"):
        alice.create_transition_request(name, "1", "Production")
    as_(CAROL).model_registry.create_transition_request(name, "1", "Production")
    with pytest.raises(NotFound, match="no open request for once v2 to Production"):
        as_(BOB).model_registry.approve_transition_request(name, "2", "Production", False)
    with pytest.raises(NotFound, match="no open request"):
        as_(BOB).model_registry.reject_transition_request(name, "1", "Canary")
    with pytest.raises(NotFound, match="v9 of once does not exist"):
        list(alice.list_transition_requests(name, "9"))
    with pytest.raises(BadRequest, match="Bogus"):
        alice.create_transition_request(name, "1", "Bogus")


def test_actions_are_those_that_the_viewer_has(http: httpx.Client, as_: As, tokens: dict[str, str]) -> None:
    name = new_model(as_, "actions")
    as_(ALICE).model_registry.create_transition_request(name, "1", "Production")
    as_(ALICE).model_registry.create_comment(name, "1", "Look at the recall.")

    def seen(person: str) -> list[list[str]]:
        bearer = {"authorization": f"Bearer {tokens[person]}"}
        where = {"name": name, "version": "1"}
        told = http.get(f"{BASE}/model-versions/get-activities", params=where, headers=bearer).json()["activities"]
        return [one.get("available_actions", []) for one in told]

    decide = ["REJECT_TRANSITION_REQUEST", "CANCEL_TRANSITION_REQUEST"]
    assert seen(ALICE) == [decide, ["EDIT_COMMENT", "DELETE_COMMENT"]]
    assert seen(BOB) == [["APPROVE_TRANSITION_REQUEST", *decide], []]
    assert seen(DAVE) == [[], []]


def test_actions_are_no_more_than_the_token_is_for(http: httpx.Client, as_: As, place: Path) -> None:
    name, accounts = new_model(as_, "narrow"), AccountFile(settings_of(place).accounts)
    as_(ALICE).model_registry.create_transition_request(name, "1", "Production")
    as_(ALICE).model_registry.create_comment(name, "1", "Look at the recall.")
    read, write, approve = Permission.READ, Permission.WRITE, Permission.APPROVE

    def seen(person: str, *scopes: Permission) -> list[list[str]]:
        email = person.partition("<")[2].rstrip(">")
        token, _ = accounts.add_token(email, scopes=frozenset(scopes), created=0, expires=None)
        where, bearer = {"name": name, "version": "1"}, {"authorization": f"Bearer {token}"}
        told = http.get(f"{BASE}/model-versions/get-activities", params=where, headers=bearer).json()["activities"]
        return [one.get("available_actions", []) for one in told]

    comment = ["EDIT_COMMENT", "DELETE_COMMENT"]
    assert seen(ALICE, read) == [[], []]
    assert seen(ALICE, read, write) == [["CANCEL_TRANSITION_REQUEST"], comment]
    assert seen(BOB, read) == [[], []]
    assert seen(BOB, read, write) == [[], []]
    assert seen(BOB, read, approve) == [["APPROVE_TRANSITION_REQUEST", "REJECT_TRANSITION_REQUEST"], []]
    every = ["APPROVE_TRANSITION_REQUEST", "REJECT_TRANSITION_REQUEST", "CANCEL_TRANSITION_REQUEST"]
    assert seen(BOB, read, write, approve) == [every, []]


def test_who_has_a_say_in_one_rule_keeps_it_when_another_has_approved(tmp_path: Path) -> None:
    place = tmp_path / "models.git"
    registry = new_registry(place, versions=1, roles={"leads": ["bob@acme.io", "carol@acme.io"]})(ALICE)
    rules = "rules:\n" + "".join(
        f"- {{on: stage, to: [Production], approvals: 1, by: [{role}], four_eyes: true}}\n"
        for role in ("leads", "risk")
    )
    head = policy_text(registry).partition("rules:")[0]
    registry.set_policy(head.replace("roles:\n", "roles:\n  risk: [dave@acme.io]\n") + rules)
    tokens = tokens_of(place)
    with serving(settings_of(place)) as http:
        moved = {"name": "fraud", "version": "1", "stage": "Production"}

        def post(person: str, path: str) -> httpx.Response:
            bearer = {"authorization": f"Bearer {tokens[person]}"}
            return http.post(f"{BASE}/transition-requests/{path}", json=moved, headers=bearer)

        def seen(person: str) -> list[str]:
            bearer = {"authorization": f"Bearer {tokens[person]}"}
            (one,) = http.get(f"{BASE}/transition-requests/list", params=moved, headers=bearer).json()["requests"]
            return [action.partition("_")[0] for action in one.get("available_actions", [])]

        assert post(ALICE, "create").json()["request"]["available_actions"][0] == "REJECT_TRANSITION_REQUEST"
        assert [seen(person) for person in (BOB, CAROL, DAVE)] == [["APPROVE", "REJECT", "CANCEL"]] * 3
        assert post(BOB, "approve").status_code == 200
        assert [seen(person) for person in (BOB, CAROL)] == [["REJECT", "CANCEL"]] * 2, "the leads have approved"
        assert seen(DAVE) == ["APPROVE", "REJECT", "CANCEL"]
        assert post(CAROL, "approve").status_code == 403
        assert post(CAROL, "reject").status_code == 200


def test_comments_are_made_edited_and_deleted_by_their_author(
    http: httpx.Client, as_: As, tokens: dict[str, str]
) -> None:
    name = new_model(as_, "talk")
    alice = as_(ALICE).model_registry
    made = alice.create_comment(name, "1", "First.").comment
    assert made is not None
    assert made.id is not None
    assert (made.user_id, made.comment) == ("alice@acme.io", "First.")
    assert made.creation_timestamp == made.last_updated_timestamp
    changed = alice.update_comment(made.id, "Second.").comment
    assert changed is not None
    assert (changed.id, changed.comment) == (made.id, "Second.")
    with pytest.raises(PermissionDenied, match="Only its author"):
        as_(BOB).model_registry.update_comment(made.id, "Mine.")
    assert _activities(http, tokens, name) == [("NEW_COMMENT", "Second.")]
    alice.delete_comment(made.id)
    assert _activities(http, tokens, name) == []
    with pytest.raises(NotFound, match="no comment"):
        alice.delete_comment(made.id)
    with pytest.raises(BadRequest, match="at least 1 character"):
        alice.create_comment(name, "1", "")
    with pytest.raises(BadRequest, match="at most 65535 characters"):
        alice.create_comment(name, "1", "x" * 65_536)
    alice.create_comment(name, "1", "x" * 65_535)


def test_names_over_100_characters_are_not_for_these_endpoints(as_: As) -> None:
    alice = as_(ALICE).model_registry
    alice.create_model("n" * 100)
    assert alice.get_model("n" * 100).registered_model_databricks is not None
    with pytest.raises(BadRequest, match="at most 100 characters"):
        alice.get_model("n" * 101)


def test_every_activity_of_a_version_is_told_in_order(http: httpx.Client, as_: As, tokens: dict[str, str]) -> None:
    name = new_model(as_, "told", versions=1)
    alice, bob = as_(ALICE).model_registry, as_(BOB).model_registry
    alice.transition_stage(name, "1", "Staging", archive_existing_versions=False)
    alice.create_transition_request(name, "1", "Production", comment="Please.")
    alice.delete_transition_request(name, "1", "Production", creator="alice@acme.io")
    alice.create_transition_request(name, "1", "Production")
    bob.reject_transition_request(name, "1", "Production")
    alice.create_transition_request(name, "1", "Production")
    bob.approve_transition_request(name, "1", "Production", True)
    alice.set_model_version_tag(name, "1", "a", "b")
    kinds = [kind for kind, _ in _activities(http, tokens, name)]
    assert kinds == [
        "APPLIED_TRANSITION",
        *("REQUESTED_TRANSITION", "CANCELLED_REQUEST"),
        *("REQUESTED_TRANSITION", "REJECTED_REQUEST"),
        *("REQUESTED_TRANSITION", "APPROVED_REQUEST"),
    ]


def test_the_methods_of_the_open_source_api_work_by_the_sdk_too(as_: As) -> None:
    registry = as_(ALICE).model_registry
    name = new_model(as_, "plain")
    registry.set_model_tag(name, "a", "b")
    registry.delete_model_tag(name, "team")
    registry.set_model_version_tag(name, "1", "c", "d")
    registry.delete_model_version_tag(name, "1", "c")
    registry.update_model(name, description="Better.")
    registry.update_model_version(name, "1", description="The first.")
    assert registry.get_model_version_download_uri(name, "1").artifact_uri == "s3://acme/plain/1"
    found = list(
        registry.search_model_versions(filter="name = 'plain'", order_by=["version_number DESC"], max_results=1)
    )
    assert [one.version for one in found] == ["2", "1"]
    assert [one.name for one in registry.search_models(filter="name = 'plain'")] == ["plain"]
    assert "plain" in [one.name for one in registry.list_models(max_results=3)]
    registry.delete_model_version(name, "2")
    renamed = registry.rename_model(name, new_name="plainer").registered_model
    assert renamed is not None
    assert (renamed.name, renamed.description) == ("plainer", "Better.")
    shown = registry.get_model("plainer").registered_model_databricks
    assert shown is not None
    assert [(tag.key, tag.value) for tag in shown.tags or ()] == [("a", "b")]
    registry.delete_model("plainer")
    with pytest.raises(NotFound):
        registry.get_model("plainer")


def test_levels_follow_from_roles_and_rules_and_are_given_by_a_change_of_policy(as_: As, place: Path, git: Git) -> None:
    name = new_model(as_, "levels")
    carol = as_(CAROL).model_registry
    shown = carol.get_model(name).registered_model_databricks
    assert shown is not None
    assert shown.id is not None
    assert shown.permission_level is ml.PermissionLevel.CAN_MANAGE
    found = carol.get_permissions(shown.id)
    assert (found.object_id, found.object_type) == (f"/registered-models/{shown.id}", "registered-model")
    assert _levels(found) == {
        "bob@acme.io": "CAN_MANAGE",
        "carol@acme.io": "CAN_MANAGE",
        "admins": "CAN_EDIT",
        "ml-leads": "CAN_MANAGE",
        "users": "CAN_EDIT",
    }
    levels = carol.get_permission_levels(shown.id).permission_levels or []
    assert [one.permission_level.value for one in levels if one.permission_level][-1] == "CAN_MANAGE"
    wanted = [
        ml.RegisteredModelAccessControlRequest(
            user_name="erin@acme.io", permission_level=ml.RegisteredModelPermissionLevel.CAN_MANAGE
        )
    ]
    with pytest.raises(PermissionDenied, match=r"dave@acme\.io is not in admins"):
        as_(DAVE).model_registry.update_permissions(shown.id, access_control_list=wanted)
    assert _levels(carol.update_permissions(shown.id, access_control_list=wanted))["erin@acme.io"] == "CAN_MANAGE"
    assert git(place, "log", "-1", "--format=%an", "main") == "Carol"
    assert "erin@acme.io" in registry_git.open(place, actor=DAVE).policy().roles["ml-leads"]
    less = [
        ml.RegisteredModelAccessControlRequest(
            user_name="erin@acme.io", permission_level=ml.RegisteredModelPermissionLevel.CAN_READ
        )
    ]
    with pytest.raises(BadRequest, match=r"No role gives erin@acme\.io CAN_READ"):
        carol.update_permissions(shown.id, access_control_list=less)
    for odd in ("no address", "x y@acme.io", "<x@acme.io>", "x@acme.io\n- y"):
        wanted[0].user_name = odd
        with pytest.raises(BadRequest):
            carol.update_permissions(shown.id, access_control_list=wanted)
    with pytest.raises(NotFound, match="No model has the id"):
        carol.get_permissions("nobody00")


def test_a_list_that_replaces_all_levels_names_everybody_who_has_one(as_: As, place: Path, git: Git) -> None:
    carol = as_(CAROL).model_registry
    shown = carol.get_model(new_model(as_, "replaced")).registered_model_databricks
    assert shown is not None
    assert shown.id is not None
    before, level = git(place, "rev-parse", "main"), ml.RegisteredModelPermissionLevel
    one = ml.RegisteredModelAccessControlRequest

    frank = one(service_principal_name="frank@acme.io", permission_level=level.CAN_MANAGE)
    bob = one(user_name="Bob@acme.io", permission_level=level.CAN_MANAGE)
    for short in ([frank, bob], [], None, [frank, one(group_name="users", permission_level=level.CAN_EDIT)]):
        with pytest.raises(BadRequest, match=r"(bob|carol)@acme\.io would lose CAN_MANAGE on replaced.*PATCH"):
            carol.set_permissions(shown.id, access_control_list=short)
    assert git(place, "rev-parse", "main") == before, "nothing of it is done"
    told = [
        one(
            user_name=entry.user_name,
            group_name=entry.group_name,
            permission_level=entry.all_permissions[0].permission_level,
        )
        for entry in carol.get_permissions(shown.id).access_control_list or ()
        if entry.all_permissions
    ]
    carol.set_permissions(shown.id, access_control_list=told)
    assert git(place, "rev-parse", "main") == before, "what was told is what there is"
    assert _levels(carol.set_permissions(shown.id, access_control_list=[*told, frank]))["frank@acme.io"] == "CAN_MANAGE"
    leads = one(group_name="ml-leads", permission_level=level.CAN_MANAGE)
    carol.set_permissions(shown.id, access_control_list=[leads])


def test_the_sdk_learns_who_it_is(as_: As, http: httpx.Client) -> None:
    me = as_(BOB).current_user.me()
    assert (me.user_name, me.display_name) == ("bob@acme.io", "Bob")
    assert [group.display for group in me.groups or ()] == ["ml-leads"]
    assert http.get("/.well-known/databricks-config").json() == {}


@pytest.mark.parametrize("how", ["token", "password"])
def test_mlflow_acts_as_the_person_whose_token_it_has(
    http: httpx.Client, tokens: dict[str, str], place: Path, git: Git, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    if how == "token":
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", tokens[BOB])
    else:
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "bob@acme.io")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", tokens[BOB])
    url = str(http.base_url).rstrip("/")
    MlflowClient(tracking_uri=url, registry_uri=url).create_registered_model(f"by-{how}")
    assert git(place, "log", "-1", "--format=%an %s", "main") == f"Bob Create registered model by-{how}"
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN" if how == "token" else "MLFLOW_TRACKING_PASSWORD", "rgt_wrong_token")
    with pytest.raises(MlflowException, match="token is not known here"):
        MlflowClient(tracking_uri=url, registry_uri=url).create_registered_model("by-nobody")


def _levels(found: ml.RegisteredModelPermissions) -> dict[str, str]:
    told = {}
    for entry in found.access_control_list or ():
        (held,) = entry.all_permissions or ()
        assert held.inherited
        assert held.permission_level is not None
        told[str(entry.user_name or entry.group_name)] = held.permission_level.value
    return told


def _activities(http: httpx.Client, tokens: dict[str, str], name: str) -> list[tuple[str, Any]]:
    where = {"name": name, "version": "1"}
    bearer = {"authorization": f"Bearer {tokens[DAVE]}"}
    told = http.get(f"{BASE}/model-versions/get-activities", params=where, headers=bearer).json()
    return [(one["activity_type"], one.get("comment")) for one in told.get("activities", [])]
