"""`render`: Kubernetes manifests for deployments out of templates in the registry, printed, kept or compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any

from registry_git.core.changes.proposal import Headline
from registry_git.core.errors import Corrupt, Invalid, NotFound
from registry_git.core.keys import DeploymentKey
from registry_git.core.model import Deployment
from registry_git.core.names import encode
from registry_git.core.times import Timestamp
from registry_git.gitops.filling import Filler
from registry_git.gitops.templates import template_path
from registry_git.manifests.layout import DEPLOY
from registry_git.registry.beside import Kept
from registry_git.registry.facade import Registry
from registry_git.registry.finding import Finding
from registry_git.registry.tree import Tree

RENDERED = f"{DEPLOY}/rendered"
_HEAD = "# Rendered for"  # how a rendering begins; other files there are somebody's own
TEMPLATE_ANNOTATION = "template"  # of a deployment: the name of its template, where that is not its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """What a template makes for a deployment, and where it is kept."""

    deployment: str
    template: str
    path: str
    text: str


def chosen(tree: Tree, environment: str | None, name: str | None) -> list[Deployment]:
    """The deployments that a call names: one, those of an environment, or all that have a template.

    Raises:
        NotFound: there is none of that name.
    """
    keys = [key for key in sorted(tree.snapshot.deployments(), key=_order) if environment in (None, key.environment)]
    if name is not None:
        keys = [key for key in keys if key.name == name]
    found = [one for key in keys if (one := tree.snapshot.deployment(key)) is not None]
    if not found and environment is not None:
        what = f"deployment {environment}/{name}" if name is not None else f"deployment in {environment!r}"
        raise NotFound(f"There is no {what}.", hint="List them with: registry-git deployment list")
    return found if name is not None else [one for one in found if find_template(tree, one)]


def find_template(tree: Tree, deployment: Deployment) -> str | None:
    """The path of a deployment's template: as its annotation says, else by its name, else by `service` or `job`."""
    named = deployment.annotations.get(TEMPLATE_ANNOTATION)
    if named:
        return template_path(encode(named))
    paths = [template_path(encode(deployment.name)), template_path(deployment.workload)]
    return next((path for path in paths if tree.read(path) is not None), None)


def render(tree: Tree, deployments: Iterable[Deployment], *, template: str = "") -> list[Rendering]:
    """The manifests of deployments, each by its own template, or all by the one that `template` names.

    Raises:
        NotFound: one has no template, or uses no version yet; Invalid: a template fails, makes no manifests, or takes
        more time or memory than it may; Unavailable: no process can be had to fill it.
    """
    with Filler(tree) as filler:
        return [_rendered(filler, tree, one, template) for one in deployments]


def _rendered(filler: Filler, tree: Tree, deployment: Deployment, template: str = "") -> Rendering:
    label = f"{deployment.environment}/{deployment.name}"
    path = template_path(encode(template)) if template else find_template(tree, deployment)
    if path is None:
        own = template_path(encode(deployment.name))
        raise NotFound(
            f"{label} has no template: neither {own} nor {template_path(deployment.workload)} is there.",
            hint="Write one of them, Jinja that makes Kubernetes manifests, and commit it.",
        )
    text = filler.fill(path, _values(tree, deployment, label))
    head = f"{_HEAD} {label} from {path}; change that, and run `registry-git render --write`.\n"
    return Rendering(deployment=label, template=path, path=_kept_at(deployment.key), text=head + text)


def write_renderings(registry: Registry, *, environment: str | None, name: str | None, comment: str = "") -> Kept:
    """Commits the renderings of deployments to `deploy/rendered/`; those of deployments that are gone go.

    Raises:
        As `chosen` and `render`; PermissionDenied: the policy guards edits.
    """

    def plan(tree: Tree) -> Mapping[str, bytes | None]:
        made = render(tree, chosen(tree, environment, name))
        if not made:
            raise NotFound("No deployment has a template.", hint="Write one, templates/service.yaml.j2, and commit it.")
        gone = {} if environment is not None else dict.fromkeys(_orphans(tree))
        return {**gone, **{one.path: one.text.encode() for one in made}}

    headline = Headline(sentence="Render manifests of deployments", action="render")
    return registry.write_files(plan, headline=headline, comment=comment)


def check_renderings(tree: Tree, *, environment: str | None, name: str | None) -> Iterator[Finding]:
    """What is committed in `deploy/rendered/` and is not what the templates make now."""
    with Filler(tree) as filler:
        for deployment in chosen(tree, environment, name):
            yield from _stale(filler, tree, deployment)
    if environment is None:
        for path in _orphans(tree):
            message = "It was rendered for a deployment that is gone, or has no template."
            yield Finding(level="error", path=path, message=message, fix="registry-git render --write")


def _stale(filler: Filler, tree: Tree, deployment: Deployment) -> Iterator[Finding]:
    kept_at = _kept_at(deployment.key)
    try:
        made = _rendered(filler, tree, deployment)
    except (Corrupt, Invalid, NotFound) as problem:
        template = find_template(tree, deployment) or kept_at
        line = _line_of(problem.message)
        yield Finding(level="error", path=template, message=problem.message, fix=problem.hint, line=line)
        return
    there = tree.read(kept_at)
    if there != made.text.encode():
        state = "is not there" if there is None else "is not current"
        message = f"The rendering of {made.deployment} {state}."
        line = 0 if there is None else _first_difference(there.decode(errors="replace"), made.text)
        yield Finding(level="error", path=kept_at, message=message, fix="registry-git render --write", line=line)


def _values(tree: Tree, deployment: Deployment, label: str) -> dict[str, Any]:
    """What a template sees: plain mappings, lists and text. A version's number is `version.version`."""
    if deployment.resolved is None:
        raise NotFound(f"{label} uses no version yet.", hint="What it follows holds none.")
    snapshot = tree.snapshot
    return {
        "deployment": _plain(deployment),
        "model": _plain(snapshot.model(deployment.model)),
        "version": _plain(snapshot.version(deployment.model, deployment.resolved.version)),
        "registry": {"name": snapshot.policy().name},
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Timestamp):
        return value.text()
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, str) else value


def _order(key: DeploymentKey) -> tuple[str, str]:
    return key.environment, key.name


def _kept_at(key: DeploymentKey) -> str:
    return f"{RENDERED}/{encode(key.environment)}/{encode(key.name)}.yaml"


def _orphans(tree: Tree) -> Iterable[str]:
    wanted = {_kept_at(one.key) for one in chosen(tree, None, None)}
    there = tree.below(RENDERED).items()
    return [path for path, data in there if path not in wanted and data.startswith(_HEAD.encode())]


def _first_difference(there: str, made: str) -> int:
    lines = zip(there.split("\n"), made.split("\n"), strict=False)
    return next((number for number, (one, other) in enumerate(lines, 1) if one != other), 1)


def _line_of(message: str) -> int:
    """The line that the message of a template's fault begins with, as in `templates/x.yaml.j2:12: …`."""
    number = message.partition(": ")[0].rpartition(":")[2]
    return int(number) if number.isdigit() else 0
