"""What one statement of the index answers is answered by the event loop itself, and is what a thread would answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

import registry_git
from registry_git.server.reply import Reply
from registry_git.server.service import Service
from tests.registry_scene import ALICE, BOB, As, new_registry
from tests.server_scene import all_readers_busy, code_of, serving_with, settings_of

_API = "/api/2.0/mlflow"
PATHS = (
    "/model-versions/get?name=fraud&version={}",
    "/model-versions/get-download-uri?name=fraud&version={}",
    "/registered-models/get?name=fraud&asked={}",
    "/registered-models/alias?name=fraud&alias=champion&asked={}",
    "/registered-models/get-latest-versions?name=fraud&stages=Production&asked={}",
    "/model-versions/search?filter=name='fraud'&asked={}",
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "models.git"


@pytest.fixture
def as_(place: Path) -> As:
    made = new_registry(place, versions=3)
    made(ALICE).transition("fraud", 2, "Production")
    made(ALICE).set_alias("fraud", "champion", 1)
    return made


@pytest.fixture
def running(place: Path, as_: As) -> Iterator[tuple[Service, httpx.Client]]:
    with serving_with(settings_of(place)) as found:
        yield found


def _warm(client: httpx.Client) -> None:
    """Brings the index up to date, and what is there to the loop."""
    for _ in range(2):
        assert client.get(f"{_API}/model-versions/get?name=fraud&version=1&asked=warm").status_code == 200


@pytest.mark.parametrize("path", PATHS, ids=[path.partition("?")[0] for path in PATHS])
def test_a_first_question_needs_no_thread_and_is_answered_as_by_one(
    running: tuple[Service, httpx.Client], path: str
) -> None:
    service, client = running
    by_thread = client.get(_API + path.format(2))
    _warm(client)
    service.answers_of_main.keep("another state", "", Reply(200, ()))  # nothing of this state is known any more
    with all_readers_busy(service):
        by_loop = client.get(_API + path.format(2))
        first = client.get(_API + path.format(3))
        known = client.get(_API + path.format(1), headers={"if-none-match": by_thread.headers["etag"]})
    assert (by_thread.status_code, by_thread.json()) == (200, by_loop.json())
    assert {**by_loop.headers, "date": ""} == {**by_thread.headers, "date": ""}
    assert first.status_code == 200
    assert (known.status_code, known.content) == (304, b"")


@pytest.mark.parametrize(
    "change",
    [
        lambda registry: registry.transition("fraud", 3, "Production"),
        lambda registry: registry.set_tag("fraud", "seen", "yes", version=3),
        lambda registry: registry.set_alias("fraud", "champion", 3),
    ],
    ids=["a move", "a tag", "an alias"],
)
def test_what_another_process_wrote_is_in_the_next_answer(
    running: tuple[Service, httpx.Client], as_: As, change: Callable[[registry_git.Registry], object]
) -> None:
    _, client = running
    _warm(client)
    before = {path: client.get(_API + path.format(3)).json() for path in PATHS}
    for _ in range(3):
        change(as_(BOB))
        after = {path: client.get(_API + path.format(3)).json() for path in PATHS}
        assert after != before
    _warm(client)
    assert {path: client.get(_API + path.format(3)).json() for path in PATHS} == after


def test_a_request_on_its_branch_changes_nothing_of_what_main_says(
    running: tuple[Service, httpx.Client], as_: As
) -> None:
    service, client = running
    path = _API + PATHS[0].format(1)
    before = client.get(path).headers
    as_(BOB).request_stage("fraud", 1, "Staging")
    assert client.get(path, headers={"if-none-match": before["etag"]}).status_code == 304
    assert before["etag"].strip('"') == before["registry-commit"] == service.state.commit()


def test_what_the_index_does_not_have_is_looked_for_in_git(running: tuple[Service, httpx.Client]) -> None:
    _, client = running
    _warm(client)
    for path in ("/model-versions/get?name=fraud&version=9", "/registered-models/get?name=nobody"):
        assert code_of(client.get(_API + path)) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert code_of(client.get(f"{_API}/model-versions/get?name=fraud&version=one")) == (400, "INVALID_PARAMETER_VALUE")
    missing = client.get(f"{_API}/registered-models/alias?name=fraud&alias=nothing")
    assert code_of(missing) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize("harm", ["gone", "damaged"])
def test_a_lost_index_costs_time_and_no_answer(
    running: tuple[Service, httpx.Client], place: Path, as_: As, harm: str
) -> None:
    service, client = running
    _warm(client)
    before = client.get(_API + PATHS[2].format(1)).json()
    for file in (place / "registry-git").glob("index-*"):
        if harm == "gone":
            file.unlink()
        else:
            file.write_bytes(b"no database" * 1000)
    as_(BOB).set_tag("fraud", "seen", "yes")
    for _ in range(3):
        after = client.get(_API + PATHS[2].format(2)).json()
        assert after["registered_model"]["tags"] == [{"key": "seen", "value": "yes"}]
        assert after["registered_model"]["latest_versions"] == before["registered_model"]["latest_versions"]
        client.get(f"{_API}/model-versions/search?filter=name='fraud'")
    with all_readers_busy(service):
        assert client.get(_API + PATHS[2].format(3)).json() == after
