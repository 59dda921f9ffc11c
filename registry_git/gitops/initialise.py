"""`gitops init`: writes the `deploy/` tree, again and again, and never over what somebody changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from registry_git.core.changes.proposal import Headline
from registry_git.core.errors import Invalid
from registry_git.core.labels import label_problem
from registry_git.gitops.manifests import deploy_files
from registry_git.gitops.record import Record, digest_of, read_record, write_record
from registry_git.gitops.settings import Runtime, Settings, Wanted, settle
from registry_git.gitops.slots import slots
from registry_git.gitstore.disk import explained
from registry_git.manifests.codec import encode
from registry_git.manifests.layout import DEPLOY, GITOPS_PATH, path_of
from registry_git.registry.beside import Kept
from registry_git.registry.facade import Registry
from registry_git.registry.tree import Tree

_SHOWN = 5  # of many models, as many are named


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a tree: the commit that shows it ("" when none was asked for), and the files by what was done.

    `kept` were changed by hand and are left alone. `notes` are sentences about models and pointers.
    """

    commit: str
    changed: bool
    written: tuple[str, ...]
    removed: tuple[str, ...]
    kept: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class _Plan:
    files: dict[str, bytes | None] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def initialise(
    registry: Registry,
    wanted: Wanted,
    *,
    force: bool = False,
    to: Path | None = None,
    dry_run: bool = False,
    comment: str = "",
) -> Outcome:
    """Makes the `deploy/` tree of a registry as wanted, or as its record says, in one commit on `main`.

    Args:
        registry: where; its remote is the URL that tools are told, unless another is wanted.
        wanted: what the call names.
        force: write over files that were changed by hand.
        to: write into this directory (a work tree of the registry) and commit nothing.
        dry_run: write nothing; the answer says what would be done.
        comment: what the commit says.

    Raises:
        Invalid: options that make no sense; PermissionDenied: the policy wants an approval; Corrupt: the record cannot
        be read; Unavailable: `to` cannot be written.
    """
    last = _Plan()

    def plan(tree: Tree) -> Mapping[str, bytes | None]:
        nonlocal last
        last = _planned(tree, wanted, repo_url=_address(registry), force=force)
        return last.files

    if dry_run or to is not None:
        tree = registry.tree()
        files = {path: data for path, data in plan(tree).items() if tree.read(path) != data}
        made = Kept(
            commit="",
            changed=to is not None and not dry_run and _write_here(to, files),
            written=tuple(sorted(path for path, data in files.items() if data is not None)),
            removed=tuple(sorted(path for path, data in files.items() if data is None)),
        )
    else:
        headline = Headline(sentence="Write deploy/ for GitOps tools", action="gitops-init")
        made = registry.write_files(plan, headline=headline, comment=comment)
    return Outcome(
        commit=made.commit,
        changed=made.changed,
        written=made.written,
        removed=made.removed,
        kept=tuple(sorted(last.kept)),
        notes=tuple(last.notes),
    )


def _planned(tree: Tree, wanted: Wanted, *, repo_url: str, force: bool) -> _Plan:
    record, text = None, tree.read(GITOPS_PATH)
    if text is not None:
        record = read_record(text)
    settings = settle(wanted, record.settings if record else None, repo_url=repo_url)
    made = deploy_files(tree.snapshot, settings, tree.layout)
    if tree.read(DEPLOY) is not None:
        raise Invalid(f"{DEPLOY} is a file here, and a directory is needed.", hint="Move it away.")
    there = tree.below(DEPLOY)
    known = dict(record.generated) if record else {}
    plan = _Plan()
    generated = {}
    for path, data in made.items():
        generated[path] = digest_of(data)
        if path not in there or there[path] == data or force or digest_of(there[path]) == known.get(path):
            plan.files[path] = data
        else:
            plan.kept.append(path)
    for path in known.keys() - made.keys() & there.keys():
        if force or digest_of(there[path]) == known[path]:
            plan.files[path] = None
        else:
            plan.kept.append(path)
    plan.files[GITOPS_PATH] = write_record(Record(settings=settings, generated=generated))
    plan.notes = list(_notes(tree, settings))
    return plan


def _notes(tree: Tree, settings: Settings) -> Iterator[str]:
    """What stands in the way of models, so that nobody looks for them in the cluster."""
    needs_format = settings.runtime is not Runtime.DEPLOYMENT and not settings.model_format
    named: dict[str, str] = {}
    older: dict[str, None] = {}
    formless: dict[str, None] = {}
    for slot in slots(tree.snapshot, settings, tree.layout):
        if slot.model not in named and (problem := label_problem(tree.snapshot, slot.model)):
            named[slot.model] = f"{problem[0]} Its objects are named {slot.label}."
        pointer = tree.snapshot.stage_pointer(slot.model, slot.environment.stage)
        if pointer is not None and tree.read(path_of(pointer.key, tree.layout)) != encode(pointer):
            older[slot.pointer] = None
        if pointer is not None and needs_format and not pointer.format:
            formless[f"{slot.model} v{pointer.version}"] = None
    yield from list(named.values())[:_SHOWN]
    if older:
        yield f"An older version wrote {_some(older)}. Mend them with: registry-git doctor --fix"
    if formless:
        yield f"The format of {_some(formless)} is not known. Name one for all with --model-format."


def _some(names: Iterable[str]) -> str:
    every = list(names)
    more = f" and {len(every) - _SHOWN:,} more" if len(every) > _SHOWN else ""
    return ", ".join(every[:_SHOWN]) + more


def _address(registry: Registry) -> str:
    from registry_git.gitstore.porcelain import without_password

    return without_password(registry.remote) if registry.remote else ""


def _write_here(to: Path, files: Mapping[str, bytes | None]) -> bool:
    for path, data in files.items():
        place = to / path
        with explained(f"write {place}"):
            if data is not None:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(data)
            elif place.exists():
                place.unlink()
    return bool(files)
