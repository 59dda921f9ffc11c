"""The public Python API: what is in it, that it is documented, and what importing it costs."""

from __future__ import annotations

import dataclasses
import inspect
import json
import subprocess
import sys
import typing
from pathlib import Path

import pytest

import registry_git
from registry_git.core.errors import RegistryError
from registry_git.registry.facade import Registry
from registry_git.registry.past import PastReading
from registry_git.registry.writes import Writes
from tests.registry_scene import ALICE, new_registry

PUBLIC = [
    "Activity",
    "AlreadyExists",
    "CommentView",
    "Conflict",
    "Corrupt",
    "Dataset",
    "DeploymentSpec",
    "DeploymentView",
    "Done",
    "FieldDifference",
    "Finding",
    "Invalid",
    "Lineage",
    "ModelPage",
    "ModelView",
    "NotFound",
    "Observed",
    "PastReading",
    "PermissionDenied",
    "PointerChange",
    "Policy",
    "Registration",
    "Registry",
    "RegistryError",
    "RequestView",
    "Resolution",
    "RollView",
    "Unavailable",
    "VersionView",
    "clone",
    "get_latest_version",
    "get_model_version",
    "init",
    "open",
    "register_model",
]
READS = [
    *(
        "activity",
        "activity_cursor",
        "comments",
        "commit",
        "deployment",
        "deployments",
        "diff",
        "lookup",
        "manifest",
        "model",
        "models",
    ),
    *("policy", "request", "request_diff", "requests", "resolve", "search_versions", "version", "versions"),
]
WRITES = [
    *("add_deployment", "ask_for_rolls", "bring", "follow_deployment", "pin_deployment", "remove_deployment"),
    *("request_deployment", "roll_deployment"),
    *("add_comment", "approve", "cancel", "create_model", "delete", "delete_alias", "delete_comment", "delete_tag"),
    *("describe", "doctor", "edit_comment", "refresh", "register", "register_many", "reindex", "reject", "relayout"),
    *(
        "rename",
        "request_alias",
        "request_delete",
        "request_policy",
        "request_rename",
        "request_stage",
        "rollback",
        "set_alias",
    ),
    *("set_policy", "set_status", "set_tag", "set_tags", "sync", "transition"),
]
VIEWS = [name for name in PUBLIC if name[0].isupper() and dataclasses.is_dataclass(getattr(registry_git, name))]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "acme.git"


@pytest.fixture
def registry(place: Path) -> Registry:
    return new_registry(place, versions=3)(ALICE)


def test_the_public_names_are_these() -> None:
    assert registry_git.__all__ == PUBLIC
    assert dir(registry_git) == PUBLIC
    for name in PUBLIC:
        assert getattr(registry_git, name).__doc__, name


def test_another_name_is_none() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        registry_git.nothing  # noqa: B018


def callables() -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = [
        (name, getattr(registry_git, name)) for name in PUBLIC if inspect.isfunction(getattr(registry_git, name))
    ]
    for owner in (Registry, PastReading):
        for name, member in inspect.getmembers(owner):
            if not name.startswith("_"):
                found.append((f"{owner.__name__}.{name}", member.fget if isinstance(member, property) else member))
    return found


@pytest.mark.parametrize(("name", "one"), callables(), ids=[name for name, _ in callables()])
def test_every_public_callable_is_documented_and_typed(name: str, one: object) -> None:
    assert inspect.getdoc(one)
    signature = inspect.signature(one)  # type: ignore[arg-type]
    assert signature.return_annotation is not inspect.Signature.empty
    for parameter in signature.parameters.values():
        if parameter.name != "self":
            assert parameter.annotation is not inspect.Parameter.empty, parameter.name
            assert parameter.kind is not inspect.Parameter.VAR_POSITIONAL


def public(owner: type) -> set[str]:
    return {name for name in dir(owner) if not name.startswith("_")}


def test_a_registry_can_do_all_this() -> None:
    assert {*READS, *WRITES, "at", "check", "download"} <= public(Registry)


def test_the_past_can_be_read_and_no_more() -> None:
    # what a request would bring is a moment, too: `preview` says that it is not of the past
    assert {*READS} <= public(PastReading) <= public(Registry) | {"preview"}
    writing = {name for part in Registry.__mro__ if issubclass(part, Writes) for name in vars(part)} - {*READS}
    assert not writing & public(PastReading)


@pytest.mark.parametrize("name", VIEWS)
def test_what_the_api_gives_back_is_frozen_and_documented(name: str) -> None:
    view = getattr(registry_git, name)
    assert view.__dataclass_params__.frozen
    assert "__slots__" in vars(view)
    hints = typing.get_type_hints(view, vars(sys.modules[view.__module__]))
    assert {field.name for field in dataclasses.fields(view)} <= hints.keys()


def test_every_error_is_a_registry_error() -> None:
    errors = [name for name in PUBLIC if isinstance(getattr(registry_git, name), type)]
    errors = [name for name in errors if issubclass(getattr(registry_git, name), Exception)]
    assert len(errors) == 8
    assert all(issubclass(getattr(registry_git, name), RegistryError) for name in errors)
    wrong = registry_git.NotFound("It is not there.", hint="Look elsewhere.")
    assert (wrong.message, wrong.hint, str(wrong)) == (
        "It is not there.",
        "Look elsewhere.",
        f"{wrong.message} {wrong.hint}",
    )


HEAVY = ["pygit2", "git", "yaml", "jsonschema", "fsspec", "rich", "sqlite3", "click", "platformdirs"]


def imported(code: str) -> list[str]:
    ask = f"import json, sys\n{code}\nprint(json.dumps([name for name in {HEAVY} if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    found: list[str] = json.loads(done.stdout)
    return found


def test_importing_the_package_imports_nothing_heavy() -> None:
    assert imported("import registry_git") == []
    assert imported("import registry_git; registry_git.NotFound; registry_git.Policy; dir(registry_git)") == []


def test_a_point_read_starts_no_git_and_needs_no_index(registry: Registry, place: Path) -> None:
    code = f"import registry_git; registry_git.open({str(place)!r}, actor={ALICE!r}).resolve('models:/fraud/2')"
    assert not {"git", "rich", "click", "fsspec", "jsonschema"} & set(imported(code))
