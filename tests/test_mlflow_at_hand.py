"""Reads by MLflow's rules: what the index answers where it is at hand is what the manifests say, word for word."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

import registry_git
from registry_git.core.errors import RegistryError
from registry_git.core.model import Lineage
from registry_git.core.search import PROMPT_TAG, Target, encode_token, parse_filter, parse_order
from registry_git.index.queries import Page
from registry_git.index.tables import SCHEMA_VERSION
from registry_git.mlflow_rules import MlflowModel, MlflowRegistry, MlflowVersion, NewMlflowVersion
from registry_git.registry.registering import Registration
from tests.registry_scene import ALICE, BOB

Read = Callable[[MlflowRegistry], object]
NAMES = ["fraud", "spam", "empty", "nobody"]
READS: dict[str, Read] = {
    **{f"model {name}": lambda m, name=name: m.get_model(name) for name in NAMES},  # type: ignore[misc]
    **{
        f"version {name} {number}": lambda m, name=name, number=number: m.get_version(name, number)  # type: ignore[misc]
        for name in NAMES
        for number in (0, 1, 2, 3, 4, 5, 10**9)
    },
    **{
        f"files {name} {number}": lambda m, name=name, number=number: m.get_download_uri(name, number)  # type: ignore[misc]
        for name in NAMES
        for number in (0, 1, 3, 5, 10**9)
    },
    **{
        f"alias {name} {alias}": lambda m, name=name, alias=alias: m.get_version_by_alias(name, alias)  # type: ignore[misc]
        for name in NAMES
        for alias in ("champion", "challenger", "latest", "none")
    },
    **{
        f"latest {name} {stages}": lambda m, name=name, stages=stages: m.get_latest_versions(name, stages)  # type: ignore[misc]
        for name in NAMES
        for stages in ([], ["Staging"], ["None"], ["archived", "NONE"], ["Production", "Staging"], ["Nowhere"])
    },
    **{
        f"versions of {name} {order} {size} {token}": lambda m, name=name, order=order, size=size, token=token: paged(  # type: ignore[misc]
            m, f"name = '{name}'", order, size, token
        )
        for name in (*NAMES, "greeting", "many")
        for order, size, token in (
            ([], None, None),
            (["version_number ASC"], 2, encode_token(1)),
            (["creation_timestamp DESC", "name"], 3, encode_token(49)),
        )
    },
    "versions of a name and a tag": lambda m: paged(m, "name = 'fraud' AND tags.k = '3'", [], None, None),
}
MANY = 51  # one more than are few


def paged(mlflow: MlflowRegistry, text: str, order: list[str], size: int | None, token: str | None) -> list[object]:
    """The versions of a page, and the token of the next."""
    given, orders = parse_filter(text, Target.VERSIONS), parse_order(order, Target.VERSIONS)
    page = mlflow.search_versions(given, orders, max_results=size, page_token=token)
    return [*page.items, page.next_page_token]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`fraud`: v1 and v3 in Staging, v2 in Archived, v4 in none, v5 deleted. All versions of `spam` are in a stage."""
    place = tmp_path_factory.mktemp("at_hand") / "models.git"
    mlflow = MlflowRegistry(registry_git.init(place, actor=ALICE, durable=False))
    for name in ("fraud", "spam", "empty"):
        mlflow.create_model(name, description=f"about {name}", tags=(("team", 'r"is,k'), ("größe", "XL")))
    for number in range(1, 6):
        lineage = Lineage(run_id=f"r{number}", run_link="https://x/r1", model_id="m-1")
        source = f"s3://acme/{number}"
        wanted = NewMlflowVersion(name="fraud", source=source, tags=(("k", str(number)),), lineage=lineage)
        mlflow.create_version(wanted)
    mlflow.create_version(NewMlflowVersion(name="spam", source="models:/fraud/1", description="a copy\nof it"))
    mlflow.transition("spam", 1, "Production")
    mlflow.transition("fraud", 1, "Staging")
    mlflow.transition("fraud", 2, "Archived")
    registry_git.open(place, actor=BOB, durable=False).transition("fraud", 3, "Staging", add=True)
    mlflow.delete_version("fraud", 5)
    mlflow.create_model("greeting", tags=((PROMPT_TAG, "true"),))
    mlflow.create_version(NewMlflowVersion(name="greeting", source="dummy", tags=((PROMPT_TAG, "true"),)))
    registry_git.open(place, actor=ALICE, durable=False).register_many(
        [Registration(name="many", source=f"s3://acme/many/{number}") for number in range(MANY)]
    )
    for alias, number in (("champion", 3), ("challenger", 3), ("first", 1)):
        mlflow.set_alias("fraud", alias, number)
    return place


def test_only_a_few_versions_are_looked_through_at_hand(place: Path) -> None:
    registry = registry_git.open(place, actor=BOB, durable=False)
    registry.register_many([Registration(name="more", source=f"s3://acme/more/{number}") for number in range(MANY)])
    given, orders = parse_filter("name = 'more'", Target.VERSIONS), parse_order((), Target.VERSIONS)

    def found() -> int | None:
        registry.models()
        index = registry.at_hand(registry.snapshot().commit)
        assert index is not None
        versions = index.few_versions("more", given, orders, Page(limit=200))
        return None if versions is None else len(versions)

    assert found() is None
    registry.delete("more", version=MANY)
    assert found() == MANY - 1


def outcome(mlflow: MlflowRegistry, read: Read) -> object:
    """What a read gives, with the times that only the index knows asked for; or how it is refused."""
    try:
        return whole(mlflow, read(mlflow))
    except RegistryError as problem:
        return type(problem), problem.message


def whole(mlflow: MlflowRegistry, found: object) -> object:
    if isinstance(found, MlflowModel):
        fields = {name: getattr(found, name) for name in MlflowModel.__slots__}
        versions = [whole(mlflow, version) for version in found.latest_versions]
        updated = found.last_updated_timestamp or mlflow.model_updated(found.name)
        return fields | {"latest_versions": versions, "last_updated_timestamp": updated}
    if isinstance(found, MlflowVersion):
        updated = found.last_updated_timestamp or mlflow.version_updated(found.name, found.version)
        return found._asdict() | {"tags": dict(found.tags), "last_updated_timestamp": updated}
    return [whole(mlflow, one) for one in found] if isinstance(found, list) else found


class NotAtHand(registry_git.Registry):
    """A registry whose index is always a commit behind."""

    def at_hand(self, commit: str) -> None:
        """None."""


@pytest.mark.parametrize("read", READS.values(), ids=list(READS))
def test_the_index_answers_as_the_manifests_do(place: Path, read: Read) -> None:
    registry = registry_git.open(place, actor=ALICE)
    registry.models()
    from_git = registry_git.open(place, actor=ALICE)
    from_git.__class__ = NotAtHand
    assert outcome(MlflowRegistry(registry), read) == outcome(MlflowRegistry(from_git), read)


def test_what_another_process_wrote_is_read_at_once(place: Path) -> None:
    mine, other = (registry_git.open(place, actor=ALICE, durable=False) for _ in range(2))
    mlflow = MlflowRegistry(mine)
    for turn in ("one", "two"):
        mine.models()
        other.describe("fraud", turn, version=4)
        assert mlflow.get_version("fraud", 4).description == turn
        other.set_alias("fraud", "moving", 4 if turn == "one" else 3)
        assert mlflow.get_version_by_alias("fraud", "moving").version == (4 if turn == "one" else 3)
        other.transition("fraud", 4, "Production" if turn == "one" else "None")
        assert [one.version for one in mlflow.get_latest_versions("fraud", ["Production"])] == (
            [4] if turn == "one" else []
        )
    other.delete_alias("fraud", "moving")


@pytest.mark.parametrize("ahead", [False, True], ids=["at hand", "a commit behind"])
def test_a_damaged_index_is_in_no_readers_way(place: Path, ahead: bool) -> None:
    registry = registry_git.open(place, actor=ALICE, durable=False)
    registry.models()
    with sqlite3.connect(place / f"registry-git/index-{SCHEMA_VERSION}.sqlite") as db:
        db.execute("DROP TABLE aliases")
    mlflow = MlflowRegistry(registry)
    if ahead:
        registry.describe("fraud", "looked at", version=4)
    assert mlflow.get_version("fraud", 3).aliases == ("challenger", "champion")
    assert mlflow.get_version_by_alias("fraud", "champion").version == 3
    assert mlflow.get_model("fraud").aliases == {"challenger": 3, "champion": 3, "first": 1}
    assert [one.aliases for one in mlflow.get_latest_versions("fraud", ["Staging"])] == [("challenger", "champion")]
