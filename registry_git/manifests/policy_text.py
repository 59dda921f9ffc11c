"""`registry.yaml` as people hand it in: read as the stored one, but a fault is theirs, not the store's."""

from __future__ import annotations

from registry_git.core.errors import Corrupt, Invalid
from registry_git.core.model import Policy, PolicyKey
from registry_git.manifests.codec import decode


def parse_policy(text: str) -> Policy:
    """The policy that a YAML text writes.

    Raises:
        Invalid: it is no policy; the message names line and JSON path.
    """
    try:
        found = decode(text.encode("utf-8", errors="surrogatepass"), path="registry.yaml", key=PolicyKey())
    except Corrupt as problem:
        raise Invalid(str(problem), hint="See one that is right with: registry-git policy show") from None
    assert isinstance(found, Policy)  # noqa: S101 - the key says so
    return found
