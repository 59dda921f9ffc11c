"""Where models are deployed: the serving stages are environments, and each pointer in one of them is a slot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from registry_git.core.errors import Invalid
from registry_git.core.keys import StageKey
from registry_git.core.model import StagePointer
from registry_git.core.names import ModelName, StageName, dns_label, encode
from registry_git.core.snapshot import Snapshot, find_stage
from registry_git.gitops.settings import Settings
from registry_git.manifests.layout import MODELS, Layout, path_of
from registry_git.registry.codeowners import model_pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A stage as a place to deploy to; `name` is a DNS-1123 label."""

    name: str
    stage: StageName


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A model in an environment: `name` is its directory there, `label` names its objects, `pointer` is a directory."""

    environment: Environment
    model: ModelName
    name: str
    label: str
    pointer: str


def environments(snapshot: Snapshot, settings: Settings) -> tuple[Environment, ...]:
    """The stages that the tree is for, in the order of `registry.yaml`. Raises: Invalid: there is no such stage."""
    policy = snapshot.policy()
    asked = {stage.name for text in settings.stages if (stage := find_stage(policy, text))}
    if settings.stages and not asked:
        raise Invalid("The stage None deploys nothing.", hint="Name a stage that holds versions.")
    return tuple(
        Environment(name=dns_label(stage.name.lower()), stage=stage.name)
        for stage in policy.stages
        if (stage.name in asked if asked else stage.serving)
    )


def slots(snapshot: Snapshot, settings: Settings, layout: Layout) -> Iterator[Slot]:
    """The pointers that are there now, environment by environment, by the name of the model."""
    models = [name for name in snapshot.models() if _chosen(name, settings)]
    for environment in environments(snapshot, settings):
        for model in models:
            pointer = snapshot.find(StageKey(model=model, stage=environment.stage))
            if isinstance(pointer, StagePointer):
                yield Slot(
                    environment=environment,
                    model=model,
                    name=dns_label(model),
                    label=dns_label(model, environment.stage.lower()),
                    pointer=path_of(pointer.key, layout).rpartition("/")[0],
                )


def pointer_globs(environment: Environment, settings: Settings, layout: Layout) -> list[str]:
    """The shell patterns that match the pointers of an environment, those of models to come too."""
    above = f"{MODELS}/*" if layout is Layout.FANOUT else MODELS
    names = [model_pattern(pattern) for pattern in settings.models] or ["*"]
    return [f"{above}/{name}/stages/{encode(environment.stage)}/pointer.yaml" for name in names]


def pointer_depth(layout: Layout) -> int:
    """How many directories are above that of a pointer."""
    return 5 if layout is Layout.FANOUT else 4


def _chosen(model: ModelName, settings: Settings) -> bool:
    return not settings.models or any(fnmatchcase(model, pattern) for pattern in settings.models)
