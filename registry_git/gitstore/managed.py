"""The clones behind URLs, kept in the user's cache directory, and what must outlive them."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

from platformdirs import user_cache_path, user_state_path

from registry_git.core.errors import RegistryError
from registry_git.gitstore.creation import clone_repository
from registry_git.gitstore.porcelain import check_url, without_password

_OURS = "registry-git"


def managed_clone(url: str) -> Path:
    """The clone behind a URL; made when it is not there. Raises: Invalid: a bad URL; Unavailable."""
    check_url(url)
    place = user_cache_path(_OURS) / f"{_short(url)}.git"
    if not (place / "HEAD").exists():
        draft = place.with_name(f"{place.name}.{os.urandom(4).hex()}")
        with clone_repository(url, draft, bare=True):
            try:
                draft.rename(place)
            except OSError as problem:
                if not (place / "HEAD").exists():  # else another process made the same clone
                    raise RegistryError(f"The clone of {without_password(url)} cannot be kept: {problem}.") from None
    return place


def state_of(url: str) -> Path:
    """The directory for what is remembered about a registry at a URL, and must not be lost with the cache."""
    return user_state_path(_OURS) / _short(url)


def _short(url: str) -> str:
    return sha256(url.encode()).hexdigest()[:24]
