"""Names of models in a registry that deploys: what Kubernetes cannot call so is refused when the model is new."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry_git.core.changes.bringing import Fact
from registry_git.core.errors import Invalid
from registry_git.core.labels import LABEL_MAX
from registry_git.core.model import RegisteredModel
from registry_git.core.names import Actor, Id, ModelName
from registry_git.core.times import Timestamp
from tests.conftest import Git
from tests.gitops_scene import Land, new_land
from tests.registry_scene import ALICE, hand_commit

AT = Timestamp.of(1_700_000_000_000)


@pytest.fixture(scope="module")
def land(tmp_path_factory: pytest.TempPathFactory) -> Land:
    made = new_land(tmp_path_factory.mktemp("names") / "registry")
    made.registry.register("card_fraud", "s3://acme/card/1", read=False)
    made.init("kustomize")
    return made


@pytest.mark.parametrize("name", ["Fraud", "fraud_v2", "fraud v2", "fraud.v2", "-fraud", "größe"])
def test_a_name_that_is_no_dns_label_is_refused_with_one_that_is(land: Land, name: str) -> None:
    for attempt in (
        lambda: land.registry.create_model(name),
        lambda: land.registry.register(name, "s3://acme/x", read=False),
        lambda: land.registry.rename("churn", name),
    ):
        with pytest.raises(Invalid, match="no DNS-1123 label") as raised:
            attempt()
        assert "Use lower-case letters, digits and inner hyphens, for example " in raised.value.hint


def test_a_name_without_one_letter_of_ascii_gets_no_example(land: Land) -> None:
    with pytest.raises(Invalid) as raised:
        land.registry.create_model("模型")
    assert raised.value.hint == "Use lower-case letters, digits and inner hyphens."


def test_a_name_that_leaves_no_room_for_a_stage_is_refused(land: Land) -> None:
    room = LABEL_MAX - len("-production")
    with pytest.raises(Invalid, match="is too long") as raised:
        land.registry.create_model("a" * (room + 1))
    assert raised.value.hint == "Leave out 1: names of Kubernetes objects leave room for 47."
    land.registry.create_model("a" * room)


def test_two_models_that_would_be_one_object_are_refused(tmp_path: Path) -> None:
    land = new_land(tmp_path / "registry")
    policy = (land.top / "registry.yaml").read_text()
    land.registry.set_policy(policy.replace("- name: Dev\n", "- name: Dev\n- name: EU-Dev\n"))
    land.init("kustomize")
    land.registry.create_model("credit")
    with pytest.raises(Invalid, match="'credit-eu' in one stage and 'credit' in another") as raised:
        land.registry.create_model("credit-eu")
    assert raised.value.hint == "Choose another name."


def test_a_model_that_was_there_before_goes_on(land: Land) -> None:
    assert land.registry.register("card_fraud", "s3://acme/card/2", read=False).version == 2


def test_a_model_that_is_imported_is_a_new_model_too(land: Land) -> None:
    facts = [
        Fact(
            says=RegisteredModel(
                name=ModelName(name), id=Id(f"imported-{number}"), created=AT, created_by=Actor(ALICE)
            ),
            by=Actor(ALICE),
            at=AT,
        )
        for number, name in enumerate(("Spam_Filter", "spam-filter"))
    ]
    brought = land.registry.bring(facts)
    assert brought.models == 1
    ((model, why),) = [(one.model, one.why) for one in brought.not_carried]
    assert model == "Spam_Filter"
    assert "no DNS-1123 label" in why


def test_a_registry_that_deploys_nothing_takes_every_name(tmp_path: Path) -> None:
    land = new_land(tmp_path / "registry")
    land.registry.create_model("Fraud Model")


def test_the_gate_refuses_such_a_name_in_a_commit_by_hand(tmp_path: Path, git: Git) -> None:
    land = new_land(tmp_path / "registry")
    land.init("kustomize")
    git(land.top, "branch", "hand")
    model = (land.top / "models/churn/model.yaml").read_text().replace("name: churn", "name: Churn_2")
    git(land.top, "config", "core.bare", "false")
    hand_commit(git, land.top / ".git", "hand", {"models/Churn_2/model.yaml": model}, author=ALICE)
    (fault,) = land.registry.gate("main", "hand").faults
    assert (fault.rule.value, fault.path) == ("manifest", "models/Churn_2/model.yaml")
    assert "no DNS-1123 label" in fault.message


@pytest.mark.parametrize("id", ["a" * 64, "retry-1-", "retry_1_"])
def test_an_id_that_is_no_value_of_a_label_is_refused_where_a_tree_deploys(land: Land, id: str) -> None:
    registry = land.registry
    version = registry.register("credit", "s3://acme/credit/1").version
    with pytest.raises(Invalid, match="no value of a Kubernetes label") as raised:
        registry.request_stage("credit", version, "Staging", id=id)
    assert raised.value.hint == "Use at most 63 characters, with a letter or digit at the end."
    with pytest.raises(Invalid, match="no value of a Kubernetes label"):
        registry.transition("credit", version, "Staging", id=id)
    registry.transition("credit", version, "Staging", id="a" * 63)


def test_a_registry_that_deploys_nothing_takes_every_id(tmp_path: Path) -> None:
    land = new_land(tmp_path / "registry")
    version = land.registry.register("credit", "s3://acme/credit/1").version
    assert land.registry.transition("credit", version, "Staging", id="a" * 64).stage == "Staging"


def test_a_pointer_whose_id_came_before_the_tree_is_told(tmp_path: Path) -> None:
    land = new_land(tmp_path / "registry")
    land.registry.transition("churn", 1, "Staging", id="a" * 64)
    (note,) = [one for one in land.init("kustomize").notes if "label" in one]
    assert "what is in churn/Staging is no label in Kubernetes; the next move there mends it." in note
    land.registry.transition("churn", 1, "Dev")
    assert not [one for one in land.init("kustomize").notes if "label" in one]
