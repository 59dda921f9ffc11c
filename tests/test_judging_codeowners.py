"""CODEOWNERS out of the policy, for each forge that has one."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_git.core.errors import Invalid
from registry_git.core.model import ModelKey
from registry_git.core.names import ModelName
from registry_git.manifests.layout import Layout, path_of
from registry_git.manifests.policy_text import parse_policy
from registry_git.registry.codeowners import codeowners, model_pattern
from tests.cli_program import new_registry, run

HEAD = """\
apiVersion: registry-git.dev/v1
kind: Registry
name: acme
layout: flat
stages:
- {name: Staging}
- {name: Pre Prod}
- {name: Production}
roles:
  leads: [bob@acme.io, carol@acme.io]
  risk: [dave@acme.io]
rules:
- {on: stage, to: [Production], approvals: 2, by: [leads], four_eyes: true}
- {on: stage, to: [Pre Prod], models: ["risk-*"], approvals: 1, by: [risk]}
- {on: alias, to: [champion], approvals: 1, by: [risk, leads]}
- {on: policy, approvals: 1, by: [leads]}
- {on: alias, to: [shadow], approvals: 1}
- {on: deployment, to: [prod eu], approvals: 1, by: [risk]}
- {on: deployment, approvals: 1, by: [leads]}
"""
FORGE = """\
forge:
  kind: gitea
  url: https://git.acme.io
  repository: ml/models
  people: {bobby: bob@acme.io}
"""


def lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line and not line.startswith("#")]


def test_who_may_edit_every_model_owns_what_is_deployed_from() -> None:
    found = lines(codeowners(parse_policy(f"{HEAD}- {{on: edit, by: [leads]}}\n")))
    assert "/deploy/ bob@acme.io carol@acme.io" in found
    assert "/templates/ bob@acme.io carol@acme.io" in found
    some = lines(codeowners(parse_policy(f"{HEAD}- {{on: edit, by: [leads], models: [fraud]}}\n")))
    assert not any(line.startswith(("/deploy/", "/templates/")) for line in some)


def test_github_gets_a_line_for_each_slot() -> None:
    found = lines(codeowners(parse_policy(HEAD)))
    assert "/models/*/stages/Production/ bob@acme.io carol@acme.io" in found
    assert "/models/risk-*/stages/Pre%20Prod/ dave@acme.io" in found
    assert "/models/*/aliases/champion/ dave@acme.io bob@acme.io carol@acme.io" in found
    assert "/deployments/prod%20eu/ dave@acme.io" in found
    assert found.index("/deployments/ bob@acme.io carol@acme.io") < found.index("/deployments/prod%20eu/ dave@acme.io")
    assert "/registry.yaml bob@acme.io carol@acme.io" in found
    assert "/CODEOWNERS bob@acme.io carol@acme.io" in found
    assert not any("shadow" in line for line in found)  # a rule without roles owns nothing


def test_gitlab_gets_a_section_for_each_rule_with_its_number_of_approvals() -> None:
    found = lines(codeowners(parse_policy(HEAD), "gitlab"))
    assert "[1 rule on stage to Production for *][2] bob@acme.io carol@acme.io" in found
    assert found[found.index("[1 rule on stage to Production for *][2] bob@acme.io carol@acme.io") + 1] == (
        "/models/*/stages/Production/"
    )


def test_gitea_gets_expressions_and_logins() -> None:
    text = codeowners(parse_policy(HEAD + FORGE))
    assert "# carol@acme.io has no login in registry.yaml (forge.people), so this file cannot name them." in text
    line = next(one for one in lines(text) if "Production" in one)
    pattern, owner = line.split(" ")
    assert owner == "@bobby"
    assert re.fullmatch(pattern, "models/fraud/stages/Production/pointer.yaml")
    assert not re.fullmatch(pattern, "models/fraud/stages/Staging/pointer.yaml")
    assert "/models/*/stages/Production/ @bobby carol@acme.io" in codeowners(parse_policy(HEAD + FORGE), "github")


def test_another_forge_is_refused() -> None:
    with pytest.raises(Invalid):
        codeowners(parse_policy(HEAD), "pagure")


@given(st.text(min_size=1, max_size=8), st.data())
def test_the_directory_of_a_name_matches_the_pattern_that_the_name_matches(text: str, data: st.DataObject) -> None:
    try:
        name = ModelName.parse(text)
    except Invalid:
        return
    at = data.draw(st.integers(0, len(name)))
    pattern = re.sub(r"([*?\[])", "[\\1]", name[:at]) + "*"
    assert fnmatchcase(name, pattern)
    directory = path_of(ModelKey(model=name), Layout.FLAT).split("/")[1]
    assert fnmatchcase(directory, model_pattern(pattern)) or "[" in model_pattern(pattern)


def test_the_command_prints_and_writes(tmp_path: Path) -> None:
    place = tmp_path / "tree"
    cli = new_registry(place, "--protect", "Production", "--approver", "bob@acme.io")
    text = cli("codeowners").out
    assert "/models/*/stages/Production/ bob@acme.io\n" in text
    assert cli.json("codeowners", "--write")["changed"] is True
    assert (place / "CODEOWNERS").read_text() == text
    assert cli.json("codeowners", "--write")["changed"] is False
    assert cli("check").code == 0
    bare = new_registry(tmp_path / "models.git")
    assert "work tree" in run("-R", str(bare.registry), "codeowners", "--write", code=2).err
