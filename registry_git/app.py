"""Where the floors are joined: which registry, who acts, what time it is, fresh ids.

What only some calls take is imported by those: a cold `resolve` should not wait for all that writing takes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from registry_git.core.errors import Invalid, NotFound
from registry_git.core.model import PolicyKey
from registry_git.core.names import Actor, Id
from registry_git.core.times import Timestamp
from registry_git.core.uris import parse_reference
from registry_git.gitstore.repository import Repository
from registry_git.gitstore.snapshot import snapshot_of
from registry_git.manifests.layout import Layout
from registry_git.registry import resolving

if TYPE_CHECKING:
    from registry_git.gitstore.store import Store
    from registry_git.registry.facade import Registry
    from registry_git.registry.past import PastReading
    from registry_git.registry.present import Present
    from registry_git.registry.recording import Recorder
    from registry_git.registry.writes import Writes
    from registry_git.registry.writing import Surroundings

REGISTRY_VARIABLE = "REGISTRY_GIT_URI"
ACTOR_VARIABLE = "REGISTRY_GIT_ACTOR"
OFFLINE_VARIABLE = "REGISTRY_GIT_OFFLINE"
CONSUMER_VARIABLE = "REGISTRY_GIT_CONSUMER"
OBSERVATIONS_VARIABLE = "REGISTRY_GIT_OBSERVATIONS"
TRACKING_VARIABLE = "MLFLOW_TRACKING_URI"  # MLflow's own
_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_DIGIT_OF = _CROCKFORD.encode() * 8  # of any byte: that of its last five bits
P = TypeVar("P", bound="Writes")
READER = "Reader <reader@localhost>"  # who reads: nobody has to be named for that


def open_registry(
    path_or_url: str | os.PathLike[str] | None = None,
    *,
    actor: str | None = None,
    durable: bool = True,
    offline: bool | None = None,
) -> Registry:
    """The registry at a path or URL; by default `REGISTRY_GIT_URI`, else the repository around the working directory.

    Args:
        path_or_url: a repository, a directory in its work tree, or the URL of a remote one, for which a clone is kept
            in the user's cache directory.
        actor: `Name <email>`; by default `REGISTRY_GIT_ACTOR`, else git's user.name and user.email.
        durable: whether writes are on disk when they return; False for throw-away registries alone.
        offline: whether writes to a clone stay here until `sync`; by default when `REGISTRY_GIT_OFFLINE` is set.

    A remote that is away when there is a clone of it costs a warning: what is here is shown, and writes are refused.

    Raises:
        NotFound: no registry is there; Invalid: a bad URL or actor, or nobody is named; Unavailable: there is no clone
        yet, and the remote cannot be reached.
    """
    from registry_git.registry.facade import Registry

    return open_part(Registry, path_or_url, actor=actor, durable=durable, offline=offline)


def open_part(
    part: type[P],
    path_or_url: str | os.PathLike[str] | None = None,
    *,
    actor: str | None = None,
    durable: bool = True,
    offline: bool | None = None,
) -> P:
    """As `open_registry`, with the methods of one part of it: who needs no other does not wait for their imports.

    Raises: as `open_registry`.
    """
    store = _opened(path_or_url, durable=durable, offline=offline)
    text, state = _named(path_or_url), None
    if _is_remote(text):
        from registry_git.gitstore.managed import state_of

        state = state_of(text)
    return part(store, None, surroundings(find_actor(actor, store.repository), state=state))


def open_present(path_or_url: str | os.PathLike[str] | None = None, *, offline: bool | None = None) -> Present:
    """The registry as it is now, to be read alone: nobody has to be named for that. Raises: as `open_registry`."""
    from registry_git.registry.present import Present

    return Present(_opened(path_or_url, offline=offline))


def _opened(path_or_url: str | os.PathLike[str] | None, *, durable: bool = True, offline: bool | None = None) -> Store:
    from registry_git.gitstore.store import FRESH_SECONDS, Store

    away = bool(os.environ.get(OFFLINE_VARIABLE)) if offline is None else offline
    store = Store(repository_of(path_or_url), durable=durable, offline=away)
    if _is_remote(_named(path_or_url)):
        store.refresh_to_read(at_most_seconds=FRESH_SECONDS)  # a write asks the remote again
    return store


def repository_of(path_or_url: str | os.PathLike[str] | None) -> Path:
    """The repository that `open_registry` opens: for a URL the clone of it, made if need be. Raises: as that."""
    text = _named(path_or_url)
    if not _is_remote(text):
        return _around(text)
    from registry_git.gitstore.managed import managed_clone

    return managed_clone(text)


def open_at(path_or_url: str | os.PathLike[str] | None, moment: str) -> PastReading:
    """The registry as it was at a moment (see `Registry.at`). Raises: as `open_registry` and `Registry.at`."""
    from registry_git.registry.past import PastReading, find_commit

    store = _opened(path_or_url)
    return PastReading(store, find_commit(store, moment))


def resolve(
    path_or_url: str | os.PathLike[str] | None, uri: str, *, consumer: str | None = None
) -> resolving.Resolution:
    """What a `models:/` URI names now: as `open_registry(path_or_url).resolve(…)`, in half of its time when cold.

    Raises: as `open_registry` and `Registry.resolve`.
    """
    text = _named(path_or_url)
    if _is_remote(text):
        return open_registry(text, actor=READER).resolve(uri, consumer=consumer)
    wanted = parse_reference(uri)
    repository = Repository(_around(text))
    snapshot = snapshot_of(repository)
    found = resolving.resolve(snapshot, wanted)
    if consumer is not None or os.environ.get(CONSUMER_VARIABLE):
        away = bool(os.environ.get(OFFLINE_VARIABLE))
        _recorder().note(repository, snapshot.policy(), wanted, found, consumer, offline=away)
    return found


def init(
    path: str | os.PathLike[str],
    *,
    name: str | None = None,
    bare: bool | None = None,
    layout: str = "flat",
    protect: Sequence[str] = (),
    roles: Mapping[str, Sequence[str]] | None = None,
    actor: str | None = None,
    durable: bool = True,
    created: Timestamp | None = None,
) -> Registry:
    """A new registry.

    Args:
        path: where; a bare repository when it ends in `.git` or `bare` is True, else a work tree.
        name: the registry's name; by default the last part of the path.
        bare: whether to make a bare repository; None: as the path says.
        layout: `flat`, or `fanout` for thousands of models.
        protect: stages that then take an approval by another person, as does a change of the policy.
        roles: who may approve (role name to email addresses); with none, anybody but the requester.
        actor: who creates it.
        durable: as in `open_registry`.
        created: the time of its first commit, for one that takes over an older history; by default now.

    Raises:
        AlreadyExists: a registry is there; Invalid: no such layout or stage; Unavailable.
    """
    from registry_git.gitstore.creation import create_repository
    from registry_git.gitstore.store import Store
    from registry_git.registry.beginning import first_policy, start

    place = _place(path)
    is_bare = place.suffix == ".git" if bare is None else bare
    if layout not in {one.value for one in Layout}:
        raise Invalid(f"{layout!r} is no layout.", hint="There are flat and fanout.")
    chosen = name if name is not None else place.name.removesuffix(".git") or "registry"
    policy = first_policy(chosen, layout, tuple(protect), {role: tuple(who) for role, who in (roles or {}).items()})
    who = find_actor(actor, None)
    create_repository(place, bare=is_bare)
    store = Store(place, durable=durable)
    acting = surroundings(who)
    start(store, replace(acting, clock=lambda: created) if created is not None else acting, policy)
    return _registry(store, acting)


def clone(url: str, path: str | os.PathLike[str], *, bare: bool | None = None, actor: str | None = None) -> Registry:
    """A clone that follows the registry at `url`: reads are answered here, writes are pushed there.

    Raises:
        AlreadyExists: something is at `path`; Invalid: a bad URL; NotFound: it holds no registry; Unavailable.
    """
    from registry_git.gitstore.creation import clone_repository
    from registry_git.gitstore.porcelain import without_password
    from registry_git.gitstore.store import Store

    place, who = _place(path), find_actor(actor, None)
    with clone_repository(url, place, bare=place.suffix == ".git" if bare is None else bare):
        store = Store(place)
        store.refresh()
        if store.snapshot().find(PolicyKey()) is None:
            shown = without_password(url)
            raise NotFound(f"{shown} holds no registry: it has no registry.yaml.", hint="Check the address.")
    return _registry(store, surroundings(who))


def find_actor(actor: str | None, repository: Repository | None) -> Actor:
    """Who acts: the one named, else `REGISTRY_GIT_ACTOR`, else git's user.name and user.email.

    Raises:
        Invalid: nobody is named, or not as `Name <email>`.
    """
    named = actor or os.environ.get(ACTOR_VARIABLE)
    if named:
        return Actor.parse(named)
    found = repository.user() if repository is not None else _git_user()
    if found is None:
        raise Invalid(
            "Nobody is named as the one who acts.",
            hint=f'Set git\'s user.name and user.email, {ACTOR_VARIABLE}, or --as "Name <email>".',
        )
    return found


def now() -> Timestamp:
    """The time, in milliseconds."""
    return Timestamp.of(time.time_ns() // 1_000_000)


def record_id(at: Timestamp) -> Id:
    """A fresh id that people can read out: the day, and six characters: `20261123-7k3m9q`."""
    return Id(f"{at.text()[:10].replace('-', '')}-{_random(6)}")


def version_id(at: Timestamp) -> Id:
    """A fresh id that sorts by time (a ULID in lower case): two clients never choose the same."""
    head = "".join(_CROCKFORD[(int(at) >> shift) & 31] for shift in range(45, -1, -5))
    return Id(head + _random(16))


def _random(length: int) -> str:
    return os.urandom(length).translate(_DIGIT_OF).decode("ascii")


def _git_user() -> Actor | None:
    """Git's user.name and user.email outside of any repository."""
    import pygit2

    said: dict[str, str] = {}
    for level in (pygit2.Config.get_global_config, pygit2.Config.get_xdg_config, pygit2.Config.get_system_config):
        try:
            config = level()
        except OSError:
            continue  # there is no such file
        for key in ("user.name", "user.email"):
            if key in config:
                said.setdefault(key, str(config[key]))
    return Actor.parse(f"{said['user.name']} <{said['user.email']}>") if len(said) == 2 else None


def _place(path: str | os.PathLike[str]) -> Path:
    if "\0" in os.fspath(path):
        raise Invalid("A path cannot hold NUL.", hint="Leave it out.")
    return Path(path).absolute()


def _registry(store: Store, acting: Surroundings) -> Registry:
    from registry_git.registry.facade import Registry

    return Registry(store, None, acting)


def surroundings(actor: Actor, *, state: Path | None = None) -> Surroundings:
    """What a registry takes from outside when `actor` acts: the clock, and fresh ids."""
    from registry_git.registry.writing import Surroundings

    tracking_uri = os.environ.get(TRACKING_VARIABLE, "")
    return Surroundings(
        actor=actor,
        clock=now,
        record_id=record_id,
        version_id=version_id,
        tracking_uri=tracking_uri,
        state=state,
        recorder=_recorder(),
    )


def _recorder() -> Recorder:
    from registry_git.registry.recording import Recorder, Recording

    def author(repository: Repository) -> Actor:
        try:
            return find_actor(None, repository)
        except Invalid:
            return Actor(READER)

    return Recorder(
        consumer=os.environ.get(CONSUMER_VARIABLE, ""),
        recording=Recording.parse(os.environ.get(OBSERVATIONS_VARIABLE, "")),
        clock=now,
        author=author,
    )


def _named(path_or_url: str | os.PathLike[str] | None) -> str:
    named = path_or_url if path_or_url is not None else os.environ.get(REGISTRY_VARIABLE)
    return os.fspath(named) if named else ""


def _is_remote(text: str) -> bool:
    if ":" not in text:
        return False
    from registry_git.gitstore.porcelain import is_url

    return is_url(text)


def _around(text: str) -> Path:
    """The repository at a path (by default the working directory) or above it."""
    import pygit2

    path = Path(text) if text else Path.cwd()
    found = pygit2.discover_repository(str(path.absolute())) if path.exists() else None
    if not found:
        raise NotFound(
            f"There is no registry at {path}.",
            hint=f"Create one with: registry-git init {path}, or name one with -R or {REGISTRY_VARIABLE}.",
        )
    return Path(found)
