"""Who the users of another registry are here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from registry_git.core.errors import Invalid
from registry_git.core.names import Actor

_UNWRITABLE = re.compile(r"[<>\s]+")
NOWHERE = "mlflow.invalid"  # a domain that nobody can have: such an address reaches nobody and is nobody's


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Users as actors. `unnamed` stands for whom the other registry does not name."""

    unnamed: Actor
    known: Mapping[str, Actor] = field(default_factory=dict)

    def actor(self, user: str | None) -> Actor:
        """The actor for a user id: the one in the file, else by its address, else `alice <alice@mlflow.invalid>`."""
        user = (user or "").strip()
        if not user:
            return self.unnamed
        known = self.known.get(user)
        if known is not None:
            return known
        plain = _UNWRITABLE.sub("-", user).strip("-") or "unknown"
        name, at, _ = plain.partition("@")
        try:
            return Actor.parse(f"{name} <{plain}>" if at and name else f"{plain} <{plain.strip('@')}@{NOWHERE}>")
        except Invalid:
            return self.unnamed


def parse_people(text: str) -> dict[str, Actor]:
    """What a file says of users, a line each: `alice = Alice Doe <alice@acme.io>`, as git's own tools take it.

    Raises:
        Invalid: a line that says nothing of the kind; it is named by its number.
    """
    found: dict[str, Actor] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        user, equals, actor = line.partition(" = ")
        try:
            if not equals or not user.strip():
                raise Invalid("")
            found[user.strip()] = Actor.parse(actor)
        except Invalid:
            raise Invalid(
                f"Line {number} of the users is {line.strip()!r}, which names nobody.",
                hint="Write each as: alice = Alice Doe <alice@acme.io>",
            ) from None
    return found
