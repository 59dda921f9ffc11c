"""What the global options of one call say, and the registry that they open."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from registry_git.registry.facade import Registry
    from registry_git.registry.reading import Reading
    from registry_git.registry.resolving import Resolution
    from registry_git.registry.writes import Writes

P = TypeVar("P", bound="Writes")
PROGRAM = "registry-git"


@dataclass(slots=True)
class Invocation:
    """The global options, filled in while the command line is parsed: what comes later wins. Empty: not given.

    `here`: the remote of a clone is not asked, however old the answer is.
    """

    registry: str = ""
    actor: str = ""
    output: str = ""
    at: str = ""
    here: bool = False

    @property
    def machine(self) -> bool:
        """Whether a program reads what is printed."""
        return self.output in ("json", "yaml")

    def read(self) -> Reading:
        """The registry as it is, or as it was at `--at`. Raises: NotFound, Invalid, Unavailable."""
        from registry_git.app import open_at, open_present

        if self.at:
            return open_at(self.registry or None, self.at)
        return open_present(self.registry or None, offline=self.here or None)

    def now(self) -> Registry:
        """The whole registry as it is, to be read; nobody has to be named for that. Raises: as `read`."""
        from registry_git.app import READER, open_registry

        return open_registry(self.registry or None, actor=self.actor or READER, offline=self.here or None)

    def resolve(self, uri: str, *, consumer: str | None = None) -> Resolution:
        """What a `models:/` URI names, as `now().resolve(…)` and quicker from a cold start. Raises: NotFound.

        Who looks at the past uses nothing: `consumer` is noted only without `--at`.
        """
        if self.at:
            return self.read().resolve(uri)
        from registry_git.app import resolve

        return resolve(self.registry or None, uri, consumer=consumer)

    def write(self) -> Registry:
        """The registry, to be changed. Raises: NotFound, Invalid (nobody is named), Unavailable."""
        from registry_git.app import open_registry

        return open_registry(self.registry or None, actor=self.actor or None)

    def part(self, part: type[P]) -> P:
        """As `write`, with the methods of one part of it alone, and quicker from a cold start. Raises: as `write`."""
        from registry_git.app import open_part

        return open_part(part, self.registry or None, actor=self.actor or None)

    def command(self, *words: str) -> str:
        """A command line that says the same registry, to be shown: `registry-git -R … request approve 20261123-…`."""
        chosen = ("-R", self.registry) if self.registry else ()
        return shlex.join((PROGRAM, *chosen, *words))


pass_invocation = click.make_pass_decorator(Invocation, ensure=True)
