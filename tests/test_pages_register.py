"""The form that registers: a version of a model that there is, of a new one, or a model alone."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

import registry_git
from registry_git.core.errors import Invalid
from registry_git.registry.facade import Registry
from registry_git.server.pages.register import read_tags
from registry_git.server.permissions import Permission
from tests.pages_scene import NARROW, Site, barriers, led, new_token, proof, reader, too_wide, window
from tests.registry_scene import ALICE, LEADS, new_registry

DIGEST = "sha256:" + "0123456789abcdef" * 4
RULES = """rules:
- on: register
  models: ["secret*"]
  by: [ml-leads]
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("pages") / "models.git"
    as_ = new_registry(place, versions=3, roles=LEADS, rules=RULES)
    for name in ("churn", "frauds-of-old", "odd 100% name"):
        as_(ALICE).create_model(name)
    return place


@pytest.fixture
def registry(place: Path) -> Registry:
    return registry_git.open(place, actor=ALICE)


def send(client: httpx.Client, **fields: str) -> httpx.Response:
    return client.post("/register", data={"csrf": proof(client.get("/register")), **fields})


def test_a_version_of_a_model_is_registered_with_all_that_is_said_of_it(
    client: httpx.Client, registry: Registry
) -> None:
    answer = send(
        client,
        model=" fraud ",
        source="s3://acme/fraud/4 ",
        description="Better\r\nthan before",
        tags="auc=0.94\r\n\r\nnote = a = b\r\n",
        digest=DIGEST,
        run_id="0a1b2c",
        comment="weekly",
    )
    assert led(client, answer) == ("/models/fraud/versions/4", "fraud v4 is registered.")
    view = registry.version("fraud", 4)
    assert (view.source, view.digest, view.description) == ("s3://acme/fraud/4", DIGEST, "Better\nthan before")
    assert view.tags == {"auc": "0.94", "note": "a = b"}
    assert view.manifest.lineage.run_id == "0a1b2c"
    assert view.created_by == ALICE
    assert registry.activity("fraud", 4)[-1].comment == "weekly"


def test_a_new_name_creates_the_model_with_its_first_version(client: httpx.Client, registry: Registry) -> None:
    answer = send(client, model="brand new", source="/nowhere/at/all")
    assert led(client, answer) == ("/models/brand%20new/versions/1", "The model brand new is created, with v1.")
    assert registry.version("brand new", 1).source == "/nowhere/at/all"


def test_without_a_source_a_model_is_created_without_versions(client: httpx.Client, registry: Registry) -> None:
    answer = send(client, model="later", description="To come", tags="team=risk", comment="soon")
    assert led(client, answer) == ("/models/later", "The model later is created; it has no version yet.")
    view = registry.model("later")
    assert registry.activity("later")[-1].comment == "soon"
    assert (view.versions, view.description, view.tags) == (0, "To come", {"team": "risk"})


@pytest.mark.parametrize(
    ("fields", "status", "sentence"),
    [
        ({"model": "fraud"}, 400, "A version needs the source of its files."),
        ({"model": "other", "run_id": "abc"}, 400, "A version needs the source of its files."),
        ({"model": "fraud", "source": "s3://x", "digest": "md5:xyz"}, 400, "is no digest."),
        ({"model": "a/b", "source": "s3://x"}, 400, "/"),
        ({"model": "", "source": "s3://x"}, 400, "The model name is empty."),
        ({"model": "secret-1", "source": "s3://x"}, 403, "alice@acme.io is not in ml-leads"),
        ({"model": "fraud", "source": "s3://x", "tags": "a=1\nauc"}, 400, "Line 2 of the tags"),
        ({"model": "fraud", "source": "s3://x", "tags": "a*b=1"}, 400, "is no tag key."),
    ],
)
def test_what_is_refused_is_said_and_all_that_was_typed_stays(
    client: httpx.Client, place: Path, fields: dict[str, str], status: int, sentence: str
) -> None:
    before = registry_git.open(place, actor=ALICE).commit
    answer = send(client, description="took <long>", comment="why not", **fields)
    assert answer.status_code == status
    assert 'role="alert"' in answer.text
    assert sentence in answer.text.replace("&#39;", "'")
    assert ">took &lt;long&gt;</textarea>" in answer.text
    assert ">why not</textarea>" in answer.text
    for name in {"model", "source", "digest", "run_id"} & fields.keys():
        assert re.search(rf'name="{name}"[^>]*value="{re.escape(fields[name])}"', answer.text)
    assert registry_git.open(place, actor=ALICE).commit == before


def test_the_address_fills_in_the_model(client: httpx.Client) -> None:
    assert re.search(r'name="model"[^>]*value="fraud"', client.get("/register?model=fraud").text)


def test_names_that_begin_to_look_like_it_are_offered(client: httpx.Client) -> None:
    def offered(typed: str) -> list[str]:
        return re.findall(r'<option value="([^"]*)">', client.get("/register", params={"model": typed}).text)

    assert {"fraud", "frauds-of-old"} <= set(offered("FRAU"))
    assert offered("100%") == ["odd 100% name"]
    assert offered("o'brien") == []
    assert "churn" in offered("")
    assert offered("x" * 3000) == []


def test_nothing_is_registered_in_the_past_nor_with_a_token_that_reads(client: httpx.Client, shop: Site) -> None:
    answer = client.get("/register?model=fraud&at=main")
    assert (answer.status_code, answer.headers["location"]) == (303, "/register?model=fraud")
    tokens = {"alice": new_token(shop.place, "alice", Permission.READ)}
    with reader(Site(url=shop.url, place=shop.place, tokens=tokens), "alice") as limited:
        page = limited.get("/register")
        assert "This session may only read" in page.text
        assert 'method="post" action="/register"' not in page.text
        assert limited.post("/register", data={"csrf": proof(page), "model": "x"}).status_code == 403


def test_tags_are_lines_of_key_and_value() -> None:
    assert read_tags("") == {}
    assert read_tags("a=1\n b c = x=y \n\nempty=") == {"a": "1", "b c": "x=y", "empty": ""}
    with pytest.raises(Invalid, match="again"):
        read_tags("a=1\na=2")


def test_a_digest_that_is_said_must_be_that_of_the_files(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"weights")
    with pytest.raises(Invalid, match="The files have the digest"):
        registry.register("churn", str(tmp_path / "model.bin"), digest=DIGEST)
    known = registry.register("churn", str(tmp_path / "model.bin")).digest
    assert registry.register("churn", str(tmp_path / "model.bin"), digest=known).digest == known


def test_it_is_filled_in_by_hand(shop: Site, browser: Browser) -> None:
    with window(browser, shop, "alice", width=NARROW, scheme="dark") as alice:
        page = alice.go("/register")
        assert barriers(page) == []
        assert not too_wide(page)
        page.get_by_label("Model").press_sequentially("frauds", delay=20)
        expect(page.locator("#known-models option")).to_have_count(1)
        page.get_by_label("Model").fill("frauds-of-old")
        page.get_by_label("Source").fill("s3://acme/old/1")
        page.get_by_role("button", name="Register").click()
        expect(page.get_by_text("frauds-of-old v1 is registered.")).to_be_visible()
    with window(browser, shop, "alice", javascript=False) as alice:
        page = alice.go("/register?model=fraud")
        assert page.locator("#known-models option").count() >= 1
        page.get_by_label("Source").fill("s3://acme/plain")
        page.get_by_role("button", name="Register").click()
        expect(page.locator("#said")).to_contain_text("is registered.")
