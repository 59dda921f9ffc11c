"""What a stage or an alias names, and how that changes: the events that deployments wait for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from registry_git.core.events import Difference
from registry_git.core.keys import AliasKey, StageKey
from registry_git.core.model import AliasPointer, StagePointer
from registry_git.core.names import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class PointerChange:
    """A stage or an alias of a model (the other of the two is empty) that names something else than before.

    `kind` is `set` (it named nothing), `changed`, or `removed`: then `version` is None, and `uri`, `source`, `digest`
    and `format` are empty. `previous` is the version before this change. `request` is the request, or the direct
    change, that did it. `commit` is the commit on `main` that shows it, `by` its author, `at` its time in milliseconds.
    """

    model: str
    stage: str
    alias: str
    kind: str
    version: int | None
    previous: int | None
    uri: str
    source: str
    digest: str
    format: str
    request: str
    commit: str
    by: Actor
    at: int

    @property
    def pointer(self) -> str:
        """The pointer in short: `fraud/Production`, `fraud@champion`."""
        return f"{self.model}/{self.stage}" if self.stage else f"{self.model}@{self.alias}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which pointers somebody follows: of all models where `model` is empty.

    With neither stages nor aliases all of them; else those that are named. Stages compare case-insensitively.
    """

    model: str = ""
    stages: frozenset[str] = field(default_factory=frozenset)
    aliases: frozenset[str] = field(default_factory=frozenset)

    def __contains__(self, key: object) -> bool:
        """Whether a pointer's key is among them."""
        if not isinstance(key, StageKey | AliasKey) or (self.model and key.model != self.model):
            return False
        if not self.stages and not self.aliases:
            return True
        if isinstance(key, AliasKey):
            return key.alias in self.aliases
        return key.stage.casefold() in {stage.casefold() for stage in self.stages}


def pointer_changes(differences: Iterable[Difference], *, commit: str, by: Actor, at: int) -> Iterator[PointerChange]:
    """The pointers among `differences` that name another version, or the same one elsewhere, in a fixed order.

    The order is by model, its aliases before its stages. A pointer that cannot be read after the commit tells nothing.
    """
    found = [one for one in differences if isinstance(one.key, StageKey | AliasKey) and not one.unreadable]
    for one in sorted(found, key=lambda one: _place(one.key)):
        before, after = _pointer(one.before), _pointer(one.after)
        if _named(before) == _named(after):
            continue
        key = one.key
        shown = after or before
        assert shown is not None  # noqa: S101 - for the type checker: two absent pointers name the same
        yield PointerChange(
            model=shown.model,
            stage=key.stage if isinstance(key, StageKey) else "",
            alias=key.alias if isinstance(key, AliasKey) else "",
            kind="removed" if after is None else "set" if before is None else "changed",
            version=after.version if after else None,
            previous=before.version if before else None,
            uri=f"models:/{after.model}/{after.version}" if after else "",
            source=after.source if after else "",
            digest=after.digest if after else "",
            format=after.format if after else "",
            request=after.request if after else "",
            commit=commit,
            by=by,
            at=at,
        )


def _pointer(entity: object) -> StagePointer | AliasPointer | None:
    return entity if isinstance(entity, StagePointer | AliasPointer) else None


def _named(pointer: StagePointer | AliasPointer | None) -> tuple[object, ...] | None:
    """What whoever loads the model would notice; that a request confirmed it anew is no change."""
    return (pointer.version, pointer.source, pointer.digest, pointer.format) if pointer else None


def _place(key: object) -> tuple[str, int, str]:
    if isinstance(key, AliasKey):
        return key.model, 0, key.alias
    assert isinstance(key, StageKey)  # noqa: S101 - the caller chose by type
    return key.model, 1, key.stage
