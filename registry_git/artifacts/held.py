"""Copies of artifacts by their digests, in places that `upload` has stored them at."""

from __future__ import annotations

import re
from collections.abc import Iterable

from registry_git.artifacts.tree import open_tree
from registry_git.core.errors import NotFound

_DIGEST = re.compile(r"sha256:([0-9a-f]{2})([0-9a-f]{62})")


def held(digest: str, bases: Iterable[str]) -> str | None:
    """The first copy of the tree with this digest below one of the bases; None when there is none, or no digest.

    Nothing is read of it: whoever takes it verifies it. Raises: Unavailable: a base cannot be asked now.
    """
    found = _DIGEST.fullmatch(digest)
    if found is None:
        return None
    for base in bases:
        location = f"{base.rstrip('/')}/sha256/{found[1]}/{found[2]}"
        try:
            if open_tree(location) is not None:
                return location
        except NotFound:
            continue
    return None
