"""From `registry.yaml`'s `forge:` section to a forge that can be spoken to."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import NoReturn
from urllib.parse import urlsplit

from registry_git.core.rules import ForgeKind, ForgeSettings, Policy
from registry_git.forges.base import Forge
from registry_git.forges.gitea import Gitea
from registry_git.forges.github import GitHub
from registry_git.forges.gitlab import GitLab
from registry_git.forges.http import Api, Patience
from registry_git.forges.pagure import Pagure
from registry_git.forges.token import Token, find_token, variables


def forge_of(
    policy: Policy, *, environment: Mapping[str, str], origin: str = "", patience: Patience | None = None
) -> Forge | None:
    """The forge on which a registry's requests are pull requests; None where its policy names none.

    Nothing is sent yet: a missing token or a wrong address shows at the first call.

    Args:
        policy: of `main`; never that of a request's branch, which could send the token anywhere.
        environment: the variables of this process, for the token (see `token.find_token`).
        origin: the URL that the registry was cloned from, "" when it was not.
        patience: how long calls wait.
    """
    settings = policy.forge
    if settings is None:
        return None
    return speak_to(settings, find_token(settings, environment=environment, origin=origin), patience=patience)


def speak_to(
    settings: ForgeSettings,
    token: Token | None,
    *,
    patience: Patience | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Forge:
    """The adapter for a forge, with a token (None: anonymous); `sleep` waits so many seconds between calls."""
    kind, url = settings.kind, settings.url
    api = partial(Api, token=token, variables=variables(kind), patience=patience, sleep=sleep)
    if kind is ForgeKind.GITHUB:
        return GitHub(settings, api(_github_api(url), accept="application/vnd.github+json"))
    if kind is ForgeKind.GITLAB:
        return GitLab(settings, api(f"{url}/api/v4"))
    if kind is ForgeKind.GITEA:
        scheme = "Basic" if token is not None and token.user else "token"  # a helper may know a real password
        return Gitea(settings, api(f"{url}/api/v1", scheme=scheme))
    if kind is ForgeKind.PAGURE:
        slow = patience or Patience(answer=120)  # it merges and runs its hooks before it answers
        return Pagure(settings, api(f"{url}/api/0", scheme="token", patience=slow))
    return _unreachable(kind)


def _github_api(url: str) -> str:
    """Where the API of a GitHub is: on a host of its own in the cloud, below `/api/v3` on a server of one's own."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in ("github.com", "www.github.com"):
        return "https://api.github.com"
    return f"https://api.{host}" if host.endswith(".ghe.com") else f"{url}/api/v3"


def _unreachable(kind: NoReturn) -> NoReturn:
    raise AssertionError(kind)  # a new kind has no adapter yet; mypy finds it first
