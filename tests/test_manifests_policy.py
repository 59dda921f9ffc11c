"""A policy that could not work is refused when it is read."""

from __future__ import annotations

import pytest

from registry_git.core.errors import Corrupt
from registry_git.core.keys import PolicyKey
from registry_git.core.rules import Action, ForgeKind, ForgeSettings, Policy, Rule, Stage
from registry_git.manifests.codec import decode

POLICY = """\
apiVersion: registry-git.dev/v1
kind: Registry
name: acme-models
layout: flat
stages:
  - {name: Staging}
  - {name: Production, exclusive: true, after: [staging]}   # entering archives who was there
  - {name: Archived, serving: false}
roles:
  ml-leads: [Alice@acme.io, bob@acme.io]
rules:
  - on: stage
    to: [production]
    models: ["*"]
    approvals: 1
    by: [ml-leads]
    four_eyes: true
    signed: false
    require: {tags: [validated], min: {auc: 0.9}, max: {latency: 10}}
keys:
  alice@acme.io: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHk alice@laptop]
"""


def read(text: str) -> Policy:
    """The policy that `text` says."""
    found = decode(text.encode(), path="registry.yaml", key=PolicyKey())
    assert isinstance(found, Policy)
    return found


def test_a_policy_is_read_as_people_write_it() -> None:
    policy = read(POLICY)
    assert [stage.name for stage in policy.stages] == ["Staging", "Production", "Archived"]
    assert policy.stages[1] == Stage(name=policy.stages[1].name, exclusive=True, after=(policy.stages[0].name,))
    assert policy.stages[2].serving is False
    assert policy.roles == {"ml-leads": ("alice@acme.io", "bob@acme.io")}
    assert policy.rules == (
        Rule(
            on=Action.STAGE,
            to=("Production",),
            approvals=1,
            by=("ml-leads",),
            four_eyes=True,
            tags=("validated",),
            minimum={"auc": 0.9},
            maximum={"latency": 10.0},
        ),
    )
    assert policy.keys == {"alice@acme.io": ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHk alice@laptop",)}


def test_a_policy_needs_only_a_name_and_stages() -> None:
    policy = read("apiVersion: registry-git.dev/v1\nkind: Registry\nname: x\nstages: [{name: A}]\n")
    assert (policy.layout, policy.rules, policy.roles) == ("flat", (), {})


@pytest.mark.parametrize(
    ("old", "new", "line", "word"),
    [
        ("{name: Archived", "{name: STAGING", 8, "the same"),
        ("after: [staging]", "after: [Testing]", 7, "'Testing' is no stage"),
        ("after: [staging]", "after: [production]", 7, "after itself"),
        ("name: Staging", "name: none", 6, "not a stage"),
        ("to: [production]", "to: [Prod]", 13, "'Prod' is no stage"),
        ("by: [ml-leads]", "by: [ml-lead]", 16, "'ml-lead' is no role"),
        ("on: stage\n    to: [production]", "on: register", 14, "cannot ask for approvals"),
        ("on: stage\n    to: [production]", "on: edit", 14, "cannot ask for approvals"),
        ("on: stage", "on: delete", 13, "has no target"),
        ("on: stage", "on: promote", 12, "not one of stage, alias"),
        ("on: stage", "'on': yes", 12, "not one of stage, alias"),
        ("approvals: 1", "approvals: 0", 17, "asks for none"),
        ("approvals: 1", "approvals: -1", 15, "less than 0"),
        ("approvals: 1", "approvals: 1.0", 15, "whole number"),
        ("approvals: 1", "approval: 1", 15, "Did you mean 'approvals'"),
        ("four_eyes: true", "four_eyes: yes", 17, "true or false"),
        ("auc: 0.9", "auc: high", 19, "not a number"),
        ("auc: 0.9", "auc: .inf", 19, "finite"),
        ("layout: flat", "layout: deep", 4, "flat, fanout"),
        ("name: acme-models", "name: a/b", 3, "no registry name"),
        ("bob@acme.io", "'*@acme.io'", 10, "not allowed"),
        ("bob@acme.io", "bob", 10, "not allowed"),
        ("  alice@acme.io: [", "  '*': [", 20, "not allowed"),
        ("alice@laptop", "alice, 'ssh-rsa AAAA\\n\\n* ssh-rsa BBBB'", 21, "not allowed"),
    ],
)
def test_a_policy_that_could_not_work_is_refused(old: str, new: str, line: int, word: str) -> None:
    assert old in POLICY
    with pytest.raises(Corrupt) as found:
        read(POLICY.replace(old, new).replace("\\n", "\n"))
    assert word in str(found.value)
    assert found.value.line == line


def test_two_spellings_of_an_address_with_keys_are_refused() -> None:
    twice = POLICY + "  ALICE@acme.io: [ssh-ed25519 AAAA]\n"
    with pytest.raises(Corrupt, match="twice"):
        read(twice)


FORGE = """\
forge:
  kind: gitea
  url: https://git.acme.io/
  repository: acme/models
  people: {Alice: Alice@acme.io, "ci-bot[bot]": bot@acme.io}
"""


def test_a_forge_is_read_with_logins_and_addresses_in_lower_case() -> None:
    assert read(POLICY + FORGE).forge == ForgeSettings(
        kind=ForgeKind.GITEA,
        url="https://git.acme.io",
        repository="acme/models",
        people={"alice": "alice@acme.io", "ci-bot[bot]": "bot@acme.io"},
    )
    assert read(POLICY).forge is None


@pytest.mark.parametrize(
    ("old", "new", "line", "word"),
    [
        ("kind: gitea", "kind: gitolite", 23, "github, gitlab, gitea, pagure"),
        ("https://git.acme.io/", "ssh://git.acme.io/", 24, "not allowed"),
        ("https://git.acme.io/", "https://me:secret@git.acme.io/", 24, "not allowed"),
        ("https://git.acme.io/", "https://git.acme.io/?token=1", 24, "not allowed"),
        ("https://git.acme.io/", "'https://git.acme.io\n'", 24, "not allowed"),
        ("https://git.acme.io/", "https://-git.acme.io", 24, "not allowed"),
        ("https://git.acme.io/", "https://", 24, "not allowed"),
        ("acme/models", "models", 25, "owner/name"),
        ("acme/models", "a/b/c", 25, "owner/name"),
        ("acme/models", "../models", 25, "not allowed"),
        ("acme/models", "acme/models?x=1", 25, "not allowed"),
        ("Alice@acme.io", "alice", 26, "not allowed"),
        ("Alice:", "a/b:", 26, "not allowed"),
        ('"ci-bot[bot]"', "ALICE", 26, "twice"),
        ("  kind: gitea\n", "", 22, "missing"),
        ("people:", "persons:", 26, "Allowed are kind, url, repository, people"),
    ],
)
def test_a_forge_that_could_not_be_spoken_to_is_refused(old: str, new: str, line: int, word: str) -> None:
    assert old in FORGE
    with pytest.raises(Corrupt) as found:
        read(POLICY + FORGE.replace(old, new))
    assert word in str(found.value)
    assert found.value.line == line


def test_groups_may_be_nested_where_the_forge_nests_them() -> None:
    nested = FORGE.replace("acme/models", "acme/ml/models").replace("kind: gitea", "kind: gitlab")
    found = read(POLICY + nested).forge
    assert found is not None
    assert found.repository == "acme/ml/models"
