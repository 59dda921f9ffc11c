"""Two versions side by side."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import httpx
import pytest

import registry_git
from registry_git.registry.facade import Registry
from registry_git.server.pages.comparing import CHANGED, ONLY_LEFT, ONLY_RIGHT, SAME, difference, side_by_side
from tests.registry_scene import ALICE
from tests.version_scene import fill_shop


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("shop") / "models.git"
    fill_shop(place)
    return place


@pytest.fixture
def registry(place: Path) -> Registry:
    return registry_git.open(place, actor=ALICE, durable=False)


def rows_of(page: str, section: str) -> list[list[str]]:
    """The cells of each row of a section's table."""
    part = page.partition(f">{section}</h2>")[2].partition("</section>")[0]
    body = part.partition("<tbody>")[2]
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", body, re.DOTALL)
    cells = (re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows)
    return [[unescape(" ".join(re.sub(r"<[^>]+>", " ", cell).split())) for cell in row] for row in cells]


@pytest.mark.parametrize(
    ("left", "right", "said"),
    [(0.91, 0.934, "+0.024"), (3, 1, "−2"), (1, 1, "0"), (0.1, 0.1, "0"), (1e-9, 2e-9, "+1e-09"), (5, 1e6, "+999995")],
)
def test_a_difference_has_a_sign(left: float, right: float, said: str) -> None:
    assert difference(left, right) == said


def test_every_row_says_how_it_differs(registry: Registry) -> None:
    sections = side_by_side(registry.version("fraud", 1), registry.version("fraud", 4))
    rows = {section.title: {row.name: row.change for row in section.rows} for section in sections}
    assert rows["Metrics"] == {"auc": CHANGED, "loss": ONLY_RIGHT, "rows": CHANGED}
    assert rows["Tags"] == {"framework": ONLY_RIGHT, "team": ONLY_LEFT}
    assert rows["Facts"]["Status"] == SAME
    assert rows["Facts"]["Digest"] == ONLY_RIGHT
    assert rows["Lineage"]["Run"] == ONLY_RIGHT
    assert rows["Signature"]["inputs: amount"] == ONLY_RIGHT


def test_sections_of_which_neither_has_anything_are_left_out(registry: Registry) -> None:
    same = side_by_side(registry.version("fraud", 1), registry.version("fraud", 2))
    assert [section.title for section in same] == ["Metrics", "Tags", "Facts"]
    assert same[1].differing == 0
    assert same[1].shown(only_differences=True) == ()


def test_a_tag_that_is_a_number_on_one_side_only_is_no_difference_of_numbers(registry: Registry) -> None:
    registry.register("words", "s3://acme/words/1", tags={"size": "10"})
    registry.register("words", "s3://acme/words/2", tags={"size": "big"})
    (row,) = side_by_side(registry.version("words", 1), registry.version("words", 2))[0].rows
    assert (row.left, row.right, row.difference, row.change) == ("10", "big", "", CHANGED)


def test_the_page_shows_both_with_the_difference_of_numbers_in_words_and_signs(client: httpx.Client) -> None:
    page = client.get("/compare", params={"left": "fraud/Production", "right": "fraud/4"}).text
    assert "<h1>fraud v3 and v4</h1>" in page
    assert rows_of(page, "Metrics") == [
        ["auc", "0.91", "0.934", "+0.024", "≠ differs"],
        ["loss", "—", "1e-3", "", "only v4"],
        ["rows", "120000", "180000", "+60000", "≠ differs"],
    ]
    assert rows_of(page, "Tags") == [["framework", "—", "sklearn", "only v4"], ["team", "risk", "—", "only v3"]]
    assert ["Run", "—", "clever-shark-7", "only v4"] in rows_of(page, "Lineage")
    assert ["inputs: amount", "—", "double", "only v4"] in rows_of(page, "Signature")
    assert ["Status", "READY", "READY", "same"] in rows_of(page, "Facts")


def test_only_differences_is_an_address(client: httpx.Client) -> None:
    page = client.get("/compare", params={"left": "fraud/1", "right": "fraud/2", "only": "differences"}).text
    assert rows_of(page, "Metrics") == [["auc", "0.87", "0.89", "+0.02", "≠ differs"]]
    assert "Nothing differs here." in page
    assert 'href="/compare?left=fraud%2F1&amp;right=fraud%2F2">Show everything</a>' in page
    assert 'href="/compare?left=fraud%2F2&amp;right=fraud%2F1&amp;only=differences">Swap</a>' in page


def test_references_by_stage_and_alias_and_other_models_are_taken(client: httpx.Client, registry: Registry) -> None:
    registry.register("churn", "s3://acme/churn/1")
    page = client.get("/compare", params={"left": "fraud@champion", "right": "churn/latest"}).text
    assert "<h1>fraud v3 and churn v1</h1>" in page
    offered = re.findall(r'<option value="(.*?)">', page)
    assert offered[-1] == "churn/1"
    assert offered[:-1] == ["fraud/Staging", "fraud/Production", "fraud@challenger", "fraud@champion"] + [
        f"fraud/{number}" for number in (4, 3, 2, 1)
    ]


def test_what_names_nothing_is_said_beside_what_was_typed(client: httpx.Client) -> None:
    answer = client.get("/compare", params={"left": "fraud/99", "right": "fraud/Prodution"})
    page = unescape(answer.text)
    assert answer.status_code == 404
    assert "v99 of fraud does not exist." in page
    assert "This registry has no stage 'Prodution'." in page
    assert 'value="fraud/99"' in page
    assert "<table" not in page


def test_without_anything_to_compare_it_says_how_to_name_versions(client: httpx.Client) -> None:
    answer = client.get("/compare")
    assert answer.status_code == 200
    assert "<code>fraud@champion</code>" in answer.text
    half = client.get("/compare", params={"left": "fraud/4"}).text
    assert '<option value="fraud/Production">' in half  # what could be meant on the other side


def test_a_version_beside_itself_is_said_to_be_one(client: httpx.Client) -> None:
    page = client.get("/compare", params={"left": "fraud/4", "right": "fraud@challenger"}).text
    assert "Both are the same version." in page


def test_the_past_can_be_compared(client: httpx.Client, registry: Registry) -> None:
    moved = next(one for one in registry.activity("fraud", 3) if one.activity_type == "APPLIED_TRANSITION")
    page = client.get("/compare", params={"left": "fraud/Production", "right": "fraud/4", "at": moved.commit}).text
    assert "This is the past." in page
    assert ["Stages", "Production", "—", "only v3"] in rows_of(page, "Facts")
    assert f'<input type="hidden" name="at" value="{moved.commit}">' in page
