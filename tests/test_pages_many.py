"""Two thousand models: each page of them, found and sorted, costs what it shows and not what the registry holds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any

import httpx
import pytest

import registry_git
from registry_git import Registration
from registry_git.gitstore.repository import Repository
from registry_git.gitstore.snapshot import GitSnapshot
from tests.pages_scene import Site, reader, site
from tests.registry_scene import ALICE
from tests.waiting import until

MODELS = 2_000
READS = 300  # of whatever is in Git, for a page of fifty models


def name(number: int) -> str:
    """The name of the model with this number."""
    return f"model-{number:04}"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    place = tmp_path_factory.mktemp("pages") / "models.git"
    registry = registry_git.init(place, actor=ALICE, durable=False)
    registry.register_many(
        Registration(name=name(number), source=f"s3://acme/{number}", tags={"auc": "0.91"}, read=False)
        for number in range(MODELS)
    )
    registry.describe(name(1234), "Who pays late")
    registry.set_tag(name(345), "team", "risk")
    registry.transition(name(77), 1, "Production")
    with site(place) as found:
        yield found


@pytest.fixture(scope="module")
def client(shop: Site) -> Iterator[httpx.Client]:
    with reader(shop, "alice") as found:
        until(lambda: found.get("/ready").status_code == 200)  # the index is built once, from everything
        yield found


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the server looks something up in Git, from cache or not."""
    counted: Counter[str] = Counter()

    def counting(owner: type, method: str) -> None:
        real: Callable[..., Any] = getattr(owner, method)

        def count(self: object, *given: Any, **named: Any) -> Any:
            counted[method] += 1
            return real(self, *given, **named)

        monkeypatch.setattr(owner, method, count)

    counting(Repository, "read")
    counting(Repository, "entry")
    counting(GitSnapshot, "find")
    return counted


def names(answer: httpx.Response) -> list[str]:
    """The models on the page, in order."""
    assert answer.status_code == 200
    return [unescape(one) for one in re.findall(r'<th scope="row"><a href="[^"]*">([^<]*)</a>', answer.text)]


@pytest.mark.parametrize(
    ("address", "first", "last", "count"),
    [
        ("/", None, None, 50),
        ("/?sort=name", name(0), name(49), 50),
        ("/?sort=name&page=2", name(50), name(99), 50),
        ("/?sort=name&page=40", name(1950), name(1999), 50),
        ("/?sort=-name&page=40", name(49), name(0), 50),
        ("/?sort=-created&page=20", None, None, 50),
        ("/?text=pays+late", name(1234), name(1234), 1),
        ("/?text=model-19&sort=name&page=2", name(1950), name(1999), 50),
        ("/?tag=team%3Drisk&sort=name", name(345), name(345), 1),
        ("/?stage=Production", name(77), name(77), 1),
        ("/?text=nowhere-to-be-found", None, None, 0),
    ],
)
def test_a_page_of_many_reads_what_it_shows(
    client: httpx.Client, reads: Counter[str], address: str, first: str | None, last: str | None, count: int
) -> None:
    found = names(client.get(address))
    assert len(found) == count
    if first is not None:
        assert (found[0], found[-1]) == (first, last)
    assert max(reads.values(), default=0) <= READS, reads


def test_all_of_them_are_on_the_pages_that_lead_to_each_other(client: httpx.Client) -> None:
    address: str | None = "/?sort=name"
    seen: list[str] = []
    while address:
        answer = client.get(address)
        seen += names(answer)
        onward = re.search(r'<a href="([^"]*)" rel="next">', answer.text)
        address = unescape(onward[1]) if onward else None
    assert seen == [name(number) for number in range(MODELS)]


@pytest.mark.parametrize("path", ["/models/model-0500", "/models/model-0500/versions/1", "/activity", "/requests"])
def test_other_pages_of_a_registry_with_many_models_read_what_they_show(
    client: httpx.Client, reads: Counter[str], path: str
) -> None:
    assert client.get(path).status_code == 200
    assert max(reads.values(), default=0) <= READS, reads
