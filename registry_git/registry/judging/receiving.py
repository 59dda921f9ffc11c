"""What git's hooks hand over: lines about references, and who pushes as the transport knows it."""

from __future__ import annotations

from collections.abc import Mapping

from registry_git.core.errors import Invalid, PermissionDenied
from registry_git.core.names import Actor
from registry_git.gitstore.remote import RefMove
from registry_git.gitstore.repository import Repository
from registry_git.registry.judging.pushed import Pusher

_SECTION = "registry-git"
_NONE = "0" * 40


def parse_moves(text: str) -> list[RefMove]:
    """The moves in the lines `<old> <new> <reference>` of a hook's standard input. Raises: Invalid."""
    moves = []
    for line in text.split("\n"):
        if not line:
            continue
        parts = line.split(" ", 2)
        if len(parts) != 3:
            raise Invalid(f"{line!r} is no line of a hook's input.", hint="Only git calls this.")
        old, new, name = parts
        moves.append(RefMove(name=name, old=None if old == _NONE else old, new=None if new == _NONE else new))
    return moves


def find_pusher(repository: Repository, *, web_user: str, named: str, system_user: str) -> Pusher:
    """Who pushes.

    Args:
        repository: its configuration may map users (`registry-git.<user>.actor`), and name the servers that push what
            others wrote (`registry-git.pushesForOthers`, an email address; may be given several times).
        web_user: whom the web server has authenticated; empty when none did.
        named: the actor that the forced command of an ssh key, or a push over a local path, sets.
        system_user: the account that the push runs as.

    Raises:
        PermissionDenied: nobody is named.
    """
    config = {entry.name: str(entry.value) for entry in repository.git.config if entry.name.startswith(_SECTION)}
    if web_user:
        actor = _mapped(config, web_user)
        if actor is None:
            raise _nobody(f"The web server says {web_user!r}, and nobody is known by that name.", web_user)
    else:
        found = Actor.parse(named) if named else _mapped(config, system_user)
        if found is None:
            raise _nobody("Nobody is named as the one who pushes.", system_user)
        actor = found
    trusted = [str(one).lower() for one in repository.git.config.get_multivar(f"{_SECTION}.pushesForOthers")]
    return Pusher(actor=actor, for_others=actor.email in trusted)


def _mapped(config: Mapping[str, str], user: str) -> Actor | None:
    said = config.get(f"{_SECTION}.{user}.actor")
    if said:
        return Actor.parse(said)
    if "@" in user:
        return Actor.parse(f"{user.partition('@')[0]} <{user}>")
    return None


def _nobody(message: str, user: str) -> PermissionDenied:
    return PermissionDenied(
        message,
        hint=f'Set it on the server: git config {_SECTION}.{user}.actor "Name <email>", '
        "or REGISTRY_GIT_ACTOR in the forced command of the ssh key.",
    )
