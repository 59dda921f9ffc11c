"""A registry in which something of every kind is asked, decided, deployed and observed; and its pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import httpx

from registry_git import DeploymentSpec
from tests.registry_scene import ALICE, BOB, CAROL, LEADS, As, new_registry, policy_text

RULES = """rules:
- {on: stage, to: [Production], approvals: 1, by: [ml-leads], four_eyes: true}
- {on: alias, approvals: 1, by: [ml-leads]}
- {on: delete, approvals: 1, by: [ml-leads]}
- {on: deployment, to: [production], approvals: 1, by: [ml-leads]}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedFor:
    """The requests of the scene, by what they ask for, and how to open the registry as anybody."""

    as_: As
    stage: str
    alias: str
    delete: str
    rename: str
    policy: str
    pin: str
    stale: str
    rejected: str
    approved: str


def asked_for(place: Path) -> AskedFor:
    """Fills the registry at `place`: Alice asks, Bob and Carol are leads, `production/scorer` follows Production."""
    as_ = new_registry(place, roles=LEADS)
    alice, bob = as_(ALICE), as_(BOB)
    for number, auc in enumerate(("0.91", "0.93", "0.95", "0.96"), 1):
        alice.register("fraud", f"s3://acme/fraud/{number}", tags={"auc": auc, "data": f"week {number}"})
    for name in ("churn", "spam", "old-model"):
        alice.register(name, f"s3://acme/{name}/1")
    alice.add_deployment("staging", "nightly", model="churn", version=1, workload="job")
    alice.add_deployment("production", "scorer", model="fraud", stage="Production")
    alice.set_policy(f"{policy_text(alice).partition('rules:')[0]}{RULES}")
    approved = alice.request_stage("fraud", 1, "Production", comment="the first")
    bob.approve(approved.id, comment="checked the data")
    rejected = alice.request_stage("fraud", 2, "Production")
    bob.reject(rejected.id, comment="AUC too low")
    stale = alice.request_alias("fraud", "challenger", 2)
    as_(CAROL).set_alias("fraud", "challenger", 3)
    policy = policy_text(alice).replace("name: models", "name: acme-models")
    return AskedFor(
        as_=as_,
        approved=approved.id,
        rejected=rejected.id,
        stale=stale.id,
        stage=alice.request_stage("fraud", 4, "Production", comment="**better** by 0.05").id,
        alias=alice.request_alias("fraud", "champion", 4).id,
        delete=alice.request_delete("spam", None, comment="nobody uses it").id,
        rename=bob.request_rename("old-model", "new-model").id,
        policy=alice.request_policy(policy).id,
        pin=alice.request_deployment("production", "scorer", "pin", DeploymentSpec(version=1)).id,
    )


def text_of(answer: httpx.Response) -> str:
    """What a page says, as one line."""
    main = answer.text.partition("<main")[2].partition("</main>")[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())
