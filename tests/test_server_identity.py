"""Who calls: tokens that are stored as hashes, expire and are scoped; a proxy's word from its own address alone."""

from __future__ import annotations

import base64
import ipaddress
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from registry_git.core.errors import AlreadyExists, Corrupt, Invalid, NotFound, Unavailable
from registry_git.core.names import Actor
from registry_git.core.times import Timestamp
from registry_git.server.accounts import AccountFile, Token
from registry_git.server.identity import Caller, Door
from registry_git.server.permissions import MLFLOW_MOUNTS, PAGES, SCOPES, Permission, every_route
from registry_git.server.problems import Unauthenticated
from registry_git.server.settings import parse_network
from tests.cli_program import run
from tests.registry_scene import ALICE, BOB, new_registry
from tests.server_scene import code_of, serving, settings_of

HERE = "/api/v1/registry"
READ = frozenset({Permission.READ})


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("identity") / "models.git"
    new_registry(place, versions=1)
    return place


@pytest.fixture(scope="module")
def accounts(place: Path) -> AccountFile:
    file = AccountFile(settings_of(place).accounts)
    for actor in (ALICE, BOB):
        file.add(Actor.parse(actor))
    return file


@pytest.fixture(scope="module")
def client(place: Path, accounts: AccountFile) -> Iterator[httpx.Client]:
    with serving(settings_of(place)) as client:
        yield client


def token(
    accounts: AccountFile, email: str = "alice@acme.io", *, scopes: frozenset[Permission] = frozenset(SCOPES)
) -> str:
    return accounts.add_token(email, scopes=scopes, created=0, expires=None)[0]


def bearer(text: str) -> dict[str, str]:
    return {"authorization": f"Bearer {text}"}


def basic(user: str, password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_no_route_but_the_public_ones_answers_without_a_token(client: httpx.Client) -> None:
    open_ = []
    for (method, path), permission in every_route().items():
        answer = client.request(method, path.replace("{", "").replace("}", ""))
        if (method, path) in PAGES and path != "/events":
            if permission is not Permission.PUBLIC:
                assert answer.status_code == 303, path
                # a form's address leads to the page that it is on, and that to where one signs in
                ends = client.get(answer.headers["location"], follow_redirects=True)
                assert (ends.status_code, ends.url.path) == (200, "/sign-in"), path
        elif permission is Permission.PUBLIC:
            assert answer.status_code == (403 if path == "/api/v1/forge-events" else 200), path  # it wants a signature
        elif code_of(answer) != (401, "UNAUTHENTICATED"):
            open_.append((method, path))
        else:
            assert answer.headers["www-authenticate"].startswith("Bearer")
    assert open_ == []


def test_no_route_lets_a_token_in_that_lacks_its_scope(client: httpx.Client, accounts: AccountFile) -> None:
    read = bearer(token(accounts, scopes=READ))
    write = bearer(token(accounts, scopes=frozenset({Permission.READ, Permission.WRITE})))
    blind = bearer(token(accounts, scopes=frozenset({Permission.WRITE, Permission.APPROVE})))
    for (method, path), permission in every_route().items():
        headers = {Permission.READ: blind, Permission.WRITE: read, Permission.APPROVE: write}.get(permission)
        if headers is not None:
            answer = client.request(method, path.replace("{", "").replace("}", ""), headers=headers)
            if permission is Permission.READ and (method, path) in PAGES:
                assert answer.status_code in (303, 401, 403), path  # pages lead to where one signs in
            elif (method, path) in PAGES:
                assert (answer.status_code, "lacks the scope" in answer.text) == (403, True), path
            else:
                assert code_of(answer) == (403, "PERMISSION_DENIED"), path
    assert client.get(HERE, headers=read).status_code == 200
    assert len(MLFLOW_MOUNTS) == 3


def test_a_token_is_its_account_as_bearer_and_as_password(client: httpx.Client, accounts: AccountFile) -> None:
    text = token(accounts, "bob@acme.io")
    for headers in (
        bearer(text),
        basic("bob@acme.io", text),
        basic("token", text),
        basic("Bob", text),
        basic("", text),
    ):
        assert client.get(HERE, headers=headers).json()["you"] == BOB
    assert code_of(client.get(HERE, headers=basic("alice@acme.io", text))) == (401, "UNAUTHENTICATED")


def test_a_token_is_verified_slowly_once_and_a_revoked_one_is_not_known(
    client: httpx.Client, accounts: AccountFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = []
    matches = Token.matches
    monkeypatch.setattr(Token, "matches", lambda self, secret: slow.append(self.id) or matches(self, secret))
    text, made = accounts.add_token("alice@acme.io", scopes=READ, created=0, expires=None)
    for _ in range(20):
        assert client.get(HERE, headers=bearer(text)).status_code == 200
    assert slow == [made.id]
    accounts.revoke(made.id)
    assert code_of(client.get(HERE, headers=bearer(text))) == (401, "UNAUTHENTICATED")


def test_an_expired_token_is_refused_also_when_it_was_good_before(accounts: AccountFile) -> None:
    time = [Timestamp(1000)]
    door = Door(accounts, owner=None, clock=lambda: time[0])
    text, _ = accounts.add_token("alice@acme.io", scopes=READ, created=0, expires=2000)
    caller = Caller(authorization=f"Bearer {text}", user="", name="", trusted=False)
    assert door.quick(caller) is None
    assert door.identify(caller).actor == ALICE
    known = door.quick(caller)
    assert known is not None
    assert known.scopes == READ
    time[0] = Timestamp(2000)
    for look in (door.quick, door.identify):
        with pytest.raises(Unauthenticated, match="has expired"):
            look(caller)


@pytest.mark.parametrize("wrong", ["x", "rgt_", "rgt_aa_bb", "x" * 5000, "rgt_{id}_wrong", "{id}", "rgt_{id}_"])
def test_what_is_no_token_is_nobody(place: Path, accounts: AccountFile, wrong: str) -> None:
    _, made = accounts.add_token("alice@acme.io", scopes=READ, created=0, expires=None)
    with serving(settings_of(place)) as client:
        answer = client.get(HERE, headers=bearer(wrong.replace("{id}", made.id)))
        assert code_of(answer) == (401, "UNAUTHENTICATED")


def test_who_guesses_tokens_is_slowed_down_and_others_are_not(place: Path, accounts: AccountFile) -> None:
    good = token(accounts, scopes=READ)
    with serving(settings_of(place)) as client:
        client.get(HERE, headers=bearer(good))
        codes = [client.get(HERE, headers=bearer(f"{good}x{n}")).status_code for n in range(14)]
        assert codes[0] == 401
        assert codes[-1] == 429
        assert client.get(HERE, headers=bearer(good)).status_code == 200


def test_the_file_is_its_owner_s_alone_and_holds_no_token(accounts: AccountFile) -> None:
    text = token(accounts)
    assert stat.S_IMODE(os.stat(accounts.path).st_mode) == 0o600
    assert text.split("_", 2)[2] not in accounts.path.read_text()


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = AccountFile(tmp_path / "accounts.json")
    file.add(Actor.parse(ALICE))
    file.path.chmod(0o644)
    with pytest.raises(Unavailable, match="chmod 600"):
        AccountFile(file.path).accounts()
    file.path.chmod(0o600)
    file.path.write_text("{}")
    with pytest.raises(Corrupt, match="no file of accounts"):
        AccountFile(file.path).accounts()


def test_accounts_are_added_once_and_revoked_by_name(tmp_path: Path) -> None:
    file = AccountFile(tmp_path / "deep" / "accounts.json")
    file.add(Actor.parse(ALICE))
    with pytest.raises(AlreadyExists):
        file.add(Actor.parse("Other <ALICE@acme.io>"))
    with pytest.raises(NotFound):
        file.add_token("bob@acme.io", scopes=READ, created=0, expires=None)
    with pytest.raises(Invalid):
        file.add_token("alice@acme.io", scopes=frozenset(), created=0, expires=None)
    with pytest.raises(NotFound):
        file.revoke("bob@acme.io")
    assert file.revoke("alice@acme.io") == "the account alice@acme.io and its 0 tokens"
    assert file.accounts() == ()


def test_the_command_makes_a_token_that_works_and_lists_it_without_telling_it(place: Path, tmp_path: Path) -> None:
    path = str(tmp_path / "mine.json")
    made = run("user", "add", "Dave <dave@acme.io>", "--accounts", path, "--days", "0", "--note", "ci").out
    text = made.splitlines()[-1]
    with serving(settings_of(place, accounts=Path(path))) as client:
        assert client.get(HERE, headers=bearer(text)).json()["you"] == "Dave <dave@acme.io>"
        listed = run("user", "list", "--accounts", path).out
        assert "never" in listed
        assert text not in listed
        run("user", "revoke", text.split("_")[1], "--accounts", path)
        assert client.get(HERE, headers=bearer(text)).status_code == 401
    assert "no token" in run("user", "list", "--accounts", path).out


def test_a_proxy_s_word_counts_from_its_address_alone(place: Path, tmp_path: Path) -> None:
    user = {"x-forwarded-email": "Eve@acme.io", "x-forwarded-preferred-username": "Eve"}
    nobody = tmp_path / "none.json"
    here = (ipaddress.ip_network("127.0.0.1"),)
    with serving(settings_of(place, accounts=nobody, proxies=here)) as client:
        assert client.get(HERE, headers=user).json()["you"] == "Eve <Eve@acme.io>"
        assert client.get(HERE, headers={"x-forwarded-email": "bad <x>"}).status_code == 401
        assert client.get(HERE).status_code == 401
    with serving(settings_of(place, accounts=nobody, proxies=(parse_network("10.0.0.0/8"),))) as client:
        assert client.get(HERE, headers=user).status_code == 401
    with pytest.raises(Invalid):
        parse_network("10.0.0.0/99")


def test_on_loopback_without_accounts_it_is_the_owner_until_there_are_some(place: Path, tmp_path: Path) -> None:
    later = AccountFile(tmp_path / "later.json")
    with serving(settings_of(place, accounts=later.path)) as client:
        assert client.get(HERE).json()["you"] == ALICE
        assert client.get(HERE, headers=bearer("anything")).json()["you"] == ALICE
        later.add(Actor.parse(BOB))
        assert client.get(HERE).status_code == 401
