"""The gate as CI calls it: two names in, findings and a summary out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from registry_git.core.errors import NotFound, RegistryError
from registry_git.core.rules import ForgeSettings
from registry_git.gitstore.remerge import Scratch
from registry_git.gitstore.repository import Repository
from registry_git.gitstore.revisions import find_revision, refuse_shallow
from registry_git.gitstore.snapshot import GitSnapshot
from registry_git.registry.judging.branch import judge_branch
from registry_git.registry.judging.faults import Fault
from registry_git.registry.judging.summary import markdown


@dataclass(frozen=True, slots=True, kw_only=True)
class GateReport:
    """What the gate found between two commits, errors first; `summary` is Markdown.

    `forge` is where the registry is reviewed, as the policy of `base` says; None: nowhere, or that policy is broken.
    """

    base: str
    head: str
    faults: tuple[Fault, ...]
    summary: str
    forge: ForgeSettings | None = None

    @property
    def clean(self) -> bool:
        """Whether nothing forbids the merge."""
        return all(one.level != "error" for one in self.faults)


def run_gate(
    repository: Repository, base: str, head: str, *, requests: Mapping[str, str], require_approved: bool
) -> GateReport:
    """Judges the merge of `head` into `base`; `requests` are the tips of open requests by their ids.

    Raises:
        Invalid, NotFound, Unavailable, Corrupt.
    """
    refuse_shallow(repository)
    onto = find_revision(repository, base)
    try:
        tip = find_revision(repository, head)
    except NotFound:
        # last: whoever gives a request the id HEAD must not have it judged in place of the branch
        if head not in requests:
            raise
        tip = requests[head]
    # one of its own: what is borrowed for tries stays with the object that borrowed it
    own = Repository(repository.git_dir)
    with Scratch(own) as scratch:
        found = judge_branch(own, scratch, onto, tip, require_approved=require_approved)
        summary = markdown(found)
    return GateReport(base=onto, head=tip, faults=found.faults, summary=summary, forge=_forge(own, onto))


def _forge(repository: Repository, base: str) -> ForgeSettings | None:
    try:
        return GitSnapshot(repository, base).policy().forge
    except RegistryError:
        return None  # the findings say it
