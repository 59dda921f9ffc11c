"""Where people see on a forge what became of a request's branch. Nothing is asked of the forge for that."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from registry_git.core.rules import ForgeKind, ForgeSettings


def review_address(forge: ForgeSettings, branch: str) -> str:
    """The page of a forge that leads to the pull request of a branch (short, `request/…`), or offers to open it."""
    home = f"{forge.url}/{quote(forge.repository)}"
    if forge.kind is ForgeKind.GITHUB:
        return f"{home}/pulls?{urlencode({'q': f'is:pr head:{branch}'})}"
    if forge.kind is ForgeKind.GITLAB:
        return f"{home}/-/merge_requests?{urlencode({'scope': 'all', 'state': 'all', 'source_branch': branch})}"
    if forge.kind is ForgeKind.GITEA:
        return f"{home}/compare/main...{quote(branch)}"
    return f"{home}/pull-requests?{urlencode({'status': 'all'})}"
