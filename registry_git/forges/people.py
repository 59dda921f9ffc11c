"""Whose login is whose email address: what `registry.yaml` maps, else what the forge publishes; never a guess."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from registry_git.forges.base import Person

# What forges give out in place of an address that its owner keeps to themselves.
_HIDDEN = re.compile(r"@([^@]*\.)?no-?reply\.|[@.]noreply[@.]|@localhost$")
_ADDRESS = re.compile(r"[^\s<>*?!,\"'#@]+@[^\s<>*?!,\"'#@]+")


class People:
    """Logins to persons.

    Args:
        mapped: login to email address, both in lower case (`registry.yaml`).
        published: what the forge publishes as the name and the address of a login; "" for none. Asked once for each.
    """

    def __init__(self, mapped: Mapping[str, str], published: Callable[[str], tuple[str, str]]) -> None:
        self._mapped = mapped
        self._published = published
        self._known: dict[str, tuple[str, str]] = {}

    def person(self, login: str, name: str = "") -> Person:
        """The person behind a login."""
        key = login.lower()
        mapped = self._mapped.get(key, "")
        if mapped and name:
            return Person(login=login, name=name, email=mapped, mapped=True)
        if key not in self._known:
            self._known[key] = self._published(login)
        own_name, email = self._known[key]
        return Person(login=login, name=name or own_name, email=mapped or self.believed(email), mapped=bool(mapped))

    def logins(self, emails: tuple[str, ...]) -> dict[str, str]:
        """Those of the addresses that are mapped, to their logins."""
        by_email = {email: login for login, email in self._mapped.items()}
        return {email: by_email[email.lower()] for email in emails if email.lower() in by_email}

    def believed(self, email: str) -> str:
        """`email`, unless it is no real address, or one that `registry.yaml` gives to another login."""
        address = email.strip().lower()
        if not _ADDRESS.fullmatch(address) or _HIDDEN.search(address) or address in self._mapped.values():
            return ""
        return address
