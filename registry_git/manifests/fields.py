"""The members of a validated manifest, parsed one by one; a refusal says where in the manifest it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, TypeVar

from registry_git.core.errors import Invalid
from registry_git.core.frozen import Frozen
from registry_git.core.names import Actor, AliasName, ModelName, StageName, parse_tag_key
from registry_git.core.times import Timestamp
from registry_git.manifests.yaml_reader import step

T = TypeVar("T")

# The same few names and people are in thousands of manifests.
parse_model: Callable[[str], ModelName] = lru_cache(maxsize=4096)(ModelName.parse)
parse_actor: Callable[[str], Actor] = lru_cache(maxsize=4096)(Actor.parse)
parse_stage: Callable[[str], StageName] = lru_cache(maxsize=256)(StageName.parse)
parse_alias: Callable[[str], AliasName] = lru_cache(maxsize=4096)(AliasName.parse)


class Misplaced(Exception):
    """A value that its schema allows and the registry does not; internal to `manifests`."""

    def __init__(self, place: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.place = place
        self.message = message
        self.hint = hint


class Fields:
    """A mapping in a manifest that its schema has passed, so required keys are there and types are right."""

    __slots__ = ("place", "value")

    def __init__(self, value: dict[str, Any], place: str = "$") -> None:
        self.value = value
        self.place = place

    def parse(self, key: str, parser: Callable[[Any], T]) -> T:
        """The parsed value of a required key. Raises: Misplaced."""
        try:
            return parser(self.value[key])
        except Invalid as problem:
            raise Misplaced(step(self.place, key), problem.message, problem.hint) from None

    def optional(self, key: str, parser: Callable[[Any], T]) -> T | None:
        """The parsed value, or None when the key is not there. Raises: Misplaced."""
        return self.parse(key, parser) if key in self.value else None

    def each(self, key: str, parser: Callable[[Any], T]) -> tuple[T, ...]:
        """The parsed items of a list; empty when the key is not there. Raises: Misplaced."""
        found = []
        for place, item in enumerate(self.value.get(key, ())):
            try:
                found.append(parser(item))
            except Invalid as problem:
                raise Misplaced(step(step(self.place, key), place), problem.message, problem.hint) from None
        return tuple(found)

    def text(self, key: str, default: str = "") -> str:
        """The text of an optional key."""
        text: str = self.value.get(key, default)
        return text

    def flag(self, key: str, default: bool = False) -> bool:
        """The truth of an optional key."""
        flag: bool = self.value.get(key, default)
        return flag

    def mapping(self, key: str) -> Fields:
        """A mapping inside; empty when the key is not there."""
        return Fields(self.value.get(key, {}), step(self.place, key))

    def items(self, key: str) -> Iterator[Fields]:
        """The mappings in a list; none when the key is not there."""
        for place, item in enumerate(self.value.get(key, ())):
            yield Fields(item, step(step(self.place, key), place))

    def tags(self, key: str) -> dict[str, str]:
        """Tags, sorted by key. Raises: Misplaced."""
        found: dict[str, str] = self.value.get(key) or {}
        for name in found:
            try:
                parse_tag_key(name)
            except Invalid as problem:
                raise Misplaced(step(step(self.place, key), name), problem.message, problem.hint) from None
        return Frozen(sorted(found.items()))

    def annotations(self) -> Mapping[str, str]:
        """What other programs noted; empty when there is nothing."""
        return Frozen(self.value.get("annotations", {}))

    def time(self, key: str) -> Timestamp:
        """A required time. Raises: Misplaced."""
        return self.parse(key, Timestamp.parse)

    def refuse(self, key: str, message: str, hint: str = "") -> Misplaced:
        """The error for `key`, to raise."""
        return Misplaced(step(self.place, key), message, hint)


def without_empty(members: dict[str, Any]) -> dict[str, Any]:
    """`members` without those that say nothing: empty text, lists and mappings, None, False."""
    return {key: value for key, value in members.items() if value or type(value) is int}


def sorted_by_key(members: Mapping[str, T]) -> dict[str, T]:
    """`members` in the order of their keys, so that the order in which tags were set makes no difference in a file."""
    return dict(sorted(members.items()))
