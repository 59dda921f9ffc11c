"""The token for a forge: from the environment, else from git's credential helper; sent only where it belongs.

`registry.yaml` says where the forge is, and not everybody who may change that file should get the tokens of all who
read it. So a token that was meant for another purpose (`GITHUB_TOKEN`) goes to the public forge that it is known from,
to the forge that runs this CI job, or to the host that the registry was cloned from; `REGISTRY_GIT_FORGE_TOKEN` goes
where the file says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from registry_git.core.rules import ForgeKind, ForgeSettings
from registry_git.gitstore.porcelain import Porcelain

TOKEN_VARIABLE = "REGISTRY_GIT_FORGE_TOKEN"  # noqa: S105 - a variable's name
_VARIABLES = {
    ForgeKind.GITHUB: ("GITHUB_TOKEN", "GH_TOKEN"),
    ForgeKind.GITLAB: ("GITLAB_TOKEN",),
    ForgeKind.GITEA: ("GITEA_TOKEN", "FORGEJO_TOKEN"),
    ForgeKind.PAGURE: ("PAGURE_TOKEN",),
}
_PUBLIC = {
    ForgeKind.GITHUB: ("github.com",),
    ForgeKind.GITLAB: ("gitlab.com",),
    ForgeKind.GITEA: ("gitea.com", "codeberg.org"),
    ForgeKind.PAGURE: ("pagure.io",),
}
# Where a CI job says which forge runs it.
_RUNNERS = {
    ForgeKind.GITHUB: ("GITHUB_SERVER_URL",),
    ForgeKind.GITLAB: ("CI_SERVER_URL",),
    ForgeKind.GITEA: ("GITHUB_SERVER_URL", "GITEA_SERVER_URL", "FORGEJO_SERVER_URL", "CI_FORGE_URL"),
    ForgeKind.PAGURE: (),
}


@dataclass(frozen=True, slots=True, repr=False)
class Token:
    """A secret with, from a credential helper, the user that it belongs to; it never shows itself."""

    secret: str
    user: str = ""

    def __repr__(self) -> str:
        return "Token(…)"


def variables(kind: ForgeKind) -> str:
    """The names of the variables that a token may be in, for hints."""
    return " or ".join((TOKEN_VARIABLE, *_VARIABLES[kind]))


def find_token(forge: ForgeSettings, *, environment: Mapping[str, str], origin: str = "") -> Token | None:
    """The token to send to a forge; None when there is none.

    Args:
        forge: where it is sent.
        environment: the variables of this process.
        origin: the URL that the registry was cloned from, when there is one.
    """
    named = environment.get(TOKEN_VARIABLE, "").strip()
    if named:
        return Token(named)
    if _belongs(forge, environment, origin):
        for name in _VARIABLES[forge.kind]:
            found = environment.get(name, "").strip()
            if found:
                return Token(found)
    return _from_helper(forge)


def _belongs(forge: ForgeSettings, environment: Mapping[str, str], origin: str) -> bool:
    """Whether a token of the forge's kind may be taken for one of this very forge."""
    url = urlsplit(forge.url)
    if url.scheme == "https" and url.hostname in _PUBLIC[forge.kind]:
        return True
    runners = [urlsplit(environment.get(name, "")) for name in _RUNNERS[forge.kind]]
    if any((runner.scheme, runner.netloc) == (url.scheme, url.netloc) for runner in runners):
        return True
    # what git sends in the open, or not at all, is no reason to send a token in the open
    return url.hostname == _host(origin) and (url.scheme == "https" or origin.startswith(f"http://{url.netloc}/"))


def _host(origin: str) -> str | None:
    """The host in a remote's URL, also in the form that ssh takes (`git@host:path`)."""
    if "://" in origin:
        return urlsplit(origin).hostname
    host, colon, _ = origin.partition(":")
    return host.rpartition("@")[2].lower() if colon and "/" not in host else None


def _from_helper(forge: ForgeSettings) -> Token | None:
    url = urlsplit(forge.url)
    asked = f"protocol={url.scheme}\nhost={url.netloc}\npath={forge.repository}\n\n"
    answer = Porcelain(None).ask_credential(asked)
    fields = dict(line.partition("=")[::2] for line in answer.split("\n") if "=" in line)
    secret = fields.get("password", "")
    return Token(secret, fields.get("username", "")) if secret else None
