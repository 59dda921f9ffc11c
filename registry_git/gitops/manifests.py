"""The files of a `deploy/` tree as text, made from the templates that lie beside this module."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from registry_git.core.names import dns_label, encode
from registry_git.gitops.settings import Runtime, Settings, Tool
from registry_git.gitops.slots import Environment, environments, pointer_depth, pointer_globs, slots
from registry_git.manifests.layout import DEPLOY, MODELS, Layout

if TYPE_CHECKING:
    from jinja2 import Environment as Templates

    from registry_git.core.snapshot import Snapshot

_COMPONENTS = {
    Runtime.KSERVE: ("inferenceservice.yaml",),
    Runtime.SELDON: ("model.yaml",),
    Runtime.DEPLOYMENT: ("deployment.yaml", "service.yaml"),
}
_OVERLAID = frozenset({Tool.KUSTOMIZE, Tool.FLUX})


def deploy_files(snapshot: Snapshot, settings: Settings, layout: Layout) -> dict[str, bytes]:
    """The whole tree for a registry: path to content.

    Raises:
        Invalid: a stage that the registry has not.
    """
    return dict(_Files(snapshot, settings, layout).all())


class _Files:
    def __init__(self, snapshot: Snapshot, settings: Settings, layout: Layout) -> None:
        self._settings = settings
        self._layout = layout
        self._environments = environments(snapshot, settings)
        self._slots = list(slots(snapshot, settings, layout))
        self._name = dns_label(snapshot.policy().name)

    def all(self) -> Iterator[tuple[str, bytes]]:
        tools = set(self._settings.tools)
        if tools & {*_OVERLAID, Tool.ARGOCD}:
            yield from self._kustomize()
        if tools & _OVERLAID:
            yield from self._overlays()
        if Tool.ARGOCD in tools:
            yield from self._argocd()
        if Tool.FLUX in tools:
            yield from self._flux()
        if Tool.HELM in tools:
            yield from self._helm()
        if Tool.COMPOSE in tools:
            yield self._file("compose/compose.yaml", "compose/compose.yaml")
        yield self._file(
            "README.md",
            "README.md",
            tools=[tool.value for tool in self._settings.tools],
            components=bool(tools & {*_OVERLAID, Tool.ARGOCD}),
            overlays=bool(tools & _OVERLAID),
            environments=[{**self._of(one), "directory": encode(one.stage)} for one in self._environments],
        )

    def _kustomize(self) -> Iterator[tuple[str, bytes]]:
        component = f"components/{self._settings.runtime.value}"
        for name in (*_COMPONENTS[self._settings.runtime], "kustomization.yaml"):
            yield self._file(f"{component}/{name}", f"{component}/{name}")
        for one in self._environments:
            place = f"environments/{one.name}/kustomization.yaml"
            yield self._file(place, "kustomize/environment.yaml", **self._of(one))

    def _overlays(self) -> Iterator[tuple[str, bytes]]:
        for one in self._environments:
            there = [slot for slot in self._slots if slot.environment == one]
            for slot in there:
                place = f"overlays/{one.name}/{slot.name}/kustomization.yaml"
                yield self._file(place, "kustomize/overlay.yaml", slot=slot)
            if there:
                place = f"overlays/{one.name}/kustomization.yaml"
                yield self._file(place, "kustomize/overlays.yaml", environment=one, slots=there)

    def _argocd(self) -> Iterator[tuple[str, bytes]]:
        for one in self._environments:
            facts = {
                **self._of(one),
                "name": dns_label(self._name, one.name),
                "globs": pointer_globs(one, self._settings, self._layout),
                "up": "../" * pointer_depth(self._layout),
            }
            yield self._file(f"argocd/{one.name}.yaml", "argocd/applicationset.yaml", **facts)

    def _flux(self) -> Iterator[tuple[str, bytes]]:
        url = self._settings.repo_url
        host, colon, path = url.partition(":")
        if "://" not in url and colon:
            url = f"ssh://{host}/{path}"  # Flux takes no address in the manner of scp
        ignore = _ignore(self._layout)
        yield self._file("flux/source.yaml", "flux/source.yaml", name=self._name, flux_url=url, ignore=ignore)
        yield self._file("flux/self.yaml", "flux/self.yaml", name=self._name)
        for slot in self._slots:
            place = f"flux/{slot.environment.name}/{slot.name}.yaml"
            yield self._file(place, "flux/kustomization.yaml", slot=slot, name=self._name)
        yield self._file("flux/kustomization.yaml", "flux/index.yaml", slots=self._slots)

    def _helm(self) -> Iterator[tuple[str, bytes]]:
        runtime = self._settings.runtime
        for name in ("Chart.yaml", "values.yaml"):
            yield self._file(f"helm/{name}", f"helm/{name}")
        yield self._file("helm/templates/_labels.tpl", "helm/_labels.tpl")
        for name in _COMPONENTS[runtime]:
            yield self._file(f"helm/templates/{name}", f"helm/{runtime.value}/{name}")

    def _of(self, environment: Environment) -> dict[str, Any]:
        return {"environment": environment, "namespace": self._settings.namespace_of(environment.name)}

    def _file(self, place: str, template: str, **facts: Any) -> tuple[str, bytes]:
        settings = self._settings
        text = (
            _templates()
            .get_template(template)
            .render(
                **{
                    "runtime": settings.runtime.value,
                    "repo_url": settings.repo_url,
                    "branch": settings.branch,
                    "image": settings.image,
                    "model_format": settings.model_format,
                    **facts,
                }
            )
        )
        return f"{DEPLOY}/{place}", text.encode()


def _ignore(layout: Layout) -> list[str]:
    """In the manner of .gitignore: everything but pointers and `deploy/`; the later line counts."""
    model = f"/{MODELS}/*/*" if layout is Layout.FANOUT else f"/{MODELS}/*"
    return ["/*", f"!/{DEPLOY}/", f"!/{MODELS}/", f"{model}/*", f"!{model}/stages/", f"!{model}/aliases/"]


@lru_cache(maxsize=1)
def _templates() -> Templates:
    """The templates, with square brackets where Jinja has braces: those are Go's in some of these files."""
    from jinja2 import Environment as Templates
    from jinja2 import PackageLoader, StrictUndefined

    found = Templates(
        loader=PackageLoader("registry_git.gitops", "files"),
        block_start_string="[%",
        block_end_string="%]",
        variable_start_string="[[",
        variable_end_string="]]",
        comment_start_string="[#",
        comment_end_string="#]",
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - what is made is YAML, and every value that may hold anything goes through `json`
    )
    found.filters["json"] = lambda value: json.dumps(value, ensure_ascii=False)
    found.filters["plain"] = lambda value: json.dumps(value)[1:-1]  # in a comment: on one line, in ASCII
    return found
