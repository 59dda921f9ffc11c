"""MLflow's client does the same on a registry in Git and on MLflow's own SQLite store, and the same comes of it."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow import MlflowClient

from tests.mlflow_pair import Refused, differs, empty_database, outcome, plain, quiet

PROMPT = "mlflow.prompt.is_prompt"
ODD = "my model é ✓ @#%"
Step = tuple[Any, ...]  # a method of MlflowClient, its arguments, perhaps its keywords


def token(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


NOTHING: list[Step] = [
    ("search_registered_models", ()),
    ("search_model_versions", ("",)),
    ("get_registered_model", ("x",)),
    ("get_model_version", ("x", 1)),
    ("get_model_version_download_uri", ("x", 1)),
    ("get_latest_versions", ("x",)),
    ("get_model_version_by_alias", ("x", "a")),
    ("delete_registered_model", ("x",)),
    ("set_registered_model_tag", ("x", "k", "v")),
    ("delete_registered_model_tag", ("x", "k")),
    ("set_model_version_tag", ("x", 1, "k", "v")),
    ("delete_model_version_tag", ("x", 1, "k")),
    ("set_registered_model_alias", ("x", "a", 1)),
    ("delete_registered_model_alias", ("x", "a")),
    ("rename_registered_model", ("x", "y")),
    ("update_registered_model", ("x", "d")),
    ("update_model_version", ("x", 1, "d")),
    ("transition_model_version_stage", ("x", 1, "Staging")),
    ("transition_model_version_stage", ("x", 1, "bogus")),
    ("delete_model_version", ("x", 1)),
    ("create_model_version", ("x", "s3://a")),
    ("create_registered_model", ("a/b",)),
    ("search_registered_models", (), {"max_results": 1001}),
    ("search_model_versions", ("foo = 'x'",)),
]
MODELS: list[Step] = [
    ("create_registered_model", ("fraud", {"team": "risk", "n": 1}, "desc")),
    ("create_registered_model", ("fraud",)),
    ("create_registered_model", ("fraud", {PROMPT: "true"})),
    *(("create_registered_model", (name,)) for name in ("", " ", "a/b", "a:b", "..", ".", "./a", None)),
    *(("create_registered_model", (name,)) for name in ("Fraud", ODD, "-x", "a.lock", "日本語", "a%2Fb", "n" * 80)),
    *(("create_registered_model", ("k", {key: "x"})) for key in ("a" * 251, "a=b", "a//b", "../a", "", "é b/c.d-e:f")),
    ("create_registered_model", ("k2", {"a": "x" * 100_001})),
    ("create_registered_model", ("k3", {"a": "x" * 100_000})),
    *(("get_registered_model", (name,)) for name in ("fraud", "FRAUD", ODD, "日本語", "k", "k3", "", None)),
    ("set_registered_model_tag", ("fraud", "team", "ops")),
    *(("set_registered_model_tag", ("fraud", key, "x")) for key in ("a=b", "", "a//b", "k" * 251, "k" * 250)),
    ("set_registered_model_tag", ("fraud", "k", "")),
    ("set_registered_model_tag", ("fraud", "k", "v" * 100_001)),
    *(("delete_registered_model_tag", ("fraud", key)) for key in ("none", "n", "a=b", "")),
    ("update_registered_model", ("fraud", "better\nand longer é")),
    ("get_registered_model", ("fraud",)),
    ("create_model_version", ("fraud", "s3://acme/1")),
    ("transition_model_version_stage", ("fraud", 1, "Production")),
    ("set_registered_model_alias", ("fraud", "champion", 1)),
    *(("rename_registered_model", ("fraud", name)) for name in ("Fraud", "", " ", "a/b", "..", "fraud", "Betrug é")),
    ("get_model_version", ("Betrug é", 1)),
    ("get_registered_model", ("Betrug é",)),
    ("get_model_version", ("fraud", 1)),
    ("rename_registered_model", ("nobody", "x")),
    ("search_registered_models", ()),
    ("delete_registered_model", ("Betrug é",)),
    ("get_registered_model", ("Betrug é",)),
    ("create_registered_model", ("Betrug é",)),
    ("get_registered_model", ("Betrug é",)),
]
VERSIONS: list[Step] = [
    ("create_registered_model", ("fraud",)),
    (
        "create_model_version",
        ("fraud", "s3://acme/1", "r1"),
        {"tags": {"auc": 0.9}, "run_link": "http://x/r1", "description": "first"},
    ),
    ("create_model_version", ("fraud", "s3://acme/2"), {"tags": {"a b/c.d-e:f": "ok"}}),
    *(
        ("create_model_version", ("fraud", source))
        for source in (
            "/nowhere/at/all",
            "models:/fraud/1",
            "models:/fraud/4",
            "models:/fraud/99",
            "models:/fraud@x",
            "models:/fraud/Production",
            "models:/nobody/1",
            "models:/m-123",
            "models:/a/b/c",
            "models:/",
        )
    ),
    ("create_model_version", ("fraud", "s3://acme/t"), {"tags": {"mlflow.prompt.text": "x" * 100_001}}),
    ("create_model_version", ("fraud", "s3://acme/t"), {"tags": {"a=b": "x"}}),
    ("create_model_version", ("fraud", "s3://acme/t"), {"tags": {"k" * 251: "x"}}),
    *(("get_model_version_download_uri", ("fraud", number)) for number in (1, "4", 5, 99, "x")),
    *(("get_model_version", ("fraud", number)) for number in (1, "4", "abc", 0, -1, " 1", "1_0", 77, 10**12)),
    ("update_model_version", ("fraud", 1, "better")),
    ("update_model_version", ("fraud", "x", "better")),
    ("set_model_version_tag", ("fraud", "1", "k", "v")),
    ("set_model_version_tag", ("fraud", 1, "k", "é\n'\"")),
    ("set_model_version_tag", ("fraud", 99, "k", "v")),
    ("set_model_version_tag", ("fraud", 1, "a=b", "v")),
    ("transition_model_version_stage", ("fraud", 3, "Production")),
    ("set_model_version_tag", ("fraud",), {"key": "s", "value": "v", "stage": "Production"}),
    ("get_model_version", ("fraud", 3)),
    ("delete_model_version_tag", ("fraud",), {"key": "s", "stage": "Production"}),
    ("delete_model_version_tag", ("fraud", 1, "zzz")),
    ("delete_model_version_tag", ("fraud", 1, "a=b")),
    ("set_registered_model_alias", ("fraud", "champion", 2)),
    ("delete_model_version", ("fraud", 2)),
    ("delete_model_version", ("fraud", 2)),
    ("delete_model_version", ("fraud", "x")),
    ("delete_model_version", ("fraud", 3)),
    ("get_model_version", ("fraud", 2)),
    ("get_model_version_by_alias", ("fraud", "champion")),
    ("delete_model_version", ("fraud", 5)),
    ("create_model_version", ("fraud", "s3://acme/x")),
    ("get_registered_model", ("fraud",)),
    ("search_model_versions", ("",)),
]
STAGES: list[Step] = [
    ("create_registered_model", ("fraud",)),
    *[("create_model_version", ("fraud", "s3://acme/x"))] * 6,
    *(("get_latest_versions", ("fraud", stages)) for stages in (None, ["None"], ["nOnE", "staging"], ["Bogus"], [])),
    ("transition_model_version_stage", ("fraud", 1, "staging")),
    ("transition_model_version_stage", ("fraud", "2", "Staging")),
    ("get_latest_versions", ("fraud",)),
    ("transition_model_version_stage", ("fraud", 3, "PRODUCTION", True)),
    ("transition_model_version_stage", ("fraud", 2, "production", True)),
    *(("transition_model_version_stage", ("fraud", 1, stage, True)) for stage in ("Archived", "none", "bogus", "")),
    *(("transition_model_version_stage", ("fraud", 1, stage)) for stage in ("bogus", "", " ", "Deleted_Internal")),
    *(("transition_model_version_stage", (name, number, "Staging")) for name, number in (("fraud", 99), ("no", 1))),
    ("transition_model_version_stage", ("fraud", 1, "Staging")),
    ("transition_model_version_stage", ("fraud", 4, "staging", True)),
    ("transition_model_version_stage", ("fraud", 3, "None")),
    *(("get_latest_versions", ("fraud", stages)) for stages in (None, ["Production", "Archived"], ["none"])),
    ("get_registered_model", ("fraud",)),
    ("search_registered_models", ()),
    ("search_model_versions", ("name = 'fraud'",)),
]
ALIASES: list[Step] = [
    ("create_registered_model", ("fraud",)),
    *[("create_model_version", ("fraud", "s3://acme/x"))] * 2,
    *(
        ("set_registered_model_alias", ("fraud", alias, 1))
        for alias in ("champion", "Champion", "prüfung", "-x", "latest", "LATEST", "v12", "V1", "v1x", "a b", "a/b", "")
    ),
    ("set_registered_model_alias", ("fraud", "a" * 256, 1)),
    ("set_registered_model_alias", ("fraud", "a" * 200, 1)),
    *(("set_registered_model_alias", ("fraud", "champion", number)) for number in ("2", 99, "x")),
    *(
        ("get_model_version_by_alias", ("fraud", alias))
        for alias in ("champion", "CHAMPION", "latest", "Latest", "no", "", "a b")
    ),
    ("get_model_version_by_alias", ("nobody", "no")),
    ("get_model_version_by_alias", ("nobody", "latest")),
    ("get_model_version", ("fraud", 2)),
    ("get_latest_versions", ("fraud",)),
    ("get_registered_model", ("fraud",)),
    ("search_registered_models", ()),
    *(("delete_registered_model_alias", ("fraud", alias)) for alias in ("nothing", "Champion", "latest", "a b", "")),
    ("get_registered_model", ("fraud",)),
]
SEARCHED: list[Step] = [
    *(
        ("create_registered_model", (name, {"team": team, "my tag": "x y"}))
        for name, team in (("credit", "risk"), ("churn", "ops"), ("a_b", "ops"), ("aXb", "Ops"), (ODD, "ops"))
    ),
    *(
        ("create_model_version", ("credit", f"s3://acme/Credit/{i}", f"r{i}"), {"tags": {"auc": f"0.{i}", "q": "it's"}})
        for i in range(1, 6)
    ),
    ("create_model_version", ("churn", "models:/credit/1")),
    ("create_model_version", (ODD, "s3://acme/é")),
    ("create_registered_model", ("ask", {PROMPT: "true"})),
    ("create_model_version", ("ask", "dummy-source"), {"tags": {PROMPT: "true", "mlflow.prompt.text": "hi"}}),
    ("transition_model_version_stage", ("credit", 2, "Production")),
    ("update_model_version", ("credit", 3, "x")),
    ("set_model_version_tag", ("credit", 1, "k", "no update")),
    ("update_registered_model", ("a_b", "x")),
]
MODEL_FILTERS = [
    "name = 'credit'",
    "name != 'credit'",
    "name LIKE 'c%'",
    "name like 'C%'",
    "name ILIKE 'C%'",
    "name LIKE 'a_b'",
    "name LIKE '%'",
    "name LIKE '%✓%'",
    f"name = '{ODD}'",
    "name IN ('credit', 'churn')",
    "name in ('credit')",
    "name NOT IN ('credit','churn')",
    "name IN ()",
    "name NOT IN ()",
    "name IN (1)",
    "name IN ('credit', 5)",
    "name IN ('credit',)",
    "name IN ('a' 'b')",
    'name = "credit"',
    "name = credit",
    "name > 'a'",
    "name = 1",
    "NAME = 'credit'",
    "name NOT LIKE 'c%'",
    "name IS NULL",
    "tags.team = 'ops'",
    "tag.team = 'ops'",
    "tags.`my tag` = 'x y'",
    "tags.\"my tag\" = 'x y'",
    "tags.team != 'ops'",
    "tags.team LIKE '%ps'",
    "tags.team ILIKE 'OPS'",
    "tags.team IN ('ops')",
    "tags.team > 'a'",
    "tags.team IS NULL",
    "tags.none = 'x'",
    "tags.none != 'x'",
    "name LIKE '%c%' AND tags.team = 'risk'",
    "name LIKE 'c%' and tags.team = 'ops' AND tags.`my tag` = 'x y'",
    "tags.team != 'risk' AND tags.team != 'ops'",
    "name = 'a' OR name = 'b'",
    "name = 'a'; name = 'b'",
    "name",
    "name =",
    "= 'a'",
    "foo = 'x'",
    "run.x = 'x'",
    "attribute.name = 'credit'",
    "attribute.foo = 'x'",
    "name = 'O''Brien'",
    "name = 'it\\'s'",
    "(name = 'credit')",
    "name = 'a' AND",
    "AND name = 'a'",
    "'a' = name",
    "   ",
    f"tags.`{PROMPT}` = 'true'",
    f"tags.`{PROMPT}` = 'TRUE'",
    f"tags.`{PROMPT}` = 'false'",
    f"tags.`{PROMPT}` != 'true'",
    f"tags.`{PROMPT}` != 'false'",
    f"tags.`{PROMPT}` LIKE 'tr%'",
    "timestamp > 1",
    "last_updated_timestamp > 1",
]
VERSION_FILTERS = [
    *MODEL_FILTERS,
    *(f"version_number {operator} 3" for operator in ("=", "!=", "<", "<=", ">", ">=", "LIKE", "IN")),
    "version_number = '2'",
    "version_number = 1.5",
    "version_number = 'x'",
    "version_number IN (1,2)",
    "version_number = -1",
    "run_id = 'r1'",
    "run_id != 'r1'",
    "run_id IN ('r1','r2')",
    "run_id NOT IN ('r1')",
    "run_id LIKE 'r%'",
    "run_id ILIKE 'R%'",
    "run_id = ''",
    "source_path = 's3://acme/Credit/1'",
    "source_path = 'models:/credit/1'",
    "source_path != 's3://acme/Credit/1'",
    "source_path LIKE '%credit%'",
    "source_path ILIKE '%credit%'",
    "source_path IN ('a')",
    'tags.q = "it\'s"',
    "tags.q = 'it''s'",
    "tags.auc LIKE '0._'",
    "tags.auc = '0.1' AND run_id = 'r1' AND version_number < 9 AND name = 'credit'",
    "name = 'credit' AND version_number = 3",
    "current_stage = 'None'",
    "creation_timestamp > 0",
    "user_id = 'x'",
]
ORDERS: list[list[str]] = [
    *(
        [item]
        for item in (
            "name",
            "name ASC",
            "name DESC",
            "name desc",
            "`name` DESC",
            '"name" DESC',
            "attribute.name DESC",
            "timestamp",
            "timestamp DESC",
            "last_updated_timestamp ASC",
            "last_updated_timestamp DESC",
            "creation_timestamp",
            "creation_timestamp DESC",
            "version_number",
            "version_number DESC",
            "foo",
            "name foo",
            "name ASC DESC",
            "name, timestamp",
            "tags.team",
            "run_id",
            "",
        )
    ),
    ["name", "name DESC"],
    ["timestamp", "last_updated_timestamp"],
    ["last_updated_timestamp DESC", "name DESC"],
    ["version_number DESC", "name"],
    ["creation_timestamp ASC", "name DESC"],
]
TOKENS = ["x", "abc", *map(token, ('{"offset": 2}', '{"offset": 0}', '{"offset": "x"}', "{}", "zz", '{"offset": 999}'))]
SEARCHES: list[Step] = [
    *SEARCHED,
    *(("search_registered_models", (), {"filter_string": text}) for text in MODEL_FILTERS),
    *(("search_model_versions", (text,)) for text in VERSION_FILTERS),
    *(("search_registered_models", (), {"order_by": order}) for order in ORDERS),
    *(("search_model_versions", ("",), {"order_by": order}) for order in ORDERS),
    *(("search_registered_models", (), {"max_results": number}) for number in (1, 3, 5, 6, 1000, 1001)),
    *(("search_model_versions", ("", number)) for number in (1, 6, 7, 200_000, 200_001, 0, -1)),
    *(("search_registered_models", (), {"max_results": 2, "page_token": text}) for text in TOKENS),
    *(("search_model_versions", ("", 2), {"page_token": text}) for text in TOKENS),
]
SCENARIOS = {
    "an empty registry": NOTHING,
    "models": MODELS,
    "versions": VERSIONS,
    "stages": STAGES,
    "aliases": ALIASES,
    "searches": SEARCHES,
}


@pytest.fixture
def pair(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[MlflowClient, MlflowClient]:
    """Clients of two empty registries: in Git, and in SQLite."""
    database = f"sqlite:///{empty_database(tmp_path_factory, tmp_path / 'mlflow.db')}"
    git = f"git+file://{tmp_path}/models.git?fresh_seconds=0"
    mlflow.set_tracking_uri(database)  # MLflow's own store looks for runs nowhere else
    return MlflowClient(tracking_uri=database, registry_uri=git), MlflowClient(database, database)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_both_stores_answer_alike(pair: tuple[MlflowClient, MlflowClient], scenario: str) -> None:
    git, sqlite = pair
    wrong = []
    for method, arguments, *keywords in SCENARIOS[scenario]:
        given = keywords[0] if keywords else {}
        if not method.startswith(("get", "search")):
            time.sleep(0.002)  # no two changes in one millisecond: their order is compared
        ours = outcome(git, method, *arguments, **given)
        theirs = outcome(sqlite, method, *arguments, **given)
        if differs(ours, theirs):
            wrong.append(
                f"{method}{arguments!s:.100} {given!s:.100}\n  git:    {ours!s:.700}\n  sqlite: {theirs!s:.700}"
            )
    assert not wrong, "\n".join(wrong)


def test_pages_over_250_versions_are_alike(pair: tuple[MlflowClient, MlflowClient]) -> None:
    seen: list[list[Any]] = []
    for client in pair:
        client.create_registered_model("fraud")
        for number in range(250):
            client.create_model_version("fraud", f"s3://acme/{number}", tags={"third": str(number % 3)})
        pages: list[Any] = []
        for text, order in (
            ("", None),
            ("tags.third = '1'", ["version_number ASC"]),
            ("version_number > 100", ["name"]),
        ):
            page_token = None
            while True:
                page = client.search_model_versions(text, 37, order, page_token)
                pages.append([int(one.version) for one in page])
                page_token = page.token
                if not page_token:
                    break
        seen.append(pages)
    assert seen[0] == seen[1]
    assert [len(page) for page in seen[0]][:7] == [37] * 6 + [28]


def prompts(client: MlflowClient) -> Iterator[Any]:
    """What happens to prompts, step by step."""

    def told(prompt: Any) -> Any:
        return {key: one for key, one in vars(prompt).items() if "time" not in key and key != "_user_id"}

    yield told(client.register_prompt("greet", "Hi {{name}}", "first", tags={"by": "me"}))
    yield told(client.register_prompt("greet", [{"role": "user", "content": "Hi {{name}}"}], tags={"by": "you"}))
    client.create_registered_model("fraud")
    yield outcome(client, "create_registered_model", "greet")
    yield outcome(client, "register_prompt", "fraud", "x")
    yield outcome(client, "register_prompt", "a b", "x")
    yield outcome(client, "register_prompt", "greet", "x" * 100_001)
    yield [one.name for one in client.search_registered_models()]
    yield [(one.name, one.tags) for one in client.search_prompts()]
    yield [(one.name, one.tags) for one in client.search_prompts("name LIKE 'gr%' AND tags.by = 'you'")]
    yield [(one.version, one.template) for one in client.search_prompt_versions("greet")]
    client.set_prompt_alias("greet", "live", 1)
    yield told(client.load_prompt("prompts:/greet@live"))
    yield told(client.load_prompt("greet", version=2))
    yield told(client.get_prompt_version("greet", "2"))
    yield [client.get_prompt("nobody"), client.get_prompt("fraud")]
    client.set_prompt_tag("greet", "more", "x")
    client.set_prompt_version_tag("greet", 1, "k", "v")
    client.delete_prompt_version_tag("greet", 1, "by")
    yield client.get_prompt("greet").tags
    yield outcome(client, "get_prompt_version", "fraud", "1")
    client.delete_prompt_alias("greet", "live")
    yield outcome(client, "get_model_version", "greet", 1)
    client.delete_prompt_version("greet", "1")
    client.delete_prompt_version("greet", "2")
    client.delete_prompt("greet")
    yield [one.name for one in client.search_prompts()]


def test_prompts_are_alike(pair: tuple[MlflowClient, MlflowClient], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_PROMPT_CACHE_TTL", "0")
    with quiet():
        for ours, theirs in zip(prompts(pair[0]), prompts(pair[1]), strict=True):
            assert not differs(ours, theirs), f"{ours}\n{theirs}"


def test_copies_are_alike(pair: tuple[MlflowClient, MlflowClient]) -> None:
    seen = []
    for client in pair:
        client.create_registered_model("fraud")
        client.create_model_version("fraud", "s3://acme/1", tags={"k": "v"}, description="d")
        with quiet():
            client.transition_model_version_stage("fraud", "1", "Staging")
        client.set_registered_model_alias("fraud", "champion", "1")
        copies = [client.copy_model_version("models:/fraud@champion", "copy")]
        with quiet():
            copies.append(client.copy_model_version("models:/fraud/Staging", "copy"))
        copies.append(client.copy_model_version("models:/copy/2", "copy"))
        gone = outcome(client, "copy_model_version", "models:/fraud/9", "copy")
        seen.append([*map(plain, copies), client.get_model_version_download_uri("copy", "3"), gone])
    assert seen[0] == seen[1]
    assert seen[0][3] == "s3://acme/1"
    assert isinstance(seen[0][4], Refused)


def test_a_model_that_a_run_logs_is_registered_alike(
    pair: tuple[MlflowClient, MlflowClient], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Doubled(mlflow.pyfunc.PythonModel):
        def predict(self, model_input: list[int]) -> list[int]:
            return [2 * one for one in model_input]

    monkeypatch.chdir(tmp_path)
    seen = []
    for client in pair:
        mlflow.set_registry_uri(client._registry_uri)
        with quiet(), mlflow.start_run() as run:
            info = mlflow.pyfunc.log_model(
                name="model", python_model=Doubled(), registered_model_name="double", pip_requirements=[]
            )
        version = client.get_model_version("double", "1")
        assert version.run_id == run.info.run_id
        assert version.source == f"models:/{info.model_id}"
        uris = ["models:/double/1", "models:/double/latest", f"models:/{info.model_id}"]
        client.set_registered_model_alias("double", "champion", "1")
        uris.append("models:/double@champion")
        with quiet():
            client.transition_model_version_stage("double", "1", "production")
        uris += ["models:/double/Production", "models:/double/production"]
        with quiet():
            predicted = [mlflow.pyfunc.load_model(uri).predict([1, 2]) for uri in uris]
        assert predicted == [[2, 4]] * 6
        registered = mlflow.register_model(f"runs:/{run.info.run_id}/model", "again", tags={"a": "b"})
        seen.append((registered.version, registered.tags, registered.run_id == run.info.run_id))
        assert registered.source == f"models:/{info.model_id}"
    assert seen[0] == seen[1]
