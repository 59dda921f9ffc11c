"""The registry store as MLflow finds and uses it: addresses, stages of one's own, approvals, remotes, threads."""

from __future__ import annotations

import inspect
import os
import pickle
import threading
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersionTag, RegisteredModelTag
from mlflow.exceptions import MlflowException
from mlflow.protos.model_registry_pb2 import ModelVersionTag as ProtoTag
from mlflow.protos.service_pb2 import SearchRuns
from mlflow.store.model_registry.abstract_store import AbstractStore
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

import registry_git
from registry_git.core.errors import Invalid
from registry_git.mlflow_plugin.address import parse_address
from registry_git.mlflow_plugin.store import GitStore
from tests.conftest import Git
from tests.mlflow_pair import empty_database, quiet
from tests.registry_scene import ALICE, BOB, healthy

STAGES = "stages:\n- {name: Staging}\n- {name: UAT}\n- {name: Production, exclusive: true}\n"
STAGES += "- {name: Archived, serving: false}\n"
GUARD = "rules:\n- {on: stage, to: [Production], approvals: 1, four_eyes: true}\n"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "models.git"


@pytest.fixture
def store(place: Path) -> GitStore:
    return GitStore(f"git+file://{place}")


@pytest.fixture
def own_stages(place: Path) -> registry_git.Registry:
    """A registry with the stage UAT, whose Production takes the approval of another."""
    registry = registry_git.init(place, actor=ALICE)
    registry.set_policy(f"apiVersion: registry-git.dev/v1\nkind: Registry\nname: models\nlayout: flat\n{STAGES}{GUARD}")
    return registry


@pytest.fixture
def client(place: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> MlflowClient:
    """MLflow's client, and its fluent functions, on the registry."""
    database = f"sqlite:///{empty_database(tmp_path_factory, tmp_path / 'mlflow.db')}"
    mlflow.set_tracking_uri(database)
    mlflow.set_registry_uri(f"git+file://{place}")
    return MlflowClient()


def test_mlflow_finds_the_store_for_every_scheme() -> None:
    found = {one.name: one.load() for one in entry_points(group="mlflow.model_registry_store")}
    assert {name for name, store in found.items() if store is GitStore} == {
        "git+file",
        "git+ssh",
        "git+https",
        "git+http",
    }


def test_nothing_of_the_interface_is_left_out(store: GitStore) -> None:
    # the class is no ABC to Python, so a forgotten method would answer None
    abstract = {name for name, one in vars(AbstractStore).items() if getattr(one, "__isabstractmethod__", False)}
    assert len(abstract) >= 21
    webhooks = {name for name in vars(AbstractStore) if "webhook" in name}
    for name in {*abstract, *webhooks, "_await_model_version_creation"}:
        assert getattr(GitStore, name) is not getattr(AbstractStore, name), name
    for name in abstract:
        ours = list(inspect.signature(getattr(GitStore, name)).parameters)
        assert ours == list(inspect.signature(getattr(SqlAlchemyStore, name)).parameters), name
    assert store.list_webhooks() == []
    assert store.list_webhooks_by_event(None) == []


@pytest.mark.parametrize(
    "method", ["get_webhook", "delete_webhook", "update_webhook", "test_webhook", "create_webhook"]
)
def test_webhooks_are_refused_in_mlflows_way(store: GitStore, method: str) -> None:
    with pytest.raises(MlflowException) as refused:
        getattr(store, method)("x")
    assert refused.value.error_code in ("RESOURCE_DOES_NOT_EXIST", "NOT_IMPLEMENTED")


@pytest.mark.parametrize(
    ("uri", "target"),
    [
        ("git+file:///srv/models.git", "/srv/models.git"),
        ("git+file:/srv/models.git", "/srv/models.git"),
        ("git+file://localhost/srv/my%20models.git", "/srv/my models.git"),
        ("git+ssh://git@git.acme.io/ml/models.git", "ssh://git@git.acme.io/ml/models.git"),
        ("git+ssh://git@git.acme.io:2222/~ml/models", "ssh://git@git.acme.io:2222/~ml/models"),
        ("git+https://git.acme.io/models.git?fresh_seconds=30", "https://git.acme.io/models.git"),
        ("git+http://localhost:3000/models.git", "http://localhost:3000/models.git"),
    ],
)
def test_an_address_is_a_path_or_a_url(uri: str, target: str) -> None:
    assert parse_address(uri).target == target


def test_a_relative_path_is_one_of_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse_address("git+file:models.git").path == tmp_path / "models.git"


@pytest.mark.parametrize(
    "uri",
    [
        "git+file:",
        "git+file:///",
        "git+file://host/srv",
        "git+ssh:srv",
        "git+https:///x",
        "git+ftp://h/x",
        "sqlite:///x",
    ]
    + [
        f"git+file:///srv/x?{query}" for query in ("nope=1", "fresh_seconds=x", "fresh_seconds=-1", "fresh_seconds=nan")
    ],
)
def test_what_is_no_address_is_refused(uri: str) -> None:
    with pytest.raises(Invalid):
        parse_address(uri)
    with pytest.raises(MlflowException) as refused:
        GitStore(uri)
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"


def test_how_old_a_read_may_be_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse_address("git+file:///x").fresh_seconds == 5
    monkeypatch.setenv("REGISTRY_GIT_FRESH_SECONDS", "60")
    assert parse_address("git+file:///x").fresh_seconds == 60
    assert parse_address("git+file:///x?fresh_seconds=0").fresh_seconds == 0


def test_only_a_write_that_makes_sense_creates_the_registry(store: GitStore, place: Path, git: Git) -> None:
    assert store.search_registered_models() == []
    for call in (
        lambda: store.get_registered_model("fraud"),
        lambda: store.create_model_version("fraud", "s3://x"),
        lambda: store.create_registered_model("a/b"),
        lambda: store.delete_registered_model("fraud"),
    ):
        with pytest.raises(MlflowException):
            call()
    assert not place.exists()
    store.create_registered_model("fraud")
    assert (
        git(place, "log", "--format=%an: %s")
        == "Tess Ter: Create registered model fraud\nTess Ter: Create the registry models"
    )
    assert git(place, "rev-parse", "--is-bare-repository") == "true"
    healthy(git, place, registry_git.open(place))


def test_an_empty_repository_becomes_the_registry(store: GitStore, place: Path, git: Git) -> None:
    place.mkdir()
    git(place, "init", "--bare", "-b", "main", ".")
    assert store.search_registered_models() == []
    assert store.create_registered_model("fraud").name == "fraud"


def test_a_repository_around_the_path_is_not_taken_for_the_registry(tmp_path: Path, git: Git) -> None:
    registry_git.init(tmp_path / "outer").create_model("theirs")
    inner = GitStore(f"git+file://{tmp_path}/outer/inner.git")
    assert inner.search_registered_models() == []
    inner.create_registered_model("ours")
    assert [one.name for one in GitStore(f"git+file://{tmp_path}/outer").search_registered_models()] == ["theirs"]


def test_a_repository_without_a_registry_is_left_alone(tmp_path: Path, git: Git) -> None:
    git(tmp_path, "init", "-b", "main", "code")
    git(tmp_path / "code", "commit", "--allow-empty", "-m", "code")
    code = GitStore(f"git+file://{tmp_path}/code")
    with pytest.raises(MlflowException, match=r"no registry\.yaml") as refused:
        code.create_registered_model("fraud")
    assert refused.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    assert git(tmp_path / "code", "log", "--format=%s") == "code"


def test_stages_of_ones_own_work_to_the_loaded_model(
    client: MlflowClient, own_stages: registry_git.Registry, tmp_path: Path
) -> None:
    from sklearn.dummy import DummyClassifier

    model = DummyClassifier(strategy="constant", constant=1).fit([[0], [0]], [0, 1])
    with quiet():
        mlflow.sklearn.save_model(model, tmp_path / "model", serialization_format="cloudpickle")
        client.create_registered_model("fraud")
        client.create_model_version("fraud", f"file://{tmp_path}/model")
        assert client.transition_model_version_stage("fraud", "1", "uat").current_stage == "UAT"
        assert mlflow.pyfunc.load_model("models:/fraud/UAT").predict([[5]]).tolist() == [1]
        assert mlflow.sklearn.load_model("models:/fraud/uat").predict([[5]]).tolist() == [1]
        assert [one.version for one in client.get_latest_versions("fraud", ["UAT"])] == [1]
        client.create_model_version("fraud", "s3://acme/2")
        moved = client.transition_model_version_stage("fraud", "2", "UAT", archive_existing_versions=True)
        with pytest.raises(MlflowException, match="one of None, Staging, UAT, Production, Archived"):
            client.transition_model_version_stage("fraud", "2", "QA")
    assert (moved.current_stage, client.get_model_version("fraud", "1").current_stage) == ("UAT", "Archived")
    version = own_stages.version("fraud", 1)
    assert version.digest.startswith("sha256:")
    assert version.format == "sklearn"


def test_a_move_that_takes_an_approval_says_how_to_ask(
    client: MlflowClient, own_stages: registry_git.Registry, place: Path
) -> None:
    client.create_registered_model("fraud")
    client.create_model_version("fraud", "s3://acme/1")
    with quiet(), pytest.raises(MlflowException) as refused:
        client.transition_model_version_stage("fraud", "1", "production")
    assert refused.value.error_code == "PERMISSION_DENIED"
    assert refused.value.get_http_status_code() == 403
    assert "registry-git request create fraud 1 Production" in refused.value.message
    asked = registry_git.open(place).request_stage("fraud", 1, "Production")
    registry_git.open(place, actor=BOB).approve(asked.id)
    assert client.get_model_version("fraud", "1").current_stage == "Production"


def test_the_fluent_search_finds_models_and_versions(client: MlflowClient) -> None:
    for name in ("fraud", "credit risk", "Prüfung ✓"):
        client.create_registered_model(name, tags={"team": name[:1]})
        client.create_model_version(name, "s3://acme/1")
    found = mlflow.search_registered_models(filter_string="name ILIKE '%R%'", order_by=["name DESC"])
    assert [one.name for one in found] == ["fraud", "credit risk", "Prüfung ✓"]
    assert [one.name for one in mlflow.search_registered_models(max_results=2)] == ["Prüfung ✓", "credit risk"]
    assert [one.name for one in mlflow.search_model_versions(filter_string="name = 'credit risk'")] == ["credit risk"]


def test_what_a_server_hands_over_is_taken(store: GitStore) -> None:
    # tags as messages, absent texts as empty ones, lists as containers of protobuf
    store.create_registered_model("fraud", tags=[ProtoTag(key="a", value="b")], description="")
    made = store.create_model_version(
        name="fraud", source="s3://x", run_id="", run_link="", tags=[ProtoTag(key="k", value="v")], description=""
    )
    assert (made.tags, made.run_id, made.description) == ({"k": "v"}, None, None)
    order = SearchRuns(order_by=["name DESC", "version_number ASC"]).order_by
    assert [one.version for one in store.search_model_versions("", 10, order, "")] == [1]
    assert [one.version for one in store.get_latest_versions("fraud", SearchRuns().order_by)] == [1]
    assert made.to_proto().version == "1"
    assert store.get_model_version("fraud", "1").to_proto().last_updated_timestamp == made.creation_timestamp
    assert store.get_registered_model("fraud").to_proto().last_updated_timestamp >= made.creation_timestamp


def test_entities_and_stores_can_go_to_another_process(store: GitStore) -> None:
    store.create_registered_model("fraud")
    store.create_model_version("fraud", "s3://x")
    version = pickle.loads(pickle.dumps(store.get_model_version("fraud", 1)))
    assert version.last_updated_timestamp == version.creation_timestamp
    assert pickle.loads(pickle.dumps(store.get_registered_model("fraud"))).last_updated_timestamp > 0
    assert pickle.loads(pickle.dumps(store)).get_model_version("fraud", 1).source == "s3://x"


def test_many_threads_share_a_store(store: GitStore, place: Path, git: Git) -> None:
    store.create_registered_model("fraud")
    problems: list[BaseException] = []
    numbers: list[int] = []

    def work(who: int) -> None:
        try:
            for count in range(5):
                made = store.create_model_version("fraud", f"s3://acme/{who}/{count}")
                numbers.append(made.version)
                store.set_model_version_tag("fraud", made.version, ModelVersionTag("who", str(who)))
                assert store.get_model_version("fraud", made.version).tags == {"who": str(who)}
                assert store.search_model_versions(f"tags.who = '{who}'")
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=work, args=(who,)) for who in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert sorted(numbers) == list(range(1, 31))
    healthy(git, place, registry_git.open(place))


def test_two_threads_that_create_the_registry_at_once_create_one(tmp_path: Path, git: Git) -> None:
    problems: list[BaseException] = []
    uri = f"git+file://{tmp_path}/new.git"

    def work(who: int) -> None:
        try:
            GitStore(uri).create_registered_model(f"model-{who}")
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=work, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(GitStore(uri).search_registered_models()) == 4


def test_a_clone_reads_what_others_wrote_and_pushes_what_it_writes(
    tmp_path: Path, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = tmp_path / "server.git"
    registry_git.init(server, actor=ALICE).register("fraud", "s3://acme/1")
    git(tmp_path, "clone", "--bare", "server.git", "clone.git")
    git(tmp_path / "clone.git", "config", "remote.origin.fetch", "+refs/heads/main:refs/remotes/origin/main")
    fresh = GitStore(f"git+file://{tmp_path}/clone.git?fresh_seconds=0")
    lazy = GitStore(f"git+file://{tmp_path}/clone.git?fresh_seconds=3600")
    assert lazy.get_model_version("fraud", 1).version == 1
    registry_git.open(server, actor=ALICE).register("fraud", "s3://acme/2")
    assert fresh.get_model_version("fraud", 2).source == "s3://acme/2"
    made = lazy.create_model_version("fraud", "s3://acme/3")
    assert made.version == 3
    assert lazy.get_model_version("fraud", 3).source == "s3://acme/3"
    assert registry_git.open(server, actor=ALICE).version("fraud", 3).source == "s3://acme/3"


@pytest.mark.parametrize(
    ("identity", "environment", "actor"),
    [
        (True, {}, "Tess Ter <tess@example.com>"),
        (True, {"REGISTRY_GIT_ACTOR": BOB}, BOB),
        (False, {"MLFLOW_TRACKING_USERNAME": "carol@acme.io"}, "carol <carol@acme.io>"),
        (False, {"MLFLOW_TRACKING_USERNAME": "carol"}, "carol <carol@{host}>"),
        (False, {"LOGNAME": "jenkins"}, "jenkins <jenkins@{host}>"),
    ],
)
def test_somebody_always_acts(
    store: GitStore,
    place: Path,
    home: Path,
    git: Git,
    monkeypatch: pytest.MonkeyPatch,
    identity: bool,
    environment: dict[str, str],
    actor: str,
) -> None:
    import socket

    if not identity:
        (home / ".gitconfig").unlink()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    store.create_registered_model("fraud", tags=[RegisteredModelTag("a", "b")])
    assert git(place, "log", "-1", "--format=%an <%ae>") == actor.format(host=socket.gethostname())


def test_a_badly_written_actor_is_told(store: GitStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_GIT_ACTOR", "nobody")
    with pytest.raises(MlflowException) as refused:
        store.create_registered_model("fraud")
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"


def test_the_run_of_a_version_is_its_lineage(
    client: MlflowClient, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    client.create_registered_model("fraud")
    with mlflow.start_run(run_name="weekly") as run:
        pass
    made = client.create_model_version("fraud", "s3://acme/1", run.info.run_id, run_link="https://mlflow/r")
    lineage = registry_git.open(place).version("fraud", made.version).manifest.lineage
    assert (lineage.run_id, lineage.run_name, lineage.run_link) == (run.info.run_id, "weekly", "https://mlflow/r")
    assert made.run_link == "https://mlflow/r"
    assert [one.version for one in client.search_model_versions(f"run_id = '{run.info.run_id}'")] == [1]


def test_a_store_that_a_fork_inherits_is_opened_again(store: GitStore) -> None:
    store.create_registered_model("fraud")
    child = os.fork()
    if child == 0:
        os._exit(0 if store.get_registered_model("fraud").name == "fraud" else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_who_loads_a_model_is_noted_as_its_user(store: GitStore, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_GIT_CONSUMER", "prod/scorer")
    monkeypatch.setenv("REGISTRY_GIT_OBSERVATIONS", "spool")
    store.create_registered_model("fraud")
    store.create_model_version("fraud", "s3://x")
    assert store.get_model_version_download_uri("fraud", "1") == "s3://x"
    seen = registry_git.open(place).observations("fraud")
    assert [(one.consumer, one.version) for one in seen] == [("prod/scorer", 1)]


def test_a_remote_that_is_away_costs_reads_a_warning_and_refuses_writes(
    tmp_path: Path, git: Git, caplog: pytest.LogCaptureFixture
) -> None:
    server = tmp_path / "server.git"
    registry_git.init(server, actor=ALICE).register("fraud", "s3://acme/1")
    git(tmp_path, "clone", "--bare", "server.git", "clone.git")
    store = GitStore(f"git+file://{tmp_path}/clone.git?fresh_seconds=0")
    assert store.get_model_version("fraud", 1).version == 1
    server.rename(tmp_path / "away.git")
    assert store.get_model_version("fraud", 1).version == 1
    assert "may be out of date" in caplog.text
    with pytest.raises(MlflowException) as refused:
        store.create_model_version("fraud", "s3://acme/2")
    assert refused.value.error_code == "TEMPORARILY_UNAVAILABLE"


def _never(*args: Any) -> None:
    pytest.fail("the index was asked")


def test_loading_a_model_never_asks_the_index(store: GitStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.create_registered_model("fraud")
    store.create_model_version("fraud", "s3://x")
    store.set_registered_model_alias("fraud", "champion", 1)
    monkeypatch.setattr("registry_git.index.index.Index.at", _never)
    assert store.get_latest_versions("fraud", ["None"])[0].version == 1
    assert store.get_model_version_by_alias("fraud", "champion").version == 1
    assert store.get_model_version_download_uri("fraud", 1) == "s3://x"
    assert store.get_registered_model("fraud").aliases == {"champion": 1}
