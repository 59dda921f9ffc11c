"""Facts of another registry, brought into this one in batches: a commit each, a pack and a move of `main` a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from registry_git.core.changes.bringing import Aliased, Fact, InStage, bring
from registry_git.core.changes.proposal import Act, Headline, Proposal
from registry_git.core.errors import Conflict, Invalid, NotFound, PermissionDenied
from registry_git.core.model import ModelVersion, RegisteredModel
from registry_git.core.names import Id
from registry_git.core.snapshot import Overlay, Snapshot, find_stage, stages_of
from registry_git.manifests.messages import read_operation
from registry_git.registry.writes import Writes
from registry_git.registry.writing import Bringer, Decide, apply_all, require_allowed

BATCH = 400  # facts a pack: trees of all its commits are held in memory until it is written
Progress: TypeAlias = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotCarried:
    """Something of the other registry that is not here, or not so. `version` is None when it is about a model."""

    model: str
    version: int | None = None
    what: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What was carried from one registry to another: what was written, and how much of it was there `already`."""

    models: int = 0
    versions: int = 0
    stages: int = 0
    aliases: int = 0
    updates: int = 0
    already: int = 0
    not_carried: tuple[NotCarried, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought(Carried):
    """What an import did, and the commit that is on `main` after it."""

    commit: str


class Importing(Writes):
    """The part of the registry that takes over what another one holds."""

    def bring(self, facts: Sequence[Fact], *, dry_run: bool = False, progress: Progress | None = None) -> Brought:
        """Brings facts here, oldest first, as commits by those who did it there; the actor is their committer.

        The policy judges the actor: one who may not register gets an error; a stage or alias that a rule keeps is
        reported and left for a request. What was brought before is not brought again, so what was decided here since
        stays, and a run that was stopped goes on where it was. `dry_run` writes nothing and reports the same.

        Raises:
            PermissionDenied: the actor may not register models and versions; Conflict; Unavailable.
        """
        self._store.refresh()
        run = _Run(self, facts)
        for batch in run.batches():
            if dry_run:
                run.rehearse(batch)
            else:
                run.write(batch)
            if progress is not None:
                progress(len(batch))
        if not dry_run:
            from registry_git.gitstore.repacking import merge_what_was_brought  # slow to import, and few import

            merge_what_was_brought(self._store.repository)
        return run.result()


class _Run:
    """One import: what is to be brought, and what became of each fact."""

    def __init__(self, registry: Importing, facts: Sequence[Fact]) -> None:
        self._store = registry._store
        self._act = registry._act()
        snapshot = registry._snapshot()
        known = registry._queries(snapshot).operations()
        self._facts = [(fact.id, fact) for fact in facts]
        fresh = [(name, fact) for name, fact in self._facts if name not in known]
        self._fresh = sorted(fresh, key=lambda each: _order(each[1]))
        tip = self._store.repository.commit(snapshot.commit)
        ours = not tip.parents or read_operation(tip.message) in {name for name, _ in self._facts}
        dated = bool(fresh) and ours and tip.at * 1000 <= self._fresh[0][1].at
        self._bringer = Bringer(actor=self._act.actor, at=None if dated else self._act.at)
        self._overlay = Overlay(snapshot, {})  # what a rehearsal has come to
        self._rehearsed = False
        self._done: dict[Id, bool] = {}
        self._updates: dict[Id, bool] = {}
        self._problems: dict[Id, str] = {}

    def batches(self) -> Iterator[list[tuple[Id, Fact]]]:
        """The facts that were not brought before, in the order of their time."""
        for start in range(0, len(self._fresh), BATCH):
            yield self._fresh[start : start + BATCH]

    def write(self, batch: Sequence[tuple[Id, Fact]]) -> None:
        """Commits a batch.

        The commits bear the times of old where history so far is this import's own and older: in a registry that was
        made for it, and when a stopped import goes on. Elsewhere they bear the time of the import: before, it was not
        here.
        """
        changes = [(_act_of(name, fact), self._deciding(name, fact)) for name, fact in batch]
        apply_all(self._store, changes, bringer=self._bringer)

    def rehearse(self, batch: Iterable[tuple[Id, Fact]]) -> None:
        """Decides a batch as `write` would, on what the batches before it would have left."""
        self._rehearsed = True
        for name, fact in batch:
            proposal = self._deciding(name, fact)(self._overlay)
            if proposal.edits:
                require_allowed(proposal, self._overlay.policy(), self._act.actor)
                self._overlay.add(proposal.edits)

    def result(self) -> Brought:
        """What was done, and what is not here as it is there."""
        now = self._store.snapshot()
        snapshot: Snapshot = self._overlay if self._rehearsed else now
        counts = dict.fromkeys(("models", "versions", "stages", "aliases", "updates"), 0)
        for name, fact in self._facts:
            if self._done.get(name):
                counts["updates" if self._updates[name] else _COUNTED[type(fact.says)]] += 1
        missing = (
            NotCarried(model=fact.model, version=fact.version, what=_what(fact), why=why)
            for name, fact in self._facts
            if (why := self._problems.get(name) or ("" if self._is_so(name, fact) else _difference(snapshot, fact)))
        )
        already = len(self._facts) - len(self._done)
        return Brought(**counts, already=already, not_carried=tuple(missing), commit=now.commit)

    def _is_so(self, name: Id, fact: Fact) -> bool:
        """Whether there is no need to look: a model or version that was just written is as it was written."""
        return self._done.get(name, False) and isinstance(fact.says, (RegisteredModel, ModelVersion))

    def _deciding(self, name: Id, fact: Fact) -> Decide:
        act = _act_of(name, fact)
        pointer = isinstance(fact.says, (InStage, Aliased))

        def decide(snapshot: Snapshot) -> Proposal:
            try:
                proposal = bring(snapshot, act, fact.says)
                if pointer:
                    require_allowed(proposal, snapshot.policy(), self._act.actor)
            except (Conflict, Invalid, NotFound, PermissionDenied) as problem:
                self._problems[name] = str(problem)
                self._done[name] = False
                return _NOTHING
            self._done[name] = bool(proposal.edits)
            self._updates[name] = any(snapshot.find(key) is not None for key in proposal.edits) and not pointer
            return proposal

        return decide


_COUNTED = {RegisteredModel: "models", ModelVersion: "versions", InStage: "stages", Aliased: "aliases"}
_RANK = {RegisteredModel: 0, ModelVersion: 1, InStage: 2, Aliased: 3}
_NOTHING = Proposal(edits={}, touches=(), headline=Headline(sentence="Import nothing", action="import"))


def _act_of(name: Id, fact: Fact) -> Act:
    return Act(actor=fact.by, at=fact.at, id=name)


def _order(fact: Fact) -> tuple[int, int, str, int]:
    return (fact.at, _RANK[type(fact.says)], fact.model, fact.version or 0)


def _what(fact: Fact) -> str:
    match fact.says:
        case RegisteredModel():
            return "model"
        case ModelVersion():
            return "version"
        case InStage(stage=stage):
            return f"stage {stage}"
        case Aliased(alias=alias):
            return f"alias {alias}"


def _difference(snapshot: Snapshot, fact: Fact) -> str:
    """How what is here differs from the fact; empty when it does not."""
    says = fact.says
    match says:
        case RegisteredModel():
            here = snapshot.find(says.key)
            if not isinstance(here, RegisteredModel):
                return "it was deleted or renamed here"
            same = (here.description, here.tags) == (says.description, says.tags)
            return "" if same else "its description or tags are others here"
        case ModelVersion():
            version = snapshot.find(says.key)
            if not isinstance(version, ModelVersion):
                return "it was deleted here"
            same = (version.description, version.tags) == (says.description, says.tags)
            return "" if same else "its description or tags are others here"
        case InStage():
            held = stages_of(snapshot.stage_pointers(says.model), says.version)
            stage = find_stage(snapshot.policy(), says.stage)
            return "" if stage and stage.name in held else f"it is in {', '.join(held) or 'None'} here"
        case Aliased():
            pointer = snapshot.alias_pointer(says.model, says.alias)
            if pointer is None:
                return "the alias was deleted here"
            return "" if pointer.version == says.version else f"the alias names v{pointer.version} here"
