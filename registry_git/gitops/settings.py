"""What a `deploy/` tree is made for: which tools read it, what runs the models, and where."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import Enum
from typing import Any, TypeVar

from registry_git.core.errors import Corrupt, Invalid
from registry_git.core.names import dns_label

_NAMESPACE = "models"
_IMAGE = "ghcr.io/mlflow/mlflow:v3.4.0"
_PER_ENVIRONMENT = "{environment}"
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+|[^\s@:/]+@[^\s:/]+:\S+|/\S*")
_PRINTABLE = re.compile(r"[^\s\x00-\x1f\x7f\"'\\]+")
E = TypeVar("E", bound=Enum)


class Tool(str, Enum):
    """What reads the tree."""

    ARGOCD = "argocd"
    FLUX = "flux"
    KUSTOMIZE = "kustomize"
    HELM = "helm"
    COMPOSE = "compose"


class Runtime(str, Enum):
    """What runs a model: a KServe InferenceService, a Seldon Core 2 Model, or a plain Deployment with a Service."""

    KSERVE = "kserve"
    SELDON = "seldon"
    DEPLOYMENT = "deployment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a tree is made for.

    `namespace` may hold `{environment}`. Without `stages` it is for all that serve, without `models` for all models.
    `model_format` replaces the recorded format of every version (`mlflow`, for servers that read an `MLmodel`).
    """

    tools: tuple[Tool, ...]
    runtime: Runtime = Runtime.KSERVE
    namespace: str = _NAMESPACE
    repo_url: str = ""
    branch: str = "main"
    stages: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    image: str = _IMAGE
    model_format: str = ""

    def namespace_of(self, environment: str) -> str:
        """The namespace of an environment."""
        return self.namespace.replace(_PER_ENVIRONMENT, environment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a call of `gitops init` names; None or empty: as it was, or the default."""

    tools: Sequence[str] = ()
    runtime: str | None = None
    namespace: str | None = None
    repo_url: str | None = None
    branch: str | None = None
    stages: Sequence[str] = ()
    models: Sequence[str] = ()
    image: str | None = None
    model_format: str | None = None


def settle(wanted: Wanted, before: Settings | None, *, repo_url: str) -> Settings:
    """The settings of a tree: what is wanted over what was there, `repo_url` where neither says it.

    Raises:
        Invalid: no tool, a bad value, or values that do not go together.
    """
    tools = [_known(Tool, text, "tool") for text in wanted.tools]
    kept = list(before.tools) if before else []
    every = tuple(tool for tool in Tool if tool in {*tools, *kept})
    if not every:
        raise Invalid("No tool is named.", hint=f"Add --tool: {', '.join(tool.value for tool in Tool)}.")
    runtime = _known(Runtime, wanted.runtime, "runtime") if wanted.runtime else before.runtime if before else None
    if runtime is None:
        runtime = Runtime.DEPLOYMENT if every == (Tool.COMPOSE,) else Runtime.KSERVE
    if Tool.COMPOSE in every and runtime is not Runtime.DEPLOYMENT:
        raise Invalid(
            f"Compose runs containers, and the runtime is {runtime.value}.",
            hint="Use --runtime deployment, or another tool.",
        )
    found = before or Settings(tools=every)
    given = {
        name: value
        for name in ("namespace", "repo_url", "branch", "image", "model_format")
        if (value := getattr(wanted, name)) is not None
    }
    found = replace(found, tools=every, runtime=runtime, **given)
    found = replace(
        found,
        stages=tuple(wanted.stages) or found.stages,
        models=tuple(wanted.models) or found.models,
        repo_url=found.repo_url or repo_url,
    )
    return checked(found)


def checked(settings: Settings) -> Settings:
    """The settings, after a look at each value. Raises: Invalid."""
    sample = settings.namespace_of("x")
    if dns_label(sample) != sample:
        raise Invalid(
            f"{settings.namespace!r} is no namespace.",
            hint="Use lower-case letters, digits and hyphens; {environment} stands for the environment.",
        )
    needs = [tool.value for tool in settings.tools if tool in (Tool.ARGOCD, Tool.FLUX)]
    if needs and not settings.repo_url:
        raise Invalid(
            f"{needs[0]} has to know where the registry is, and this repository has no remote.",
            hint="Name it with --repo-url https://git.example.com/ml/registry.git",
        )
    if settings.repo_url and not _URL.fullmatch(settings.repo_url):
        raise Invalid(f"{settings.repo_url!r} is no URL of a repository.", hint="Write https://… or git@host:path.")
    for name in ("branch", "image"):
        if not _PRINTABLE.fullmatch(getattr(settings, name)):
            raise Invalid(f"{getattr(settings, name)!r} is no {name}.", hint="Leave out spaces and quotes.")
    if settings.model_format and not _PRINTABLE.fullmatch(settings.model_format):
        raise Invalid(f"{settings.model_format!r} is no format.", hint="Write one word, such as mlflow or sklearn.")
    return settings


def members(settings: Settings) -> dict[str, Any]:
    """What the record of a tree says of its settings, in order; what is empty is left out."""
    found: dict[str, Any] = {}
    for each in fields(settings):
        value = getattr(settings, each.name)
        if isinstance(value, tuple):
            value = [one.value if isinstance(one, Enum) else one for one in value]
        if value:
            found[each.name] = value.value if isinstance(value, Enum) else value
    return found


def read_members(value: Mapping[str, Any], *, path: str) -> Settings:
    """The settings that a record holds. Raises: Corrupt."""
    known = {each.name for each in fields(Settings)}
    unknown = sorted(set(value) - known)
    if unknown:
        raise Corrupt(f"It says {unknown[0]!r}, which is no setting.", path=path, hint=f"Known: {', '.join(known)}.")
    try:
        lists: dict[str, Any] = {name: tuple(_texts(value[name])) for name in ("stages", "models") if name in value}
        texts: dict[str, Any] = {
            name: str(value[name])
            for name in ("namespace", "repo_url", "branch", "image", "model_format")
            if name in value
        }
        tools = tuple(_known(Tool, text, "tool") for text in _texts(value.get("tools")))
        runtime = _known(Runtime, value.get("runtime", Runtime.KSERVE.value), "runtime")
        return checked(Settings(tools=tools, runtime=runtime, **lists, **texts))
    except Invalid as problem:
        raise Corrupt(problem.message, path=path, hint=problem.hint) from None


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Invalid("A list of names is needed.", hint="Write it as [a, b].")
    return value


def _known(kind: type[E], text: Any, what: str) -> E:
    try:
        return kind(text)
    except ValueError:
        known = ", ".join(str(one.value) for one in kind)
        raise Invalid(f"There is no {what} {text!r}.", hint=f"There are {known}.") from None
