"""Answers are kept while the registry does not move, for who got them, and no others wait while they are told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

import registry_git
from registry_git.core.names import Actor
from registry_git.server.accounts import AccountFile
from registry_git.server.answers import Answers
from registry_git.server.permissions import SCOPES, Permission
from registry_git.server.reply import Reply
from registry_git.server.service import Service
from tests.registry_scene import ALICE, BOB, As, new_registry
from tests.server_scene import all_readers_busy, serving_with, settings_of

VERSION = "/api/2.0/mlflow/model-versions/get?name=fraud&version=1"
HERE = "/api/v1/registry"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "models.git"


@pytest.fixture
def as_(place: Path) -> As:
    return new_registry(place, versions=2, protect=["Production"])


@pytest.fixture
def running(place: Path, as_: As) -> Iterator[tuple[Service, httpx.Client]]:
    with serving_with(settings_of(place)) as found:
        yield found


def test_what_was_answered_is_answered_again_while_all_threads_wait(running: tuple[Service, httpx.Client]) -> None:
    service, client = running
    first = _settled(client, VERSION)
    with all_readers_busy(service):
        again = client.get(VERSION)
        known = client.get(VERSION, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (200, first.content)
    assert {name: again.headers[name] for name in ("etag", "vary", "cache-control", "content-type")} == {
        name: first.headers[name] for name in ("etag", "vary", "cache-control", "content-type")
    }
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", first.headers["etag"])


@pytest.mark.parametrize(
    "change",
    [
        lambda registry: registry.set_tag("fraud", "seen", "yes", version=1),
        lambda registry: registry.register("fraud", "s3://acme-models/fraud/9"),
        lambda registry: registry.request_stage("fraud", 1, "Production"),
    ],
    ids=["a tag", "a version", "a request on its branch"],
)
def test_whatever_is_written_by_whomever_is_in_the_next_answer(
    running: tuple[Service, httpx.Client], as_: As, change: Callable[[registry_git.Registry], object]
) -> None:
    """Each by another process's means: straight into the repository."""
    _, client = running
    paths = ("/api/2.0/mlflow/databricks/model-versions/get?name=fraud&version=1", "/api/v1/models/fraud/versions")
    before = [_settled(client, path) for path in paths]
    change(as_(ALICE))
    after = [client.get(path) for path in paths]
    assert [one.headers["etag"] for one in after] != [one.headers["etag"] for one in before]
    assert [one.json() for one in after] != [one.json() for one in before]


def test_nobody_gets_what_was_told_somebody_else(place: Path, as_: As) -> None:
    settings = settings_of(place)
    accounts = AccountFile(settings.accounts)
    tokens = {}
    for actor in (ALICE, BOB):
        accounts.add(Actor.parse(actor))
        for scopes in (frozenset(SCOPES), frozenset({Permission.READ})):
            email = Actor.parse(actor).email
            tokens[actor, scopes], _ = accounts.add_token(email, scopes=scopes, created=0, expires=None)
    with serving_with(settings) as (_, client):
        for _ in range(3):
            for (actor, _), text in tokens.items():
                assert client.get(HERE, headers={"authorization": f"Bearer {text}"}).json()["you"] == actor
        assert client.get(HERE).status_code == 401
        accounts.revoke(BOB.partition("<")[2].rstrip(">"))
        assert client.get(HERE, headers={"authorization": f"Bearer {text}"}).status_code == 401


def test_a_moment_of_the_past_is_looked_up_each_time(running: tuple[Service, httpx.Client], as_: As) -> None:
    """A date that lies ahead shows what is there now."""
    _, client = running
    ahead = "/api/v1/models/fraud/versions?at=2099-01-01"
    assert len(_settled(client, ahead).json()["versions"]) == 2
    as_(ALICE).register("fraud", "s3://acme-models/fraud/3")
    assert len(client.get(ahead).json()["versions"]) == 3


def test_an_error_is_not_kept(running: tuple[Service, httpx.Client]) -> None:
    _, client = running
    _settled(client, VERSION)
    for _ in range(3):
        assert client.get(VERSION.replace("version=1", "version=77")).status_code == 404
        assert client.get(VERSION.replace("version=1", "version=one")).status_code == 400


def test_what_is_kept_has_an_end_and_another_state_ends_all_of_it() -> None:
    answers = Answers(100_000)
    small, large = Reply(200, (), b"x" * 500), Reply(200, (), b"x" * 20_000)
    for number in range(80):
        answers.keep("state", number, small)
        assert answers.find("state", 0) is small, "what is asked for stays"
    kept = [number for number in range(80) if answers.find("state", number)]
    assert kept == [0, *range(80 - len(kept) + 1, 80)]
    assert 30 < len(kept) <= 50
    answers.keep("state", "large", large)
    assert answers.find("state", "large") is None
    assert answers.find("other", 0) is None
    answers.keep("other", "one", small)
    assert answers.find("state", 0) is None
    assert answers.find("other", "one") is small


def _settled(client: httpx.Client, path: str) -> httpx.Response:
    """The answer, asked for until the files have been still for long enough that their times can be trusted."""
    threading.Event().wait(0.15)
    client.get(path)
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer
