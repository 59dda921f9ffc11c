"""Who sits at the browser: tokens make sessions, cookies keep them, and forms prove their page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from registry_git.app import now
from registry_git.server.accounts import AccountFile
from registry_git.server.identity import Door
from registry_git.server.pages.assets import ASSETS, asset
from registry_git.server.pages.links import here, present
from registry_git.server.pages.sessions import Sessions
from registry_git.server.permissions import Permission
from tests.pages_scene import Site, new_token, proof, reader, site
from tests.registry_scene import new_registry
from tests.server_scene import serving, settings_of


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    place = tmp_path_factory.mktemp("pages") / "models.git"
    new_registry(place, versions=2)
    with site(place) as found:
        yield found


def attempt(client: httpx.Client, token: str, after: str = "/") -> httpx.Response:
    return client.post("/sign-in", data={"csrf": proof(client.get("/sign-in")), "token": token, "next": after})


def test_who_has_not_signed_in_is_led_to_the_form_and_back(shop: Site) -> None:
    with reader(shop) as client:
        away = client.get("/?at=main")
        assert (away.status_code, away.headers["location"]) == (303, "/sign-in?next=%2F%3Fat%3Dmain")
        form = client.get(away.headers["location"])
        assert 'name="next" value="/?at=main"' in form.text
        back = attempt(client, shop.tokens["alice"], "/?at=main")
        assert (back.status_code, back.headers["location"]) == (303, "/?at=main")
        assert client.get("/").status_code == 200


def test_the_cookies_cannot_be_read_by_scripts_nor_sent_by_other_sites_and_do_not_hold_the_token(shop: Site) -> None:
    with reader(shop) as client:
        cookies = attempt(client, shop.tokens["alice"]).headers.get_list("set-cookie")
        assert len(cookies) == 2
        for cookie in cookies:
            assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
            assert shop.tokens["alice"].rpartition("_")[2] not in cookie


def test_behind_tls_the_cookies_are_bound_to_it(shop: Site) -> None:
    door = Door(AccountFile(settings_of(shop.place).accounts), owner=None, clock=now)
    sessions = Sessions(settings_of(shop.place).accounts, door, secure=True)
    cookie = sessions.known(sessions.visitor({}))
    assert cookie.startswith("__Host-")
    assert cookie.endswith("; Secure")


@pytest.mark.parametrize("token", ["", "rgt_nobody_nothing", "x" * 5000, "né", "rgt_" + "\0"])
def test_a_token_that_is_not_known_makes_no_session(shop: Site, token: str) -> None:
    with reader(shop) as client:
        refused = attempt(client, token)
        assert refused.status_code == 401
        assert 'role="alert"' in refused.text
        assert client.get("/").status_code == 303


def test_after_a_refused_token_the_next_one_still_leads_where_somebody_wanted_to_go(shop: Site) -> None:
    with reader(shop) as client:
        again = attempt(client, "rgt_wrong_wrong", "/models/fraud?at=main")
        assert again.status_code == 401
        assert 'name="next" value="/models/fraud?at=main"' in again.text


def test_who_guesses_tokens_has_to_wait(tmp_path: Path) -> None:
    new_registry(tmp_path / "models.git", versions=1)
    with site(tmp_path / "models.git") as guessed, reader(guessed) as client:
        answers = [attempt(client, f"rgt_abcdef_{number}").status_code for number in range(15)]
    assert answers[:5] == [401] * 5
    assert answers[-1] == 429


def test_a_session_ends_with_its_token(shop: Site) -> None:
    token = new_token(shop.place, "alice")
    with reader(shop) as client:
        attempt(client, token)
        assert client.get("/").status_code == 200
        AccountFile(settings_of(shop.place).accounts).revoke(token.split("_")[1])
        assert client.get("/").status_code == 303


def test_an_expired_token_makes_no_session(shop: Site) -> None:
    with reader(shop) as client:
        refused = attempt(client, new_token(shop.place, "alice", expires=int(now()) - 1))
        assert refused.status_code == 401
        assert "has expired" in refused.text


def test_a_session_outlives_the_server(tmp_path: Path) -> None:
    place = tmp_path / "models.git"
    new_registry(place, versions=1)
    with site(place) as first, reader(first, "alice") as client:
        cookies = dict(client.cookies)
    with serving(settings_of(place)) as second:
        second.cookies.update(cookies)
        assert second.get("/").status_code == 200


def test_a_cookie_that_somebody_made_up_is_nobody(shop: Site) -> None:
    for value in ("", "abc", "WyJhIiwiYiJd.aaaa.bbbb", '"'):
        with httpx.Client(base_url=shop.url) as client:
            assert client.get("/", headers={"cookie": f"registry-git-session={value}"}).status_code == 303


def test_sign_out_ends_the_session_and_only_from_a_page_of_it(shop: Site) -> None:
    with reader(shop, "alice") as client:
        assert client.post("/sign-out", data={"csrf": "0" * 36}).status_code == 403
        assert client.get("/me").status_code == 200
        assert client.post("/sign-out", data={"csrf": proof(client.get("/me"))}).status_code == 303
        assert "You are signed out." in client.get("/sign-in").text
        assert client.get("/me").status_code == 303


def test_a_form_of_another_session_is_refused(shop: Site) -> None:
    with reader(shop, "alice") as alice, reader(shop, "bob") as bob:
        foreign = proof(bob.get("/me"))
        assert alice.post("/sign-out", data={"csrf": foreign}).status_code == 403
        assert alice.post("/sign-out").status_code == 403


def test_a_form_that_another_site_sends_is_refused(shop: Site) -> None:
    with reader(shop, "alice") as client:
        form = {"csrf": proof(client.get("/me"))}
        assert client.post("/sign-out", data=form, headers={"origin": "https://evil.example"}).status_code == 403
        assert client.post("/sign-out", data=form, headers={"sec-fetch-site": "cross-site"}).status_code == 403
        assert client.post("/sign-out", data=form, headers={"sec-fetch-site": "same-origin"}).status_code == 303


def test_what_was_said_is_said_once(shop: Site) -> None:
    with reader(shop, "bob") as client:
        assert "You are signed in as Bob" in client.get("/me").text
        assert "You are signed in as" not in client.get("/me").text


def test_a_token_for_reading_shows_pages_and_says_what_it_is_for(shop: Site) -> None:
    with reader(shop) as client:
        attempt(client, new_token(shop.place, "bob", Permission.READ))
        assert re.search(r"This session may</dt><dd>read<", client.get("/me").text)


def test_started_by_one_person_on_loopback_the_pages_need_no_session(tmp_path: Path) -> None:
    new_registry(tmp_path / "models.git", versions=1)
    with serving(settings_of(tmp_path / "models.git")) as client:
        assert "Alice" in client.get("/me").text
        assert client.post("/sign-out", data={"csrf": proof(client.get("/sign-in"))}).status_code == 303


@pytest.mark.parametrize(
    "address",
    ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "", "a", "/a\nb", "///x"],
)
def test_after_signing_in_nobody_is_sent_elsewhere(address: str) -> None:
    assert here(address) == "/"


def test_addresses_of_the_past_lead_back_to_the_present() -> None:
    assert present("/models/a%20b?at=main&q=x") == "/models/a%20b?q=x"
    assert present("/requests?at=2026-01-01") == "/requests"


def test_the_files_of_pages_are_kept_by_browsers_and_all_of_them_are_here(shop: Site) -> None:
    with reader(shop) as client:
        page = client.get("/sign-in").text
        for name in ASSETS:
            answer = client.get(asset(name))
            assert not name.endswith(".css") or f'href="{asset(name)}"' in page
            assert (answer.status_code, answer.headers["cache-control"]) == (200, "public, max-age=31536000, immutable")
        assert client.get("/static/000000000000/pages.css").status_code == 404
        assert client.get("/static/../pages.css").status_code == 404
    assert "http://" not in page
    assert "https://" not in page
    assert "style=" not in page
    assert not re.search(r"<script(?! src=)", page)


def test_a_page_of_the_past_is_marked_and_one_that_never_was_is_a_sentence(shop: Site) -> None:
    with reader(shop, "alice") as client:
        past = client.get("/?at=main")
        assert "This is the past." in past.text
        assert 'href="/">Back to the present' in past.text
        assert "This is the past." not in client.get("/").text
        wrong = client.get("/?at=nonsense")
        assert wrong.status_code in (400, 404)
        assert 'role="alert"' in wrong.text
