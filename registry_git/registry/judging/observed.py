"""What may be pushed to the branch of observations: records of consumers, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from registry_git.core.errors import Corrupt
from registry_git.gitstore.commits import Commit
from registry_git.gitstore.repository import Repository
from registry_git.gitstore.trees import EMPTY_TREE, compare_trees
from registry_git.manifests.codec import decode
from registry_git.manifests.layout import OBSERVATIONS, Layout, consumer_of
from registry_git.registry.entries import entry_problem
from registry_git.registry.judging.faults import Fault, Rule, as_faults, fault, of_error


def foreign_faults(repository: Repository, tip: str) -> Iterator[Fault]:
    """What the branch of observations would hold that is none, wherever its commits come from."""
    for name, _, _ in repository.names(repository.tree_of(tip), ""):
        if name != OBSERVATIONS:
            yield fault(Rule.ENTRY, name, f"The branch of observations holds no {name}.", f"git rm -r {name}")


def observation_faults(repository: Repository, commit: Commit) -> Iterator[Fault]:
    """What is wrong with the files that a commit brings to the branch of observations."""
    before = repository.tree_of(commit.parents[0]) if commit.parents else EMPTY_TREE
    for file in compare_trees(before, commit.tree, read=repository.read):
        if file.after is None or file.path.partition("/")[0] != OBSERVATIONS:
            continue
        found = entry_problem(file.path, file.mode, file.after, Layout.FLAT)
        key = consumer_of(file.path)
        if found is not None:
            yield from as_faults(Rule.ENTRY, [found])
        elif key is None:
            yield fault(Rule.ENTRY, file.path, "No registry writes this file.", "Remove it.")
        else:
            try:
                decode(repository.read(file.after), path=file.path, key=key)
            except Corrupt as problem:
                told = of_error(Rule.MANIFEST, file.path, problem)
                yield replace(told, fix=told.fix or "Let the program write it: registry-git observations flush")
