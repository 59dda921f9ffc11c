"""What the tests of GitOps share: a registry with two models and three environments, and its tree for every tool."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import registry_git
from registry_git.gitops.initialise import Outcome, initialise
from registry_git.gitops.settings import Wanted
from registry_git.registry.facade import Registry
from registry_git.registry.registering import Registration
from tests.registry_scene import ALICE

URL = "https://git.acme.io/ml/models.git"
POLICY = """\
apiVersion: registry-git.dev/v1
kind: Registry
name: acme-models
layout: flat
stages:
- name: Dev
- name: Staging
- name: Production
  exclusive: true
- name: Archived
  serving: false
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Land:
    """A registry in a work tree."""

    top: Path
    registry: Registry

    def init(self, *tools: str, runtime: str = "kserve", force: bool = False, **named: object) -> Outcome:
        """`gitops init` with these options."""
        wanted = Wanted(tools=tools, runtime=runtime, repo_url=URL, **named)  # type: ignore[arg-type]
        return initialise(self.registry, wanted, force=force)

    def overlay(self, environment: str, model: str) -> Path:
        """The directory of a model in an environment."""
        return self.top / "deploy/overlays" / environment / model


def new_land(top: Path, *, layout: str = "flat") -> Land:
    """A registry where fraud has v1 in Dev and Production and v2 in Staging, and churn v1 in Dev.

    The files of fraud are here, so its format and digest are known; those of churn are not.
    """
    registry = registry_git.init(top, layout=layout, actor=ALICE, durable=False)
    registry.set_policy(POLICY.replace("layout: flat", f"layout: {layout}"))
    for number in (1, 2):
        files = top.parent / f"{top.name}-files" / str(number)
        files.mkdir(parents=True)
        (files / "MLmodel").write_text(f"flavors:\n  sklearn:\n    pickled_model: model.pkl\nrun_id: r{number}\n")
        registry.register("fraud", str(files))
    registry.register_many([Registration(name="churn", source="s3://acme/churn/1", read=False)])
    registry.transition("churn", 1, "Dev")
    registry.transition("fraud", 1, "Dev")
    registry.transition("fraud", 1, "Production", add=True)
    registry.transition("fraud", 2, "Staging")
    return Land(top=top, registry=registry)
