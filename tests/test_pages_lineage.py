"""Where a version comes from is laid out as a graph, and what it takes and gives as rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from registry_git.core.model import Dataset, Lineage
from registry_git.registry.views import VersionView
from registry_git.server.pages.lineage import HEIGHT, WIDTH, Graph, experiment_link, graph_of, parent_of, web
from registry_git.server.pages.links import Links
from registry_git.server.pages.signature import fields_of
from tests.registry_scene import ALICE, new_registry
from tests.version_scene import LINEAGE, RUN, SIGNATURE

Registered = Callable[..., VersionView]


@pytest.fixture
def registered(tmp_path: Path) -> Registered:
    registry = new_registry(tmp_path / "models.git", versions=1)(ALICE)

    def made(lineage: Lineage | None = None, source: str = "s3://acme/churn/1") -> VersionView:
        return registry.register("churn", source, lineage=lineage, read=False, tracking_uri="")

    return made


def drawn(version: VersionView) -> Graph:
    found = graph_of(version, Links())
    assert found is not None
    return found


def pairs(graph: Graph) -> list[tuple[str, str]]:
    return [(edge.start, edge.end) for edge in graph.edges]


def test_nothing_known_is_no_graph(registered: Registered) -> None:
    assert graph_of(registered(), Links()) is None


def test_experiment_data_and_code_lead_to_the_run_and_the_run_to_the_version(registered: Registered) -> None:
    graph = drawn(registered(LINEAGE))
    sources = ["experiment", "data-0", "data-1", "code"]
    assert pairs(graph) == [*((one, "run") for one in sources), ("run", "logged"), ("logged", "version")]
    links = {node.key: node.link for node in graph.nodes if node.link}
    assert links == {"experiment": "http://mlflow.acme.io/#/experiments/7", "run": RUN}
    assert graph.words.startswith("experiment fraud detection → run clever-shark-7; data transactions-2026-03 → run")


def test_without_a_run_they_lead_to_the_version(registered: Registered) -> None:
    assert pairs(drawn(registered(Lineage(git_commit="3f5e0a9b8c7d")))) == [("code", "version")]


def test_boxes_of_a_column_do_not_overlap_and_all_fit(registered: Registered) -> None:
    many = tuple(Dataset(name=f"part-{number}") for number in range(30))
    graph = drawn(registered(Lineage(run_id="0a1b", datasets=many)))
    assert [node.name for node in graph.nodes if node.kind == "data"][-1] == "and 22 more"
    assert len(graph.nodes) == 11
    for one in graph.nodes:
        assert 0 <= one.x <= graph.width - WIDTH
        assert 0 <= one.y <= graph.height - HEIGHT
        for other in graph.nodes:
            assert one is other or abs(one.x - other.x) >= WIDTH or abs(one.y - other.y) >= HEIGHT


def test_a_copy_leads_back_to_what_it_was_copied_from(registered: Registered) -> None:
    version = registered(source="models:/fraud/1")
    assert parent_of(version) == "models:/fraud/1"
    graph = drawn(version)
    assert pairs(graph) == [("parent", "version")]
    parent = graph.nodes[0]
    assert (parent.name, parent.link) == ("fraud v1", "/models/fraud/versions/1")
    past = graph_of(version, Links("2026-03-01"))
    assert past is not None
    assert past.nodes[0].link == "/models/fraud/versions/1?at=2026-03-01"


def test_a_logged_model_is_no_version_that_it_was_copied_from(registered: Registered) -> None:
    assert parent_of(registered(source="models:/m-77aa")) == ""


def test_a_long_name_is_cut_in_its_box_and_whole_beside_it(registered: Registered) -> None:
    node = drawn(registered(Lineage(run_name="a" * 60))).nodes[0]
    assert len(node.short) == 22
    assert node.short.endswith("…")
    assert node.name == "a" * 60


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", "ftp://acme.io/", "//acme.io/", "http://", "http://[", ""]
)
def test_only_the_web_is_linked(address: str, registered: Registered) -> None:
    assert web(address) == ""
    graph = drawn(registered(Lineage(run_id="0a1b", run_link=address)))
    assert not graph.linked


def test_an_experiment_is_linked_only_where_the_run_shows_its_address() -> None:
    assert experiment_link(Lineage(experiment_id="7", run_link=RUN)) == "http://mlflow.acme.io/#/experiments/7"
    assert experiment_link(Lineage(experiment_id="8", run_link=RUN)) == ""
    assert experiment_link(Lineage(experiment_id="7", run_link="http://acme.io/jobs/1")) == ""


def test_a_signature_of_mlflow_is_read_field_by_field() -> None:
    told = [(one.part, one.name, one.type, one.needed, one.default) for one in fields_of(json.dumps(SIGNATURE))]
    assert told == [
        ("inputs", "amount", "double", True, ""),
        ("inputs", "country", "string", False, ""),
        ("outputs", "#1", "tensor float32 (-1, 2)", True, ""),
        ("params", "threshold", "double", False, "0.5"),
    ]


def test_types_within_types_are_told_in_words() -> None:
    columns = [
        {"name": "tags", "type": "array", "items": {"type": "string"}},
        {"name": "who", "type": "object", "properties": {"id": {"type": "long"}, "at": {"type": "datetime"}}},
        {"name": "counts", "type": "map", "values": {"type": "long"}},
    ]
    assert [one.type for one in fields_of(json.dumps({"inputs": columns}))] == [
        "array of string",
        "object {id: long, at: datetime}",
        "map of long",
    ]


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"inputs": "no json"}', '{"inputs": [1, null]}', "[" * 100_000])
def test_what_is_no_signature_has_no_fields(text: str) -> None:
    assert fields_of(text) == ()


def test_types_without_an_end_come_to_one() -> None:
    deep: object = "string"
    for _ in range(60):
        deep = {"type": "array", "items": deep}
    assert fields_of(json.dumps({"inputs": [deep]}))[0].type.endswith("array of ?")
