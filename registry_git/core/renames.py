"""Models that left under one name and came under another: known by their id, as their files move."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from registry_git.core.events import Difference
from registry_git.core.keys import CommentKey, Key, ModelKey, RequestKey, VersionKey
from registry_git.core.model import Comment, Entity, ModelVersion, RegisteredModel, TransitionRequest
from registry_git.core.names import ModelName

_Moving = (ModelKey, VersionKey, CommentKey, RequestKey)


def renamed_models(differences: Sequence[Difference]) -> dict[ModelName, ModelName]:
    """The models that a change renames: new name to old name."""
    gone = {d.before.id: d.before.name for d in differences if isinstance(d.before, RegisteredModel) and not d.after}
    return {
        d.after.name: gone[d.after.id]
        for d in differences
        if isinstance(d.after, RegisteredModel) and d.before is None and d.after.id in gone
    }


def followed(differences: Sequence[Difference], renames: Mapping[ModelName, ModelName]) -> Iterator[Difference]:
    """The differences with each entity of a renamed model compared with what it was under the old name.

    Pointers are left as they are: a rename takes a version out of a slot of one name and puts it into one of another.
    """
    was = {d.key: d for d in differences}
    new_names = {old: new for new, old in renames.items()}
    for difference in differences:
        key = difference.key
        model = getattr(key, "model", None)
        if not isinstance(key, _Moving) or model is None:
            yield difference
        elif model in renames and difference.before is None:
            before = was.get(_under(key, renames[model]))
            yield replace(difference, before=_named(before.before, model) if before else None)
        elif model in new_names and difference.after is None and not difference.unreadable:
            key = _under(key, new_names[model])
            if key not in was:
                yield Difference(key=key, before=_named(difference.before, new_names[model]), after=None)
        else:
            yield difference


def _under(key: ModelKey | VersionKey | CommentKey | RequestKey, model: ModelName) -> Key:
    return replace(key, model=model)


def _named(entity: Entity | None, model: ModelName) -> Entity | None:
    if isinstance(entity, RegisteredModel):
        return replace(entity, name=model)
    if isinstance(entity, (ModelVersion, Comment, TransitionRequest)):
        return replace(entity, model=model)
    return entity
