"""A registry in which one version has everything that its page shows: what uses it, what is asked, said and known."""

from __future__ import annotations

import json
from pathlib import Path

from registry_git.core.model import Dataset, Lineage
from tests.registry_scene import ALICE, BOB, LEADS, As, new_registry, policy_text

_COLUMNS = [
    {"type": "double", "name": "amount", "required": True},
    {"type": "string", "name": "country", "required": False},
]
SIGNATURE = {
    "inputs": json.dumps(_COLUMNS),
    "outputs": '[{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 2]}}]',
    "params": '[{"name": "threshold", "type": "double", "default": 0.5, "shape": null}]',
}
RUN = "http://mlflow.acme.io/#/experiments/7/runs/0a1b2c3d4e5f"
LINEAGE = Lineage(
    run_id="0a1b2c3d4e5f",
    run_name="clever-shark-7",
    run_link=RUN,
    run_user="alice",
    experiment_id="7",
    experiment_name="fraud detection",
    model_id="m-77aa",
    git_commit="3f5e0a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f",
    datasets=(Dataset(name="transactions-2026-03", digest="9f86d081"), Dataset(name="countries")),
)
RULES = """rules:
- on: stage
  to: [Production]
  approvals: 1
  by: [ml-leads]
  four_eyes: true
"""


def fill_shop(place: Path) -> As:
    """A registry with fraud v1 to v4: v3 is in Production and used, and Alice asks that v4 take its place."""
    opened = new_registry(place, roles=LEADS)
    alice, bob = opened(ALICE), opened(BOB)
    model = place.parent / "model"
    model.mkdir()
    (model / "MLmodel").write_text(
        "flavors:\n  python_function: {loader_module: sklearn}\n  sklearn: {}\n"
        f"signature: {json.dumps(SIGNATURE)}\n",
        encoding="utf-8",
    )
    for number, auc in ((1, "0.87"), (2, "0.89"), (3, "0.91")):
        alice.register("fraud", f"s3://acme/fraud/{number}", tags={"auc": auc, "rows": "120000", "team": "risk"})
    alice.register(
        "fraud",
        str(model),
        description="Trained on **March**.\n\n- faster\n- smaller",
        tags={"auc": "0.934", "rows": "180000", "loss": "1e-3", "framework": "sklearn"},
        lineage=LINEAGE,
    )
    alice.transition("fraud", 3, "Production")
    alice.transition("fraud", 4, "Staging")
    alice.set_alias("fraud", "challenger", 4)
    alice.set_alias("fraud", "champion", 3)
    alice.add_deployment("production", "scorer", model="fraud", stage="Production", workload="service")
    alice.add_deployment("staging", "nightly", model="fraud", alias="challenger", workload="job")
    alice.add_comment("fraud", 4, "The *loss* is `0.001`. See [the run](http://mlflow.acme.io/).")
    bob.add_comment("fraud", 4, "Looks good to me.")
    rules_into(opened, RULES)  # last, so that all above could be done directly
    opened(ALICE).request_stage("fraud", 4, "Production", comment="0.02 better")
    return opened


def rules_into(opened: As, rules: str) -> None:
    """Puts these rules in place of the registry's."""
    registry = opened(ALICE)
    registry.set_policy(f"{policy_text(registry).partition('rules:')[0]}{rules}")
