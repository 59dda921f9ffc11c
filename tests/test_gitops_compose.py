"""The compose file, with the variables that `resolve --output env` writes, as the real docker-compose reads both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from registry_git.core.errors import Invalid
from tests.cli_program import Cli
from tests.gitops_scene import Land, new_land
from tests.gitops_tools import attempt, run


@pytest.fixture(scope="module")
def land(tmp_path_factory: pytest.TempPathFactory) -> Land:
    made = new_land(tmp_path_factory.mktemp("compose") / "registry")
    made.init("compose", runtime="deployment", image="registry.acme.io/serve:1")
    return made


def config(land: Land, environment: Path) -> Any:
    """The service as docker-compose understands it."""
    file = land.top / "deploy/compose/compose.yaml"
    text = run("docker-compose", "-f", file, "-p", "fraud-production", "--env-file", environment, "config")
    return yaml.safe_load(text)["services"]["model"]


def test_the_service_is_the_version_that_the_stage_holds(land: Land, tmp_path: Path) -> None:
    printed = Cli(registry=land.top)("resolve", "models:/fraud/Production", "--output", "env").out
    (tmp_path / "fraud.env").write_text(printed)
    service = config(land, tmp_path / "fraud.env")
    found = land.registry.resolve("models:/fraud/Production")
    assert service["image"] == "registry.acme.io/serve:1"
    assert service["environment"] == {
        "MODEL_NAME": "fraud",
        "MODEL_VERSION": "1",
        "MODEL_SOURCE": found.source,
        "MODEL_FORMAT": "sklearn",
        "MODEL_DIGEST": found.digest,
    }
    assert service["labels"]["registry-git.dev/commit"] == found.commit
    assert service["command"][3:5] == ["--model-uri", found.source]


def test_a_promotion_is_another_service_definition(land: Land, tmp_path: Path) -> None:
    cli = Cli(registry=land.top)
    services = []
    for stage in ("Production", "Staging"):
        (tmp_path / "model.env").write_text(cli("resolve", f"models:/fraud/{stage}", "--output", "env").out)
        services.append(config(land, tmp_path / "model.env"))
    assert services[0]["environment"]["MODEL_VERSION"] != services[1]["environment"]["MODEL_VERSION"]


@pytest.mark.parametrize("source", ["s3://acme/a b", "s3://acme/$HOME/${X}", "s3://acme/a#b", 's3://acme/"q"'])
def test_a_source_with_odd_characters_arrives_as_it_is(tmp_path: Path, source: str) -> None:
    land = new_land(tmp_path / "registry")
    land.init("compose", runtime="deployment")
    land.registry.register("odd", source, read=False)
    (tmp_path / "odd.env").write_text(Cli(registry=land.top)("resolve", "models:/odd/1", "--output", "env").out)
    # docker-compose prints a dollar sign twice, so that what it prints can be read again
    assert config(land, tmp_path / "odd.env")["environment"]["MODEL_SOURCE"].replace("$$", "$") == source


def test_without_the_variables_compose_says_how_to_get_them(land: Land) -> None:
    done = attempt("docker-compose", "-f", land.top / "deploy/compose/compose.yaml", "config")
    assert done.returncode != 0
    assert "run registry-git resolve models:/NAME/STAGE --output env > NAME.env" in done.stderr


def test_compose_alone_runs_containers_by_default(tmp_path: Path) -> None:
    from registry_git.gitops.initialise import initialise
    from registry_git.gitops.settings import Wanted

    land = new_land(tmp_path / "registry")
    assert "deploy/compose/compose.yaml" in initialise(land.registry, Wanted(tools=["compose"])).written
    with pytest.raises(Invalid, match="the runtime is seldon"):
        initialise(land.registry, Wanted(runtime="seldon"))
