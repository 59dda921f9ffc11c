"""Where the floors are joined: which registry, who acts, what time it is, fresh ids."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from registry_git.core.errors import Invalid, NotFound, RegistryError
from registry_git.core.names import Actor, Id
from registry_git.core.times import Timestamp
from registry_git.gitstore.creation import clone_repository, create_repository
from registry_git.gitstore.porcelain import check_url, is_url
from registry_git.gitstore.repository import Repository
from registry_git.gitstore.store import Store
from registry_git.index.index import Index
from registry_git.manifests.layout import Layout
from registry_git.registry.beginning import first_policy, start
from registry_git.registry.facade import Registry
from registry_git.registry.past import PastReading
from registry_git.registry.writing import Surroundings

REGISTRY_VARIABLE = "REGISTRY_GIT_URI"
ACTOR_VARIABLE = "REGISTRY_GIT_ACTOR"
_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_FRESH_SECONDS = 5.0  # how old the clone behind a URL may be when it answers a read


def open_registry(
    path_or_url: str | os.PathLike[str] | None = None, *, actor: str | None = None, durable: bool = True
) -> Registry:
    """The registry at a path or URL; by default `REGISTRY_GIT_URI`, else the repository around the working directory.

    Args:
        path_or_url: a repository, a directory in its work tree, or the URL of a remote one, for which a clone is kept
            in the user's cache directory.
        actor: `Name <email>`; by default `REGISTRY_GIT_ACTOR`, else git's user.name and user.email.
        durable: whether writes are on disk when they return; False for throw-away registries alone.

    Raises:
        NotFound: no registry is there; Invalid: a bad URL or actor, or nobody is named; Unavailable.
    """
    named = path_or_url if path_or_url is not None else os.environ.get(REGISTRY_VARIABLE)
    text = os.fspath(named) if named else ""
    if text and is_url(text):
        store = Store(_managed_clone(text), durable=durable)
        store.refresh(at_most_seconds=_FRESH_SECONDS)
    else:
        store = Store(_around(Path(text) if text else Path.cwd()), durable=durable)
    return _joined(store, find_actor(actor, store.repository))


def open_at(path_or_url: str | os.PathLike[str] | None, moment: str) -> PastReading:
    """The registry as it was at a moment (see `Registry.at`). Raises: as `open_registry` and `Registry.at`."""
    return open_registry(path_or_url, actor="Reader <reader@localhost>").at(moment)


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

    Raises:
        AlreadyExists: a registry is there; Invalid: no such layout or stage; Unavailable.
    """
    place = Path(path).absolute()
    is_bare = place.suffix == ".git" if bare is None else bare
    if layout not in {one.value for one in Layout}:
        raise Invalid(f"{layout!r} is no layout.", hint="There are flat and fanout.")
    chosen = name if name is not None else place.name.removesuffix(".git") or "registry"
    policy = first_policy(chosen, layout, tuple(protect), {role: tuple(who) for role, who in (roles or {}).items()})
    who = find_actor(actor, None)
    create_repository(place, bare=is_bare)
    store = Store(place, durable=durable)
    surroundings = _surroundings(who)
    start(store, surroundings, policy)
    return Registry(store, Index(store.repository), surroundings)


def clone(url: str, path: str | os.PathLike[str], *, bare: bool | None = None, actor: str | None = None) -> Registry:
    """A clone that follows the registry at `url`: reads are answered here, writes are pushed there.

    Raises:
        AlreadyExists: something is at `path`; Invalid: a bad URL; NotFound: it holds no registry; Unavailable.
    """
    place = Path(path).absolute()
    clone_repository(url, place, bare=place.suffix == ".git" if bare is None else bare)
    store = Store(place)
    store.refresh()
    store.snapshot().policy()
    return _joined(store, find_actor(actor, store.repository))


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
    return "".join(secrets.choice(_CROCKFORD) for _ in range(length))


def _git_user() -> Actor | None:
    """Git's user.name and user.email outside of any repository."""
    import pygit2

    try:
        config = pygit2.Config.get_global_config()
    except OSError:
        return None
    if "user.name" in config and "user.email" in config:
        return Actor.parse(f"{config['user.name']} <{config['user.email']}>")
    return None


def _joined(store: Store, actor: Actor) -> Registry:
    return Registry(store, Index(store.repository), _surroundings(actor))


def _surroundings(actor: Actor) -> Surroundings:
    return Surroundings(actor=actor, clock=now, record_id=record_id, version_id=version_id)


def _around(path: Path) -> Path:
    """The repository at `path` or above it."""
    import pygit2

    found = pygit2.discover_repository(str(path.absolute())) if path.exists() else None
    if not found:
        raise NotFound(
            f"There is no registry at {path}.",
            hint=f"Create one with: registry-git init {path}, or name one with -R or {REGISTRY_VARIABLE}.",
        )
    return Path(found)


def _managed_clone(url: str) -> Path:
    """The clone behind a URL, in the user's cache directory; made when it is not there."""
    from platformdirs import user_cache_path

    check_url(url)
    place = user_cache_path("registry-git") / f"{sha256(url.encode()).hexdigest()[:24]}.git"
    if not (place / "HEAD").exists():
        draft = place.with_name(f"{place.name}.{_random(8)}")
        clone_repository(url, draft, bare=True)
        try:
            draft.rename(place)
        except OSError as problem:
            if not (place / "HEAD").exists():  # else another process made the same clone
                raise RegistryError(f"The clone of {url} cannot be kept: {problem}.") from None
    return place
