"""What is to be written into a `deploy/` tree: the wanted files, but for those that somebody changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from registry_git.artifacts.location import Local, parse_location
from registry_git.core.errors import Invalid
from registry_git.core.labels import is_label_value, label_problem
from registry_git.gitops.manifests import deploy_files
from registry_git.gitops.record import Record, digest_of, read_record, write_record
from registry_git.gitops.settings import Runtime, Settings, Tool, Wanted, settle
from registry_git.gitops.slots import environments, slots
from registry_git.manifests.codec import encode
from registry_git.manifests.layout import DEPLOY, GITOPS_PATH, path_of
from registry_git.registry.finding import Finding
from registry_git.registry.tree import Tree

_SHOWN = 5  # of many models, as many are named


@dataclass(frozen=True, slots=True, kw_only=True)
class TreePlan:
    """The files to put (content) and remove (None), those that stay as somebody made them, and what they are for."""

    files: Mapping[str, bytes | None]
    kept: tuple[str, ...]
    settings: Settings


def plan_tree(tree: Tree, there: Mapping[str, bytes], wanted: Wanted, *, repo_url: str, force: bool) -> TreePlan:
    """What makes `there` (the files below `deploy/` now) the tree that is wanted for the registry in `tree`.

    Raises:
        Invalid: options that make no sense; Corrupt: the record cannot be read.
    """
    if tree.read(DEPLOY) is not None:
        raise Invalid(f"{DEPLOY} is a file here, and a directory is needed.", hint="Move it away.")
    record = read_record(there[GITOPS_PATH]) if GITOPS_PATH in there else None
    settings = settle(wanted, record.settings if record else None, repo_url=repo_url)
    known = dict(record.generated) if record else {}
    made = deploy_files(tree.snapshot, settings, tree.layout)
    files: dict[str, bytes | None] = {}
    kept = []
    for path, data in made.items():
        if path not in there or there[path] == data or force or digest_of(there[path]) == known.get(path):
            files[path] = data
        else:
            kept.append(path)
    for path in (known.keys() - made.keys()) & there.keys():
        if force or digest_of(there[path]) == known[path]:
            files[path] = None
        else:
            kept.append(path)
    generated = {path: digest_of(data) for path, data in made.items()}
    files[GITOPS_PATH] = write_record(Record(settings=settings, generated=generated))
    changes = {path: data for path, data in files.items() if there.get(path) != data}
    return TreePlan(files=changes, kept=tuple(sorted(kept)), settings=settings)


def tree_findings(tree: Tree) -> Iterator[Finding]:
    """A warning when `deploy/` lags behind the registry: a model came to a stage, or was renamed, or moved."""
    there = tree.below(DEPLOY)
    if GITOPS_PATH not in there:
        return
    changes = plan_tree(tree, there, Wanted(), repo_url="", force=False).files
    if changes:
        first = next((path for path in sorted(changes) if path != GITOPS_PATH), GITOPS_PATH)
        more = f", and {len(changes) - 1:,} more" if len(changes) > 1 else ""
        yield Finding(
            level="warning",
            path=DEPLOY,
            message=f"It does not fit the registry any more: {first}{more}.",
            fix="registry-git gitops init",
        )


def tree_notes(tree: Tree, settings: Settings) -> Iterator[str]:
    """What stands in the way of models, so that nobody looks for them in the cluster."""
    there = list(slots(tree.snapshot, settings, tree.layout))
    if {Tool.ARGOCD, Tool.FLUX} & set(settings.tools) and _is_here(settings.repo_url):
        yield f"A cluster does not read {settings.repo_url}. Say where it reaches the registry with --repo-url."
    models = tree.snapshot.models()
    for pattern in settings.models:
        if not any(fnmatchcase(model, pattern) for model in models):
            yield f"No model is called {pattern!r} yet."
    if not environments(tree.snapshot, settings):
        yield "No stage of this registry serves, so nothing is deployed. Name one with --stage."
    elif not there:
        yield "Nothing is in a stage yet, so nothing is deployed. Begin with: registry-git stage NAME VERSION STAGE"
    named: dict[str, str] = {}
    older: dict[str, None] = {}
    formless: dict[str, None] = {}
    here: dict[str, None] = {}
    long: dict[str, None] = {}
    for slot in there:
        if slot.model not in named and (problem := label_problem(tree.snapshot, slot.model)):
            named[slot.model] = f"{problem[0]} Its objects are named {slot.label}."
        pointer = tree.snapshot.stage_pointer(slot.model, slot.environment.stage)
        if pointer is None:
            continue
        version = f"{slot.model} v{pointer.version}"
        if not is_label_value(pointer.request):
            long[f"{slot.model}/{slot.environment.stage}"] = None
        if tree.read(path_of(pointer.key, tree.layout)) != encode(pointer):
            older[slot.pointer] = None
        if settings.runtime is not Runtime.DEPLOYMENT and not settings.model_format and not pointer.format:
            formless[version] = None
        if settings.tools != (Tool.COMPOSE,) and _is_here(pointer.source):
            here[version] = None
    yield from list(named.values())[:_SHOWN]
    if older:
        yield f"An older version wrote {_some(older)}. Mend them with: registry-git doctor --fix"
    if long:
        yield f"The id that brought what is in {_some(long)} is no label in Kubernetes; the next move there mends it."
    if formless:
        yield f"The format of {_some(formless)} is not known. Name one for all with --model-format."
    if here:
        yield f"A cluster does not read paths of one machine: {_some(here)}. Register such files with --upload URL."


def _is_here(source: str) -> bool:
    """Whether a source or an address is a path of one machine."""
    try:
        return isinstance(parse_location(source), Local)
    except Invalid:
        return False


def _some(names: Iterable[str]) -> str:
    every = list(names)
    more = f" and {len(every) - _SHOWN:,} more" if len(every) > _SHOWN else ""
    return ", ".join(every[:_SHOWN]) + more
