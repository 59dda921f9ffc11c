"""The registry by MLflow's rules, without MLflow: what a server or plugin on top of it can rely on."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import registry_git
from registry_git.core.errors import (
    AlreadyExists,
    Conflict,
    Corrupt,
    Invalid,
    NotFound,
    PermissionDenied,
    RegistryError,
    Unavailable,
)
from registry_git.core.model import Lineage
from registry_git.core.search import PROMPT_TAG, Target, parse_filter, parse_order
from registry_git.mlflow_rules import MlflowPage, MlflowRegistry, MlflowVersion, NewMlflowVersion, error_of
from tests.conftest import Git
from tests.registry_scene import ALICE, LEADS, healthy, policy_text

BY_NAME = parse_order((), Target.MODELS)
BY_UPDATE = parse_order((), Target.VERSIONS)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "models.git"


@pytest.fixture
def mlflow(place: Path) -> MlflowRegistry:
    return MlflowRegistry(registry_git.init(place, actor=ALICE, durable=False))


def new(mlflow: MlflowRegistry, name: str = "fraud", **more: object) -> MlflowVersion:
    return mlflow.create_version(NewMlflowVersion(name=name, source="s3://acme/1", **more))  # type: ignore[arg-type]


def versions(mlflow: MlflowRegistry, text: str = "", **more: object) -> list[tuple[str, int]]:
    page = mlflow.search_versions(
        parse_filter(text, Target.VERSIONS),
        BY_UPDATE,
        page_token=None,
        **more,  # type: ignore[arg-type]
    )
    return [(one.name, one.version) for one in page.items]


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (Invalid("x"), "INVALID_PARAMETER_VALUE"),
        (NotFound("x"), "RESOURCE_DOES_NOT_EXIST"),
        (AlreadyExists("x"), "RESOURCE_ALREADY_EXISTS"),
        (Conflict("x"), "RESOURCE_CONFLICT"),
        (PermissionDenied("x"), "PERMISSION_DENIED"),
        (Unavailable("x"), "TEMPORARILY_UNAVAILABLE"),
        (Corrupt("x"), "INTERNAL_ERROR"),
    ],
)
def test_every_error_has_its_code(problem: RegistryError, code: str) -> None:
    assert error_of(problem) == (code, "x")


def test_a_message_ends_with_what_to_do() -> None:
    assert error_of(PermissionDenied("No.", hint="Ask Bob."))[1] == "No. Ask Bob."


def test_nothing_of_mlflow_is_imported() -> None:
    code = "import sys, registry_git.mlflow_rules; sys.exit('mlflow' in {one.split('.')[0] for one in sys.modules})"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: m.get_model(None), Invalid, "Missing value for required parameter 'name'."),
        (lambda m: m.get_model("a/b"), Invalid, "Invalid model name 'a/b'. Names cannot contain '/' or ':'."),
        (lambda m: m.get_model(".."), Invalid, "This name would resolve to '..'"),
        (lambda m: m.get_model("nobody"), NotFound, "Registered Model with name=nobody not found"),
        (lambda m: m.get_version("fraud", "7"), NotFound, "Model Version (name=fraud, version=7) not found"),
        (lambda m: m.get_version("fraud", 0), NotFound, "Model Version (name=fraud, version=0) not found"),
        (lambda m: m.get_version("fraud", 10**30), NotFound, "not found"),
        (lambda m: m.get_version("fraud", "x"), Invalid, "Parameter 'version' must be an integer, got 'x'."),
        (lambda m: m.get_version_by_alias("fraud", "no"), Invalid, "Registered model alias no not found."),
        (lambda m: m.get_version_by_alias("fraud", ""), Invalid, "Registered model alias name cannot be empty."),
        (lambda m: m.set_alias("fraud", "Latest", 1), Invalid, "'latest' alias name (case insensitive) is reserved."),
        (lambda m: m.set_alias("fraud", "v12", 1), Invalid, "Version alias name 'v12' is reserved."),
        (lambda m: m.set_alias("fraud", "a b", 1), Invalid, "Invalid alias name: 'a b'."),
        (lambda m: m.set_alias("fraud", "a" * 256, 1), Invalid, "exceeds the maximum length of 255 characters"),
        (lambda m: m.set_alias("fraud", "a", 9), NotFound, "Model Version (name=fraud, version=9) not found"),
        (lambda m: m.set_model_tag("fraud", "a//b", ""), Invalid, "This name would resolve to 'a/b'"),
        (
            lambda m: m.set_model_tag("fraud", "a=b", ""),
            Invalid,
            "for parameter 'key' supplied: Names may only contain",
        ),
        (lambda m: m.set_model_tag("fraud", "k" * 251, ""), Invalid, "'key' exceeds the maximum length of 250"),
        (
            lambda m: m.set_model_tag("fraud", "k", "v" * 100_001),
            Invalid,
            "'value' exceeds the maximum length of 100000",
        ),
        (lambda m: m.set_version_tag("fraud", 1, "k", None), Invalid, "Tag value cannot be None"),
        (lambda m: m.delete_model_tag("fraud", None), Invalid, "Missing value for required parameter 'key'."),
        (
            lambda m: m.transition("fraud", 1, "UAT"),
            Invalid,
            "Value must be one of None, Staging, Production, Archived.",
        ),
        (
            lambda m: m.transition("fraud", 1, "Archived", archive_existing=True),
            Invalid,
            "because 'Archived' is not an Active stage. Valid stages are ['Staging', 'Production']",
        ),
        (lambda m: m.create_model("fraud"), AlreadyExists, "Registered Model (name=fraud) already exists."),
        (lambda m: m.rename_model("fraud", " "), Invalid, "Missing value for required parameter 'new_name'."),
        (lambda m: new(m, "nobody"), NotFound, "Registered Model with name=nobody not found"),
        (
            lambda m: m.create_version(NewMlflowVersion(name="fraud", source="models:/fraud/9")),
            Invalid,
            "Unable to fetch model from model URI source artifact location 'models:/fraud/9'.",
        ),
        (
            lambda m: m.create_version(NewMlflowVersion(name="fraud", source="models:/m-123")),
            Invalid,
            "names no version that this registry could resolve",
        ),
        (lambda m: versions(m, max_results=0), Invalid, "It must be a positive integer, but got 0"),
        (lambda m: versions(m, max_results=200_001), Invalid, "It must be at most 200000, but got value 200001"),
    ],
)
def test_what_mlflow_refuses_is_refused_in_its_words_and_changes_nothing(
    mlflow: MlflowRegistry,
    place: Path,
    git: Git,
    call: Callable[[MlflowRegistry], object],
    error: type[RegistryError],
    message: str,
) -> None:
    mlflow.create_model("fraud")
    new(mlflow)
    before = git(place, "rev-parse", "main")
    with pytest.raises(error) as caught:
        call(mlflow)
    assert message in str(caught.value)
    assert git(place, "rev-parse", "main") == before


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("abc", "could not base64-decode"),
        (base64.b64encode(b"x"), "decoded value=b'x'"),
        (base64.b64encode(b'{"offset": "x"}'), "not stringable x"),
        (base64.b64encode(b'{"offset": -3}'), "parsed value={'offset': -3}"),
        (base64.b64encode(b"[]"), "parsed value=[]"),
        (base64.b64encode(b'{"offset": 1e400}'), "not stringable inf"),
        (base64.b64encode(b"[" * 30_000), "decoded value=b'[[["),
    ],
)
def test_a_page_token_that_no_search_gave_is_refused(mlflow: MlflowRegistry, token: str, message: str) -> None:
    with pytest.raises(Invalid, match="Invalid page token") as caught:
        mlflow.search_models((), BY_NAME, page_token=token)
    assert message in str(caught.value)


def test_a_name_is_taken_by_a_model_or_by_a_prompt_never_by_both(mlflow: MlflowRegistry) -> None:
    mlflow.create_model("fraud")
    mlflow.create_model("ask", tags=((PROMPT_TAG, "true"),))
    with pytest.raises(AlreadyExists, match=r"create a prompt with name 'fraud', .* by a registered model\."):
        mlflow.create_model("fraud", tags=((PROMPT_TAG, "true"),))
    with pytest.raises(AlreadyExists, match=r"create a registered model with name 'ask', .* by a prompt\."):
        mlflow.create_model("ask")
    with pytest.raises(AlreadyExists, match=r"^Prompt \(name=ask\) already exists\.$"):
        mlflow.create_model("ask", tags=((PROMPT_TAG, "true"),))


def test_pages_follow_each_other_until_there_is_no_token(mlflow: MlflowRegistry) -> None:
    for number in range(5):
        mlflow.create_model(f"model-{number}")
    seen: list[str] = []
    token = ""
    while True:
        page: MlflowPage = mlflow.search_models((), BY_NAME, max_results=2, page_token=token)  # type: ignore[type-arg]
        seen += [one.name for one in page.items]
        token = page.next_page_token
        if not token:
            break
    assert seen == [f"model-{number}" for number in range(5)]


def test_latest_versions_are_the_highest_of_each_stage_in_the_order_of_the_lowest(mlflow: MlflowRegistry) -> None:
    mlflow.create_model("fraud")
    for _ in range(5):
        new(mlflow)
    mlflow.transition("fraud", 1, "production")
    mlflow.transition("fraud", 4, "PRODUCTION")
    mlflow.transition("fraud", 2, "Staging")
    latest = [(one.current_stage, one.version) for one in mlflow.get_latest_versions("fraud")]
    assert latest == [("Production", 4), ("Staging", 2), ("None", 5)]
    assert [(one.current_stage, one.version) for one in mlflow.get_model("fraud").latest_versions] == latest
    listed = mlflow.search_models((), BY_NAME, page_token=None).items[0]
    assert [(one.current_stage, one.version) for one in listed.latest_versions] == sorted(latest)
    assert [one.version for one in mlflow.get_latest_versions("fraud", ["none", "staging"])] == [2, 5]
    assert mlflow.get_version_by_alias("fraud", "LATEST").version == 5


def test_a_version_in_two_stages_is_the_latest_of_both(mlflow: MlflowRegistry, place: Path) -> None:
    mlflow.create_model("fraud")
    new(mlflow)
    registry = registry_git.open(place, actor=ALICE)
    registry.transition("fraud", 1, "Staging")
    registry.transition("fraud", 1, "Production", add=True)
    for stage in ("Staging", "Production"):
        assert [(v.version, v.current_stage) for v in mlflow.get_latest_versions("fraud", [stage])] == [(1, stage)]
    assert mlflow.get_version("fraud", 1).current_stage == "Production"


def test_archiving_makes_room_in_a_serving_stage(mlflow: MlflowRegistry) -> None:
    mlflow.create_model("fraud")
    for _ in range(3):
        new(mlflow)
        mlflow.transition("fraud", 1, "Staging")
    mlflow.transition("fraud", 2, "staging")
    moved = mlflow.transition("fraud", 3, "staging", archive_existing=True)
    assert moved.current_stage == "Staging"
    assert [mlflow.get_version("fraud", number).current_stage for number in (1, 2)] == ["Archived", "Archived"]


def test_a_copy_lies_where_the_original_does_and_says_what_it_was_made_of(
    mlflow: MlflowRegistry, tmp_path: Path
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").write_text("0.9")
    mlflow.create_model("fraud")
    mlflow.create_model("copy")
    files = str(tmp_path / "model")
    made = mlflow.create_version(NewMlflowVersion(name="fraud", source="s3://acme/1", files=files))
    copied = mlflow.create_version(NewMlflowVersion(name="copy", source="models:/fraud/1"))
    again = mlflow.create_version(NewMlflowVersion(name="copy", source="models:/copy/1"))
    assert made.source == "s3://acme/1"
    assert (copied.source, again.source) == ("models:/fraud/1", "models:/copy/1")
    assert mlflow.get_download_uri("copy", 2) == "s3://acme/1"
    assert versions(mlflow, "source_path = 'models:/fraud/1'") == [("copy", 1)]
    registry = mlflow._registry
    digests = {registry.version(name, number).digest for name, number in (("fraud", 1), ("copy", 1), ("copy", 2))}
    assert len(digests) == 1
    assert digests.pop().startswith("sha256:")


def test_the_location_of_a_logged_model_is_kept_with_its_uri(mlflow: MlflowRegistry) -> None:
    mlflow.create_model("fraud")
    logged = NewMlflowVersion(name="fraud", source="models:/m-12", location="s3://acme/runs/12/model")
    assert mlflow.create_version(logged).source == "models:/m-12"
    assert mlflow.get_download_uri("fraud", "1") == "s3://acme/runs/12/model"
    assert mlflow._registry.resolve("models:/fraud/1").source == "s3://acme/runs/12/model"


def test_what_is_in_a_stage_can_be_deleted_and_leaves_it(mlflow: MlflowRegistry, place: Path, git: Git) -> None:
    mlflow.create_model("fraud")
    for _ in range(2):
        new(mlflow)
        mlflow.transition("fraud", 1, "Production")
    mlflow.set_alias("fraud", "champion", 1)
    mlflow.delete_version("fraud", "1")
    assert [one.version for one in mlflow.get_latest_versions("fraud")] == [2]
    assert mlflow.get_model("fraud").aliases == {}
    assert new(mlflow).version == 3
    mlflow.transition("fraud", 3, "Production")
    mlflow.delete_model("fraud")
    with pytest.raises(NotFound):
        mlflow.get_model("fraud")
    healthy(git, place, mlflow._registry)


def test_a_protected_stage_keeps_its_version_from_being_deleted(tmp_path: Path) -> None:
    registry = registry_git.init(tmp_path / "r.git", actor=ALICE, durable=False)
    mlflow = MlflowRegistry(registry)
    mlflow.create_model("fraud")
    new(mlflow)
    mlflow.transition("fraud", 1, "Production")
    guarded = registry_git.init(tmp_path / "other.git", protect=["Production"], roles=LEADS, actor=ALICE)
    registry.set_policy(policy_text(guarded))
    for refused in (lambda: mlflow.delete_version("fraud", 1), lambda: mlflow.delete_model("fraud")):
        with pytest.raises(PermissionDenied):
            refused()
    with pytest.raises(PermissionDenied) as caught:
        mlflow.delete_version("fraud", 1)
    assert "registry-git request create fraud 1 None" in str(caught.value)
    new(mlflow)
    with pytest.raises(PermissionDenied) as caught:
        mlflow.transition("fraud", 2, "production")
    assert "registry-git request create fraud 2 Production" in error_of(caught.value)[1]


def test_renaming_to_the_same_name_changes_nothing(mlflow: MlflowRegistry, place: Path, git: Git) -> None:
    mlflow.create_model("fraud", description="d")
    before = git(place, "rev-parse", "main")
    assert mlflow.rename_model("fraud", "fraud").description == "d"
    assert git(place, "rev-parse", "main") == before
    assert mlflow.rename_model("fraud", "Betrug é").name == "Betrug é"


def test_a_tag_is_no_update_and_everything_else_is(mlflow: MlflowRegistry) -> None:
    mlflow.create_model("fraud")
    made = new(mlflow)
    assert made.last_updated_timestamp == made.creation_timestamp
    mlflow.set_version_tag("fraud", 1, "k", "v")
    mlflow.set_alias("fraud", "champion", 1)
    assert mlflow.version_updated("fraud", 1) == made.creation_timestamp
    told = mlflow.update_version("fraud", 1, "better")
    described = mlflow.version_updated("fraud", 1)
    assert told.last_updated_timestamp == described
    assert described > made.creation_timestamp
    assert mlflow.model_updated("fraud") == made.creation_timestamp
    moved = mlflow.transition("fraud", 1, "Staging")
    assert mlflow.model_updated("fraud") == mlflow.version_updated("fraud", 1) > described
    assert moved.last_updated_timestamp == mlflow.version_updated("fraud", 1)
    again = mlflow.transition("fraud", 1, "Staging")  # changes nothing, so that the index has to say it
    assert again.last_updated_timestamp in (None, moved.last_updated_timestamp)


@pytest.mark.parametrize("stage", ["Production", "Staging", "None"])
def test_what_a_change_answers_is_what_a_read_then_shows(mlflow: MlflowRegistry, stage: str) -> None:
    mlflow.create_model("fraud")
    for _ in range(2):
        new(mlflow)
    for number in (1, 2):
        mlflow.set_alias("fraud", f"alias-{number}", number)
        mlflow.set_version_tag("fraud", number, "team", "risk")
    mlflow.transition("fraud", 1, "Staging")
    told = [
        mlflow.transition("fraud", 2, stage, archive_existing=stage != "None"),
        mlflow.update_version("fraud", 2, "d"),
    ]
    shown = mlflow.get_version("fraud", 2)
    assert [one._replace(last_updated_timestamp=None, description="d") for one in told] == [shown] * 2
    assert (shown.current_stage, shown.aliases, shown.tags) == (stage, ("alias-2",), {"team": "risk"})


def test_prompts_are_left_out_of_searches_unless_asked_for(mlflow: MlflowRegistry) -> None:
    mlflow.create_model("fraud")
    mlflow.create_model("ask", tags=((PROMPT_TAG, "true"),))
    new(mlflow)
    new(mlflow, "ask", tags=((PROMPT_TAG, "true"), ("mlflow.prompt.text", "Hi {{x}}")))
    assert versions(mlflow) == [("fraud", 1)]
    assert versions(mlflow, f"tags.`{PROMPT_TAG}` = 'true'") == [("ask", 1)]
    assert [one.name for one in mlflow.search_models((), BY_NAME, page_token=None).items] == ["fraud"]


def test_a_search_tells_all_that_a_read_tells_but_aliases(mlflow: MlflowRegistry) -> None:
    mlflow.create_model("fraud", description="a model", tags=(("team", "risk"),))
    lineage = Lineage(run_id="r1", run_link="https://x/r1", model_id="m-1")
    new(mlflow, description="first", tags=(("k", "v"), ("k", "w")), lineage=lineage)
    mlflow.transition("fraud", 1, "Staging")
    mlflow.set_alias("fraud", "champion", 1)
    read = mlflow.get_version("fraud", 1)
    found = mlflow.search_versions((), BY_UPDATE, page_token=None).items[0]
    assert found == read._replace(aliases=(), last_updated_timestamp=mlflow.version_updated("fraud", 1))
    assert (found.tags, found.run_id, found.run_link, found.model_id) == ({"k": "w"}, "r1", "https://x/r1", "m-1")
    model = mlflow.get_model("fraud")
    listed = mlflow.search_models((), BY_NAME, page_token=None).items[0]
    assert (listed.aliases, listed.tags, listed.description) == (model.aliases, model.tags, model.description)
    assert listed.aliases == {"champion": 1}


def test_reading_one_version_needs_no_index(mlflow: MlflowRegistry, place: Path) -> None:
    mlflow.create_model("fraud")
    new(mlflow)
    mlflow.set_alias("fraud", "champion", 1)
    for path in (place / "registry-git").glob("index*"):
        path.unlink()
    fresh = MlflowRegistry(registry_git.open(place, actor=ALICE))
    assert fresh.get_version("fraud", 1).aliases == ("champion",)
    assert fresh.get_version_by_alias("fraud", "champion").version == 1
    assert fresh.get_latest_versions("fraud", ["None"])[0].version == 1
    assert fresh.get_download_uri("fraud", 1) == "s3://acme/1"
    assert not list((place / "registry-git").glob("index*"))
