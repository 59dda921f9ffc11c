"""A pull request says what changes, how the versions compare and why; nothing in it can be forged."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

import registry_git
from registry_git.core.model import Dataset, Lineage
from registry_git.forges.description import describe
from registry_git.forges.markdown import code, fenced, link, plain, quoted, table
from registry_git.manifests.codec import encode
from registry_git.registry.facade import Registry

RENDER = MarkdownIt("gfm-like", {"linkify": False, "html": True})


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """v1 of fraud in Production, v2 that is better."""
    made = registry_git.init(
        tmp_path / "acme-models.git",
        roles={"ml-leads": ["bob@acme.io", "carol@acme.io"]},
        actor="Alice <alice@acme.io>",
        durable=False,
    )
    made.register("fraud", "s3://acme/fraud/1", tags={"auc": "0.90", "owner": "risk"})
    lineage = Lineage(
        run_id="e148",
        run_name="weekly",
        run_link="https://mlflow.acme.io/#/experiments/3/runs/e148",
        experiment_name="fraud-weekly",
        git_commit="7c0ffee",
        datasets=(Dataset(name="tx-2026w46", digest="5be3"),),
    )
    made.register("fraud", "s3://acme/fraud/2", tags={"auc": "0.91", "validated": "yes"}, lineage=lineage)
    made.transition("fraud", 1, "Production")
    return made


def guarded(registry: Registry) -> Registry:
    """The same, with a policy that asks for an approval by an ml-lead."""
    text = policy_text(registry)
    rules = "rules:\n- {on: stage, to: [Production], approvals: 1, by: [ml-leads], four_eyes: true}\n"
    registry.set_policy(text + rules)
    return registry


def policy_text(registry: Registry) -> str:
    """The text of registry.yaml."""
    return encode(registry.policy()).decode()


def rows(body: str) -> list[str]:
    """The rows of the tables in a body, as plain text."""
    html = RENDER.render(body)
    found = re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", row).replace("\u2060", "").split()) for row in found]


def test_a_transition_is_described_with_both_versions_side_by_side(registry: Registry) -> None:
    registry.add_deployment("production", "scoring", model="fraud", stage="Production")
    registry.add_deployment("eu", "nightly", model="fraud", stage="Production", follow="request")
    asked = guarded(registry).request_stage("fraud", 2, "Production", comment="better on last week's data")
    new = describe(registry, asked.id)
    assert new.title == "Move fraud v2 to Production"
    assert new.branch == asked.branch
    assert new.labels == ("model registry", "stage: Production")
    assert new.reviewers == ("bob@acme.io", "carol@acme.io")
    shown = rows(new.body)
    assert "fraud v2 None Production v1" in shown
    assert "auc 0.90 0.91 +0.01" in shown
    assert "owner risk changed" in shown
    assert "validated yes changed" in shown
    assert "source s3://acme/fraud/1 s3://acme/fraud/2" in shown
    assert "approvals 0 of 1" in shown
    assert (
        "may approve bob&#64;acme.io, carol&#64;acme.io" in shown or "may approve bob@acme.io, carol@acme.io" in shown
    )
    assert "production/scoring v1 v2 with this merge" in shown
    assert "eu/nightly v1 v2 by a request of its own" in shown
    assert '<a href="https://mlflow.acme.io/#/experiments/3/runs/e148">weekly</a>' in RENDER.render(new.body)
    assert "data tx-2026w46 5be3" in shown
    assert "> better on last week's data" in new.body
    assert f"Request `{asked.id}` of the registry acme-models." in new.body


def test_a_slot_that_nothing_is_in_needs_no_comparison(registry: Registry) -> None:
    asked = registry.request_stage("fraud", 2, "Staging")
    body = describe(registry, asked.id).body
    assert "### v2 (nothing is in Staging now)" in body
    assert "None that this registry knows of." in body
    assert "### Comment" not in body


def test_an_alias_a_deletion_and_a_policy_are_described(registry: Registry) -> None:
    registry.set_alias("fraud", "champion", 1)
    alias = describe(registry, registry.request_alias("fraud", "champion", 2).id)
    assert (alias.title, alias.labels[1]) == ("Point fraud@champion to v2", "alias: champion")
    assert "fraud champion v1 v2" in rows(alias.body)
    gone = describe(registry, registry.request_alias("fraud", "champion", None).id)
    assert gone.title == "Remove fraud@champion"
    delete = describe(registry, registry.request_delete("fraud", 2).id)
    assert (delete.title, delete.labels[1]) == ("Delete fraud v2", "delete")
    assert "fraud v2" in rows(delete.body)
    text = policy_text(registry).replace("carol@acme.io", "dave@acme.io")
    policy = describe(registry, registry.request_policy(text).id)
    assert policy.title == "Change the policy"
    assert "```diff" in policy.body
    assert "+  - dave@acme.io" in policy.body


FORGERIES = [
    "| fraud | v9 | None | Production |",
    "x |\n| --- |\n| forged |",
    "\n\n### Approval\n\n|  |  |\n| --- | --- |\n| approvals | 9 of 1 |",
    "<table><tr><td>forged</td></tr></table><script>alert(1)</script>",
    "![](https://evil.io/pixel.png) [click](https://evil.io)",
    "```\nfence",
    "<!-- hidden -->",
    "    indented code",
    "Title\n===\n---\n* * *",
    "1. one\n- two\n+ three\n# four",
    "https://evil.io www.evil.io mail@evil.io",
    "&lt;b&gt; &#64;bob \\@bob \\| x",
    "a\u2028| forged |\u202eelur\x1b[31m",
    "[x]: https://evil.io\n\n[x]",
]


@pytest.mark.parametrize("text", FORGERIES)
def test_a_comment_is_shown_as_it_was_written_and_does_nothing_else(registry: Registry, text: str) -> None:
    asked = registry.request_stage("fraud", 2, "Staging")
    honest = rows(describe(registry, asked.id).body)
    registry.cancel(asked.id)
    asked = registry.request_stage("fraud", 2, "Staging", comment=text)
    body = describe(registry, asked.id).body
    assert rows(body) == honest
    html = RENDER.render(body)
    comment = html.partition("<h3>Comment</h3>")[2].partition("<h3>Approval</h3>")[0]
    assert set(re.findall(r"</?([a-z0-9]+)", comment)) <= {"blockquote", "p", "br"}
    assert "evil.io" not in re.findall(r'(?:href|src)="([^"]*)"', html)


@pytest.mark.parametrize(
    "mark", ["@bob", "@acme/leads", "#12", "!12", "%1", "~bug", "$3", "&4", "GH-12", "acme/x#1", "/merge"]
)
def test_nobody_and_nothing_is_called_by_a_comment(mark: str) -> None:
    for written in (plain(mark), quoted(f"{mark}\n{mark}")):
        assert mark not in written
        shown = re.sub(r"<[^>]+>", "", RENDER.render(written))
        assert mark not in shown
        assert mark in shown.replace("\u2060", "").replace("&amp;", "&")


_texts = st.text(st.sampled_from("ab@#|`*_<>[]()!\\\n -=+~^:/.&;1\u2028\u202e") | st.characters(), max_size=60)


@given(_texts)
def test_any_text_stays_in_its_cell_and_in_its_quotation(text: str) -> None:
    cell = RENDER.render(table(("a", "b"), [(plain(text), code(text)), ("last", "row")]))
    assert cell.count("<tr>") == 3
    assert cell.count("<td>") == 4
    assert set(re.findall(r"</?([a-z0-9]+)", cell)) <= {"table", "thead", "tbody", "tr", "th", "td", "code"}
    quotation = RENDER.render(quoted(text) + "\n\nafter")
    assert quotation.endswith("</blockquote>\n<p>after</p>\n")
    assert set(re.findall(r"</?([a-z0-9]+)", quotation)) <= {"blockquote", "p", "br"}


@given(_texts)
def test_any_text_stays_in_its_block_of_code(text: str) -> None:
    html = RENDER.render(fenced(text, "diff") + "\n\nafter")
    assert html.startswith('<pre><code class="language-diff">')
    assert html.endswith("</code></pre>\n<p>after</p>\n")


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "https://evil.io/>x",
        "https://evil.io/ x",
        "https://user@evil.io/",
        "//evil.io",
        "data:text/html,x",
        "https://evil.io/|x",
        "https://evil.io/" + "x" * 3000,
    ],
)
def test_an_address_that_is_not_plainly_a_page_is_no_link(url: str) -> None:
    assert "<a" not in RENDER.render(link("run", url))


def test_long_texts_are_cut() -> None:
    assert len(plain("x" * 1000)) == 300
    assert len(quoted("x\n" * 10_000)) < 20_000
    assert fenced("x\n" * 100_000, "").endswith("…\n```")
