"""A registry with half a year of history, at times of its own choosing: something of every kind for pages to show."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

import registry_git
from registry_git import app
from registry_git.core.model import Dataset, Lineage
from registry_git.core.times import Timestamp
from registry_git.registry.facade import Registry
from registry_git.server.pages import render
from tests.registry_scene import ALICE, BOB, CAROL, LEADS, policy_text
from tests.version_scene import SIGNATURE

TODAY = "2026-11-23T10:30:00.000Z"
RULES = """rules:
- {on: stage, to: [Production], approvals: 1, by: [ml-leads], four_eyes: true, require: {min: {auc: 0.9}}}
- {on: policy, approvals: 1, by: [ml-leads]}
"""


class Clock:
    """The time, which stands still until it is set, except for a second a look."""

    def __init__(self) -> None:
        self._at = Timestamp.parse(TODAY)

    def set(self, moment: str) -> None:
        """It is `2026-05-04 09:00` now."""
        self._at = Timestamp.parse(f"{moment.replace(' ', 'T')}:00.000Z")

    def __call__(self) -> Timestamp:
        self._at = Timestamp.of(self._at + 1000)
        return self._at


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """The requests of the scene, by how they stand."""

    open: str
    stale: str
    approved: str
    rejected: str


def fixed(patch: pytest.MonkeyPatch) -> Clock:
    """Lets the registry and the pages look at a clock of ours, and gives ids in order."""
    clock, numbers = Clock(), itertools.count(7)
    letters = "0123456789abcdefghjkmnpqrstvwxyz"
    patch.setattr(app, "now", clock)
    patch.setattr(render, "now", lambda: Timestamp.parse(TODAY))
    patch.setattr(app, "_random", lambda length: "".join(letters[(next(numbers) * 11) % 32] for _ in range(length)))
    return clock


class _Story:
    def __init__(self, place: Path, clock: Clock) -> None:
        self._place, self._clock = place, clock

    def at(self, moment: str, actor: str = ALICE) -> Registry:
        """The registry at a moment, for somebody."""
        self._clock.set(moment)
        return registry_git.open(self._place, actor=actor, durable=False)


def demo(place: Path, clock: Clock) -> Demo:
    """Makes the registry. Bob and Carol are leads; `fraud` is in use, `churn` is new, `ltv` waits."""
    clock.set("2026-05-04 08:55")
    registry_git.init(place, name="acme-models", roles=LEADS, actor=ALICE, durable=False)
    story = _Story(place, clock)
    files = _files(place.with_name("model"))
    _trained(story.at("2026-05-04 09:00"), 1, auc="0.871", rows="84000", loss="0.312")
    story.at("2026-05-04 09:20").describe("fraud", "Scores card payments. **Owned by the risk team.**")
    story.at("2026-05-04 09:21").set_tags("fraud", {"team": "risk", "tier": "1"})
    story.at("2026-05-11 14:10").transition("fraud", 1, "Staging", comment="on shadow traffic")
    story.at("2026-05-20 11:00").transition("fraud", 1, "Production", comment="first one live")
    story.at("2026-05-20 11:05").add_deployment("production", "scorer", model="fraud", stage="Production")
    rules = story.at("2026-06-01 09:00")
    rules.set_policy(f"{policy_text(rules).partition('rules:')[0]}{RULES}")
    _trained(story.at("2026-06-15 09:00"), 2, auc="0.902", rows="120000", loss="0.284")
    story.at("2026-06-18 10:00").transition("fraud", 2, "Staging")
    story.at("2026-06-22 10:00").add_comment("fraud", 2, "Recall on new merchants: `0.81`, it was `0.74`.")
    asked = story.at("2026-07-01 09:30").request_stage(
        "fraud", 2, "Production", archive_existing=True, comment="Two weeks of shadow traffic."
    )
    story.at("2026-07-02 15:45", BOB).approve(asked.id, comment="The numbers hold.")
    story.at("2026-07-02 16:00").set_alias("fraud", "champion", 2)
    _trained(story.at("2026-07-27 09:00"), 3, auc="0.914", rows="151000", loss="0.251")
    story.at("2026-08-03 09:00").transition("fraud", 3, "Staging")
    rejected = story.at("2026-08-10 09:00").request_stage("fraud", 3, "Production", comment="0.012 better.")
    story.at("2026-08-11 10:15", BOB).reject(rejected.id, comment="Latency doubled; see the *dashboard*.")
    _trained(story.at("2026-09-14 09:00"), 4, auc="0.921", rows="180000", loss="0.244")
    story.at("2026-09-14 09:10").describe(
        "fraud", "Distilled from v3.\n\n- half the latency\n- trained on **August**", version=4
    )
    story.at("2026-09-15 09:00").transition("fraud", 4, "Staging")
    approved = story.at("2026-09-28 09:00").request_stage(
        "fraud", 4, "Production", archive_existing=True, comment="Half the latency of v3."
    )
    story.at("2026-09-28 13:30", CAROL).approve(approved.id, comment="Checked on last week's chargebacks.")
    story.at("2026-10-01 08:00").set_alias("fraud", "champion", 4)
    story.at("2026-10-05 08:00").add_deployment("staging", "scorer", model="fraud", stage="Staging")
    story.at("2026-10-05 08:05").add_deployment("production", "nightly", model="fraud", version=3, workload="job")
    for name, month in (("churn", "10-12"), ("ltv", "10-19")):
        story.at(f"2026-{month} 09:00", CAROL).register(
            name, str(files) if name == "ltv" else f"s3://acme-models/{name}/1", tags={"auc": "0.84", "rmse": "12.1"}
        )
    story.at("2026-10-20 09:00", CAROL).describe("churn", "Who is about to leave.")
    stale = story.at("2026-10-26 09:00", CAROL).request_alias(
        "ltv", "champion", 1, comment="So that jobs can follow it."
    )
    story.at("2026-10-27 09:00", CAROL).register("ltv", "s3://acme-models/ltv/2", tags={"rmse": "11.7"})
    story.at("2026-10-28 09:00", CAROL).set_alias("ltv", "champion", 2)
    _trained(story.at("2026-11-16 09:00"), 5, auc="0.934", rows="205000", loss="0.231")
    story.at("2026-11-18 09:00").transition("fraud", 5, "Staging")
    story.at("2026-11-20 16:00", BOB).add_comment(
        "fraud", 5, "Same latency as v4. Ask for it when the shadow run is over."
    )
    opened = story.at("2026-11-23 07:30").request_stage(
        "fraud", 5, "Production", archive_existing=True, comment="0.013 better, and the shadow run is over."
    )
    clock.set("2026-11-23 10:29")
    return Demo(open=opened.id, stale=stale.id, approved=approved.id, rejected=rejected.id)


def _trained(registry: Registry, number: int, **metrics: str) -> None:
    """Registers the next version of `fraud`, which is this number."""
    tags = {**metrics, "framework": "sklearn"}
    registry.register("fraud", f"s3://acme-models/fraud/{number}", tags=tags, lineage=_lineage(number))


def _files(place: Path) -> Path:
    place.mkdir()
    flavors = "flavors:\n  python_function: {loader_module: sklearn}\n  sklearn: {}\n"
    (place / "MLmodel").write_text(f"{flavors}signature: {json.dumps(SIGNATURE)}\n", encoding="utf-8")
    return place


def _lineage(number: int) -> Lineage:
    return Lineage(
        run_id=f"0a1b2c3d4e5f{number}",
        run_name=("brave-otter", "calm-heron", "keen-lynx", "swift-wren", "wise-crane")[number - 1] + f"-{number}",
        run_link=f"https://mlflow.acme.io/#/experiments/7/runs/0a1b2c3d4e5f{number}",
        run_user="alice",
        experiment_id="7",
        experiment_name="fraud detection",
        git_commit=f"{number}f5e0a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f",
        datasets=(Dataset(name=f"transactions-2026-0{number + 3}", digest="9f86d081"), Dataset(name="countries")),
    )
