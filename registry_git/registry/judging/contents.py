"""Whether what a change leaves behind is well: entries, manifests, promises, and what manifests say of each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from registry_git.core.changes.following import in_the_way
from registry_git.core.errors import RegistryError
from registry_git.core.integrity import disagreements
from registry_git.core.keys import (
    AliasKey,
    CommentKey,
    DeploymentKey,
    Key,
    ModelKey,
    PolicyKey,
    RequestKey,
    StageKey,
    VersionKey,
)
from registry_git.core.labels import label_problem
from registry_git.core.model import ModelVersion
from registry_git.core.names import ModelName
from registry_git.core.promises import broken_promises
from registry_git.gitstore.commits import Commit
from registry_git.gitstore.repository import Repository
from registry_git.gitstore.snapshot import GitSnapshot
from registry_git.gitstore.trees import EMPTY_TREE, FileChange, compare_trees
from registry_git.manifests.layout import Layout, key_of, versions_directory
from registry_git.registry.checking import alike, unreadable
from registry_git.registry.entries import companion_of, entry_problem
from registry_git.registry.judging.changed import Changed
from registry_git.registry.judging.faults import Fault, Rule, as_faults, fault

_ROLL = "Change the deployment in the same commit, as the command does that moves what it follows: registry-git stage"
_INSIST = "Point the deployment elsewhere first, or use the command with --force and a --comment that says why."


def entry_faults(files: Iterable[FileChange], layout: Layout) -> Iterator[Fault]:
    """Entries that no registry may hold, among files that were added or changed."""
    for file in files:
        if file.after is not None:
            found = entry_problem(file.path, file.mode, file.after, layout)
            if found is not None:
                yield from as_faults(Rule.ENTRY, [found])


def brought_faults(repository: Repository, commit: Commit, tip: str) -> Iterator[Fault]:
    """Entries that no registry may hold and that a commit brings, even when a later one, up to `tip`, mends it.

    Raises:
        Corrupt: the policy of the commit cannot be read, which says where files are.
    """
    before = repository.tree_of(commit.parents[0]) if commit.parents else EMPTY_TREE
    files = compare_trees(before, commit.tree, read=repository.read)
    last = repository.tree_of(tip)
    for one in entry_faults(files, GitSnapshot(repository, commit.id).layout):
        mended = repository.entry(last, one.path) != repository.entry(commit.tree, one.path)
        fix = f"A later commit mends it, but history keeps it: take it out of the commit {commit.id[:12]} itself."
        yield replace(one, fix=fix) if mended else one


def commit_faults(repository: Repository, commit: str) -> Iterator[Fault]:
    """What is wrong with a commit's own form."""
    head = repository.read(commit).partition(b"\n\n")[0]
    names = [line.partition(b" ")[0] for line in head.split(b"\n")]
    if sum(name.startswith(b"gpgsig") for name in names) > 1:
        yield fault(
            Rule.COMMIT, commit[:12], "The commit has two signatures, so nobody can say who signed it.", "Make it anew."
        )
    if names.count(b"parent") > 2:
        yield fault(Rule.COMMIT, commit[:12], "The commit merges more than two parents.", "Merge one after the other.")


def content_faults(changed: Changed) -> Iterator[Fault]:
    """What is wrong with the manifests that a change leaves behind, told only of what it touches."""
    layout = changed.after.layout
    for file in changed.files:
        key = key_of(file.path, layout)
        if file.after is not None and file.mode == "100644" and key is not None:
            found = unreadable(changed.after, file.path, key, file.mode, file.after)
            if found is not None:
                yield from as_faults(Rule.MANIFEST, [found])
    for one in broken_promises(changed.differences, changed.before, changed.after):
        yield fault(Rule.PROMISE, changed.path(one.key), f"{one.why}.", one.fix, line=changed.line(one.key, one.field))
    yield from _untrue(changed)
    yield from _orphans(changed)
    yield from _companions(changed)
    yield from _ids(changed)
    yield from _names(changed)


def _untrue(changed: Changed) -> Iterator[Fault]:
    after = changed.after
    keys: dict[Key, None] = {d.key: None for d in changed.differences if d.after is not None}
    for model in {d.key.model for d in changed.differences if isinstance(d.key, VersionKey)}:
        keys.update({StageKey(model=model, stage=stage): None for stage in after.stages(model)})
        keys.update({AliasKey(model=model, alias=alias): None for alias in after.aliases(model)})
    for model in _shaken(changed):
        keys.update(dict.fromkeys(after.deployments_naming(model)))
    if any(isinstance(d.key, PolicyKey) for d in changed.differences):
        stages = {stage.name for stage in after.policy().stages}
        if {stage.name for stage in changed.before.policy().stages} - stages:
            for model in after.models():
                keys.update(
                    {StageKey(model=model, stage=one): None for one in after.stages(model) if one not in stages}
                )
            keys.update(dict.fromkeys(after.deployments()))
    for key in keys:
        try:
            for _, sentence in disagreements(after, [key]):
                message = f"{sentence[0].upper()}{sentence[1:]}."
                line = changed.line(key, "version")
                fix = _ROLL if isinstance(key, DeploymentKey) else "Copy what the version says."
                yield fault(Rule.MANIFEST, changed.path(key), message, fix, line=line)
        except RegistryError:
            continue  # what it refers to cannot be read, and that was said already


def _shaken(changed: Changed) -> set[ModelName]:
    """The models whose deployments a change may concern: pointers moved, versions went, the model itself did."""
    found = {d.key.model for d in changed.differences if isinstance(d.key, (StageKey, AliasKey))}
    gone = [d.key for d in changed.differences if d.before is not None and d.after is None]
    return found | {key.model for key in gone if isinstance(key, (VersionKey, ModelKey))}


def in_use_faults(changed: Changed) -> Iterator[Fault]:
    """What deployments are left with that no command would leave them with, unless it is forced."""
    for model in sorted(_shaken(changed)):
        for key in changed.after.deployments_naming(model):
            try:
                deployment = changed.after.deployment(key)
            except RegistryError:
                continue  # it cannot be read, and that is said elsewhere
            if deployment is None or deployment.model != model:
                continue
            for sentence in in_the_way(changed.before, changed.after, deployment):
                message = f"{sentence[0].upper()}{sentence[1:]}."
                yield fault(Rule.IN_USE, changed.path(key), message, _INSIST)


def _orphans(changed: Changed) -> Iterator[Fault]:
    """Models that have versions, pointers or comments and no model.yaml. Records may outlive their model."""
    models = {getattr(d.key, "model", None) for d in changed.differences if not isinstance(d.key, RequestKey)}
    for model in filter(None, models):
        if changed.repository.entry(changed.after.tree, changed.path(ModelKey(model=model))) is not None:
            continue
        left = [key for key in changed.after.keys_of(model) if not isinstance(key, (ModelKey, RequestKey))]
        if left:
            path = changed.path(left[0])
            yield fault(Rule.MANIFEST, path, f"{model} has no model.yaml.", "Add one, or remove all of the model.")


def _companions(changed: Changed) -> Iterator[Fault]:
    tree, layout = changed.after.tree, changed.after.layout
    for difference in changed.differences:
        beside = companion_of(difference.key, layout)
        if not beside:
            continue
        there = changed.repository.entry(tree, changed.path(difference.key)) is not None
        if there != (changed.repository.entry(tree, beside) is not None):
            what = "It is missing beside its pointer." if there else "It is left without its pointer."
            yield fault(Rule.MANIFEST, beside, what, "registry-git doctor --fix" if there else "Remove it.")


def _ids(changed: Changed) -> Iterator[Fault]:
    """New versions whose id another version of the model has: two clients must never write equal bytes."""
    for difference in changed.differences:
        version = difference.after
        if not isinstance(version, ModelVersion) or difference.before is not None:
            continue
        where = changed.path(version.key)
        for path, blob in _version_files(changed.repository, changed.after, version.model):
            # looked for as bytes first, since a model may have thousands of versions
            if path == where or version.id.encode() not in changed.repository.read(blob):
                continue
            key = key_of(path, changed.after.layout)
            other = None if key is None else changed.after.find(key)
            if isinstance(other, ModelVersion) and other.id == version.id:
                message = f"v{version.version} of {version.model} has the id of v{other.version}."
                line = changed.line(version.key, "id")
                yield fault(Rule.PROMISE, where, message, "Register it with a fresh id.", line=line)


def _version_files(repository: Repository, at: GitSnapshot, model: ModelName) -> Iterator[tuple[str, str]]:
    top = versions_directory(model, at.layout)
    for name, mode, oid in repository.names(at.tree, top):
        if mode == "40000":
            for inner, _, blob in repository.names(at.tree, f"{top}/{name}"):
                yield f"{top}/{name}/{inner}", blob
        else:
            yield f"{top}/{name}", oid


def _names(changed: Changed) -> Iterator[Fault]:
    new = {d.key.model for d in changed.differences if isinstance(d.key, ModelKey) and d.before is None}
    if new:
        for one in as_faults(Rule.MANIFEST, alike(changed.after.models(), changed.after.layout)):
            if any(repr(model) in one.message for model in new):
                yield one
    for model in sorted(new) if changed.after.deploys() else ():
        problem = label_problem(changed.after, model)
        if problem is not None:
            yield fault(Rule.MANIFEST, changed.path(ModelKey(model=model)), *problem)


def comment_faults(changed: Changed, email: str) -> Iterator[Fault]:
    """Comments that somebody else wrote, edited or removed in another person's name."""
    gone = {d.key for d in changed.differences if isinstance(d.key, (VersionKey, ModelKey)) and d.after is None}
    for difference in changed.differences:
        key = difference.key
        if not isinstance(key, CommentKey):
            continue
        if {ModelKey(model=key.model), VersionKey(model=key.model, version=key.version)} & gone:
            continue  # it goes, or moves, with what it is about
        author = getattr(difference.before or difference.after, "author", None)
        moved = difference.before is None and ModelKey(model=key.model) in {
            d.key for d in changed.differences if d.before is None
        }
        if author is not None and author.email != email and not moved:
            yield fault(
                Rule.AUTHOR,
                changed.path(key),
                f"The comment {key.comment} is {author}'s, and {email} writes it.",
                "Only its author may write a comment.",
            )
