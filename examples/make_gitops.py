"""Makes examples/gitops/: a registry with two models and three environments, and everything that deploys it.

`python examples/make_gitops.py` writes it anew. Times and ids are always the same, so that a test can compare.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from itertools import count
from pathlib import Path

import registry_git
from registry_git.core.changes import registration
from registry_git.core.changes.proposal import Headline
from registry_git.core.names import Actor, Id, ModelName
from registry_git.core.times import Timestamp
from registry_git.gitops.initialise import initialise
from registry_git.gitops.render import write_renderings
from registry_git.gitops.settings import Wanted
from registry_git.gitstore.store import Store
from registry_git.index.index import Index
from registry_git.registry.facade import Registry
from registry_git.registry.writing import Surroundings, apply

PLACE = Path(__file__).resolve().parent / "gitops"
ALICE, BOB = Actor("Alice <alice@acme.io>"), Actor("Bob <bob@acme.io>")
URL = "https://git.acme.io/ml/models.git"
POLICY = """\
apiVersion: registry-git.dev/v1
kind: Registry
name: acme-models
layout: flat
stages:
- name: Dev
- name: Staging
- {name: Production, exclusive: true, after: [Staging]}
- {name: Archived, serving: false}
roles:
  ml-leads: [bob@acme.io]
rules:
- {on: stage, to: [Production], approvals: 1, by: [ml-leads], four_eyes: true}
"""
SERVICE = """\
{# What a service needs to know of its model: which version it is, where, and how to tell that it is the right one. #}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ dns_label(deployment.name, "model") }}
  namespace: models
  labels:
    registry-git.dev/model: {{ model.name | tojson }}
    registry-git.dev/version: {{ version.version | string | tojson }}
  annotations:
    registry-git.dev/owner: {{ deployment.owner | tojson }}
data:
  MODEL_SOURCE: {{ version.source | tojson }}
  MODEL_VERSION: {{ version.version | string | tojson }}
  MODEL_DIGEST: {{ version.digest | tojson }}
"""
JOB = """\
{# A batch job is another object for each version, since the template of a Job cannot be changed. #}
apiVersion: batch/v1
kind: CronJob
metadata:
  name: {{ deployment.name }}
  namespace: models
  labels:
    registry-git.dev/version: {{ version.version | string | tojson }}
spec:
  schedule: "15 2 * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: OnFailure
          containers:
            - name: score
              image: registry.acme.io/batch-scorer:4
              env:
                - {name: MODEL_SOURCE, value: {{ version.source | tojson }}}
                - {name: MODEL_DIGEST, value: {{ version.digest | tojson }}}
"""


@dataclass(slots=True)
class Scene:
    """The registry, and a clock that only this script moves on: a minute for each thing that somebody does."""

    store: Store
    minutes: int = 0

    def as_(self, actor: Actor) -> Registry:
        """The registry as somebody, a minute later."""
        return Registry(self.store, Index(self.store.repository), self.surroundings(actor))

    def surroundings(self, actor: Actor) -> Surroundings:
        """What the next act takes from outside, the same in every run."""
        self.minutes += 1
        minute, drawn = self.minutes, count(1)
        now = Timestamp.of(int(Timestamp.parse("2026-11-23T06:00:00.000Z")) + minute * 60_000)
        return Surroundings(
            actor=actor,
            clock=lambda: now,
            record_id=lambda at: Id(f"20261123-{minute:03d}{next(drawn):03d}"),
            version_id=lambda at: Id(f"01jd9x3k7m{minute:08d}{next(drawn):08d}"),
        )

    def register(self, model: str, number: int, form: str, auc: str) -> None:
        """A version whose files are elsewhere, with the digest and format that reading them gave."""
        act = self.surroundings(ALICE).act(version=True)
        new = registration.NewVersion(
            source=f"s3://acme-models/{model}/{number}/model",
            digest=f"sha256:{sha256(f'{model} {number}'.encode()).hexdigest()}",
            format=form,
            flavors=(form, "python_function"),
            tags={"auc": auc},
        )
        apply(self.store, act, lambda snapshot: registration.register(snapshot, act, model=ModelName(model), new=new))

    def promote(self, model: str, number: int) -> None:
        """A version goes through Staging to Production: Alice asks, Bob approves."""
        self.as_(ALICE).transition(model, number, "Staging")
        asked = self.as_(ALICE).request_stage(model, number, "Production", comment="Better on last week's data.")
        self.as_(BOB).approve(asked.request)


def make(top: Path) -> Registry:
    """Makes the registry in the directory `top`, which must not be there; gives it as Alice has it."""
    registry_git.init(top, name="acme-models", actor=ALICE, durable=False)
    scene = Scene(store=Store(top, durable=False))
    scene.as_(ALICE).set_policy(POLICY)
    for model, form, scores in (("fraud", "sklearn", ("0.91", "0.93", "0.94")), ("churn", "xgboost", ("0.81", "0.84"))):
        for number, auc in enumerate(scores, 1):
            scene.register(model, number, form, auc)
    for model, number in (("fraud", 1), ("fraud", 2), ("churn", 1)):
        scene.promote(model, number)
    for model, number in (("fraud", 3), ("churn", 2)):
        scene.as_(ALICE).transition(model, number, "Dev")
        scene.as_(ALICE).transition(model, number, "Staging", add=True)
    for stage, owner in (("Dev", ALICE), ("Staging", ALICE), ("Production", BOB)):
        scene.as_(ALICE).add_deployment(stage.lower(), "fraud-api", model="fraud", stage=stage, owner=owner)
    scene.as_(ALICE).add_deployment("production", "churn-nightly", model="churn", stage="Production", workload="job")
    templates = {"templates/service.yaml.j2": SERVICE.encode(), "templates/job.yaml.j2": JOB.encode()}
    headline = Headline(sentence="Add templates of a service and a job", action="templates")
    scene.as_(ALICE).write_files(lambda _: templates, headline=headline)
    wanted = Wanted(tools=["argocd", "flux", "kustomize", "helm"], repo_url=URL, namespace="models-{environment}")
    initialise(scene.as_(ALICE), wanted)
    write_renderings(scene.as_(ALICE), environment=None, name=None)
    return scene.as_(ALICE)


def main() -> None:
    """Write examples/gitops/ anew."""
    parser = argparse.ArgumentParser(description="Make a registry with everything that deploys it.")
    parser.add_argument("--into", type=Path, default=PLACE, metavar="DIRECTORY", help="default: examples/gitops")
    into = parser.parse_args().into
    with tempfile.TemporaryDirectory() as room:
        made = Path(room) / "acme-models"
        make(made)
        if into.exists():
            shutil.rmtree(into)
        shutil.copytree(made, into, ignore=shutil.ignore_patterns(".git"))
    print(f"Made {into}.")


if __name__ == "__main__":
    main()
