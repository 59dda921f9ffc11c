"""What goes wrong is a page for people and JSON for programs, each with the same status and sentence."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from registry_git.core.errors import Corrupt, Unavailable
from registry_git.server.call import Call
from registry_git.server.pages import serving
from registry_git.server.pages.page import Asked, Page, Pages
from registry_git.server.permissions import Permission
from tests.pages_scene import Site, new_token, proof, reader, site
from tests.registry_scene import new_registry
from tests.server_scene import code_of

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
HTMX = {"accept": "*/*", "hx-request": "true"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    place = tmp_path_factory.mktemp("pages") / "models.git"
    new_registry(place, versions=1)
    with site(place) as found:
        yield found


def sentence(answer: httpx.Response) -> str:
    """What the page says in its one alert."""
    assert answer.headers["content-type"].startswith("text/html")
    said = re.findall(r'role="alert">([^<]*)<', answer.text)
    assert len(said) == 1, answer.text
    return str(said[0])


@pytest.mark.parametrize("headers", [BROWSER, HTMX])
@pytest.mark.parametrize("path", ["/nowhere", "/models/fraud/nowhere/at/all", "/api/v1/nowhere"])
def test_a_path_that_is_none_is_a_page_in_the_layout_for_browsers(
    shop: Site, path: str, headers: dict[str, str]
) -> None:
    with reader(shop, "alice") as client:
        answer = client.get(path, headers=headers)
        assert answer.status_code == 404
        assert sentence(answer) == f"There is no page at {path}."
        assert '<nav aria-label="Main">' in answer.text
        assert "Alice" in answer.text
        assert "<title>This is not here · registry-git</title>" in answer.text
    with reader(shop) as nobody:
        answer = nobody.get(path, headers=headers)
        assert (answer.status_code, "Alice" in answer.text) == (404, False)


def test_what_a_path_says_is_text_on_its_page(shop: Site) -> None:
    with reader(shop, "alice") as client:
        answer = client.get("/<script>alert(1)</script>", headers=BROWSER)
        assert answer.status_code == 404
        assert "<script>alert" not in answer.text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in answer.text


@pytest.mark.parametrize("accept", ["*/*", "application/json"])
def test_programs_get_json_for_a_path_that_is_none(shop: Site, accept: str) -> None:
    with reader(shop, "alice") as client:
        assert code_of(client.get("/nowhere", headers={"accept": accept})) == (404, "ENDPOINT_NOT_FOUND")
        assert code_of(client.put("/", headers={"accept": accept})) == (405, "ENDPOINT_NOT_FOUND")


def test_what_an_address_does_not_take_is_said_to_browsers_too(shop: Site) -> None:
    with reader(shop, "alice") as client:
        answer = client.post("/me", headers=BROWSER)
        assert (answer.status_code, sentence(answer)) == (405, "Nothing can be sent to /me.")


def test_what_the_guard_refuses_is_a_page_of_its_own_for_browsers(shop: Site) -> None:
    with reader(shop, "alice") as client:
        other = client.get("/", headers={**BROWSER, "host": "evil.example"})
        assert (other.status_code, sentence(other)) == (403, "This server is not called &#39;evil.example&#39;.")
        assert "serve --allow-host NAME" in other.text
        assert code_of(client.get("/", headers={"host": "evil.example"})) == (403, "PERMISSION_DENIED")
        form = {"csrf": proof(client.get("/me"))}
        foreign = client.post("/sign-out", data=form, headers={**BROWSER, "origin": "https://evil.example"})
        assert (foreign.status_code, sentence(foreign)) == (
            403,
            "A page of another origin may not change anything here.",
        )
        assert "content-security-policy" in foreign.headers


def test_who_asks_too_often_reads_when_to_try_again(tmp_path: Path) -> None:
    new_registry(tmp_path / "models.git", versions=1)
    with (
        site(tmp_path / "models.git", per_second=0.001) as slow,
        httpx.Client(base_url=slow.url, headers=BROWSER) as client,
    ):
        assert client.get("/sign-in").status_code == 200
        last = client.get("/sign-in")
    assert (last.status_code, sentence(last)) == (429, "Too many requests.")
    assert re.search(r"Try again in \d+ s\.", last.text)
    assert last.headers["retry-after"].isdigit()


def first_page(run: Callable[[Call, Asked], Page], permission: Permission = Permission.READ) -> tuple[Pages, ...]:
    """The collections of pages with another first page."""
    made = []
    for collection in serving.COLLECTIONS:
        copy = Pages()
        copy.posted = collection.posted
        copy.shown = [
            replace(one, run=run, takes=Asked, permission=permission) if one.path == "/" else one
            for one in collection.shown
        ]
        made.append(copy)
    return tuple(made)


def raises(error: Exception) -> Callable[[Call, Asked], Page]:
    def run(call: Call, asked: Asked) -> Page:
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (ValueError("a secret of the server's"), 500, "Something went wrong that the server did not expect"),
        (Corrupt("The file is torn.", hint="Run doctor."), 500, "The file is torn."),
        (Unavailable("The disk is full."), 503, "The disk is full."),
    ],
)
def test_a_page_that_fails_says_so_on_a_page_and_tells_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, said: str
) -> None:
    new_registry(tmp_path / "models.git", versions=1)
    monkeypatch.setattr(serving, "COLLECTIONS", first_page(raises(error)))
    with site(tmp_path / "models.git") as failing, reader(failing, "alice") as client:
        answer = client.get("/", headers=BROWSER)
        assert answer.status_code == status
        assert sentence(answer).startswith(said)
        assert "secret" not in answer.text
        assert '<nav aria-label="Main">' in answer.text
        assert client.get("/me").status_code == 200


def test_a_token_that_is_for_less_is_a_refusal_on_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new_registry(tmp_path / "models.git", versions=1)
    monkeypatch.setattr(serving, "COLLECTIONS", first_page(raises(AssertionError()), Permission.WRITE))
    with site(tmp_path / "models.git") as shut, reader(shut) as client:
        token = new_token(shut.place, "alice", Permission.READ)
        answer = client.get("/", headers={**BROWSER, "authorization": f"Bearer {token}"})
    assert answer.status_code == 403
    assert "write" in sentence(answer)
