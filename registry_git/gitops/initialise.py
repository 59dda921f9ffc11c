"""`gitops init`: writes the `deploy/` tree, again and again, and never over what somebody changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from registry_git.core.changes.proposal import Headline
from registry_git.core.errors import Invalid, NotFound
from registry_git.gitops.planning import TreePlan, plan_tree, tree_notes
from registry_git.gitops.settings import Wanted
from registry_git.gitstore.disk import explained
from registry_git.manifests.layout import DEPLOY
from registry_git.registry.beside import Kept
from registry_git.registry.facade import Registry
from registry_git.registry.tree import Tree


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
        Invalid: options that make no sense, or a symbolic link where a file is to be written;
        PermissionDenied: the policy wants an approval; Corrupt: the record cannot be read;
        NotFound: `to` is not there; Unavailable: it cannot be written.
    """
    last: tuple[Tree, TreePlan] | None = None
    address = _address(registry)

    def plan(tree: Tree) -> Mapping[str, bytes | None]:
        nonlocal last
        there = tree.below(DEPLOY) if to is None else _files_in(to)
        made = plan_tree(tree, there, wanted, repo_url=address, force=force)
        last = tree, made
        return made.files

    if dry_run or to is not None:
        files = plan(registry.tree())
        made = Kept.of(files, commit="", changed=to is not None and not dry_run and _write_here(to, files))
    else:
        headline = Headline(sentence="Write deploy/ for GitOps tools", action="gitops-init")
        made = registry.write_files(plan, headline=headline, comment=comment)
    assert last is not None  # noqa: S101 - every way to here plans
    tree, planned = last
    return Outcome(
        commit=made.commit,
        changed=made.changed,
        written=made.written,
        removed=made.removed,
        kept=planned.kept,
        notes=tuple(tree_notes(tree, planned.settings)),
    )


def _address(registry: Registry) -> str:
    from registry_git.gitstore.porcelain import without_password

    return without_password(registry.remote) if registry.remote else ""


def _files_in(top: Path) -> dict[str, bytes]:
    """The files below `deploy/` of a work tree, committed or not."""
    if not top.is_dir():
        raise NotFound(f"There is no directory {top}.", hint="Name a work tree of the registry.")
    with explained(f"read {top / DEPLOY}"):
        found = [path for path in (top / DEPLOY).rglob("*") if path.is_file()]
        return {path.relative_to(top).as_posix(): path.read_bytes() for path in found}


def _write_here(to: Path, files: Mapping[str, bytes | None]) -> bool:
    for path in files:
        _refuse_link(to, path)
    for path, data in files.items():
        place = to / path
        with explained(f"write {place}"):
            if data is not None:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(data)
            elif place.exists():
                place.unlink()
    return bool(files)


def _refuse_link(top: Path, path: str) -> None:
    """Returns when `path` lies in the work tree itself. Raises: Invalid: a link would lead the write elsewhere."""
    place = top
    for part in Path(path).parts:
        place = place / part
        if place.is_symlink():
            raise Invalid(f"{place} is a symbolic link, and nothing is written through it.", hint="Remove it first.")
