"""The user's own git, driven through GitPython: transport, log streams, signatures. The only file that imports it.

Credentials, ssh and proxies are git's business and just work. Every call has a constant shape: options are ours,
what users give stands behind `--` or inside one argument that cannot be an option.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, cast

from registry_git.core.errors import Invalid, Unavailable

# What a surrounding git process (a hook, an alias) leaves behind and would send git to another repository.
_KEPT = re.compile(
    r"GIT_(SSH|SSH_COMMAND|SSH_VARIANT|ASKPASS|TERMINAL_PROMPT|PROXY_COMMAND|EXEC_PATH|HTTP_.*|SSL_.*|CURL_.*|TRACE.*|"
    r"CONFIG_NOSYSTEM|CONFIG_GLOBAL|CONFIG_SYSTEM|PYTHON_.*)"
)
# What a repository's own configuration may name and git would run. Hooks of the remote run there all the same.
_SAFE_CONFIG = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "gpg.program=gpg",
    "gpg.ssh.program=ssh-keygen",
    "protocol.ext.allow=never",
)
_FORCED = {
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "LC_ALL": "C",
}
_PATIENCE_SECONDS = 20  # for a credential helper that may wait for somebody
_SCHEME = re.compile(r"(file|git|https?|ssh)://([^/]*)(/.*)?", re.DOTALL)
_SCP = re.compile(r"(?:[A-Za-z0-9_.][A-Za-z0-9_.-]*@)?([A-Za-z0-9_.\[][A-Za-z0-9_.:\]-]*):(?!//)(?!:)[^:].*", re.DOTALL)


def check_url(url: str) -> str:
    """A remote's URL that git may be given: a path, `file`, `git`, `http(s)` or `ssh`, and nothing that runs a program.

    Raises:
        Invalid: `ext::` and other helpers, a leading hyphen in the URL or its host, control characters.
    """
    bad = Invalid(f"{url!r} is no address of a registry.", hint="Give a path, or an https, ssh or file URL.")
    if not url or url.startswith("-") or any(ord(char) < 32 or ord(char) == 127 for char in url):
        raise bad
    found = _SCHEME.fullmatch(url)
    if found:
        host = found[2].rpartition("@")[2]
        if host.startswith("-") or found[2].startswith("-") or "%2d" in host.lower()[:3]:
            raise bad
        return url
    if "://" in url or re.match(r"[A-Za-z0-9+.-]*::", url):
        raise bad
    scp = _SCP.fullmatch(url)
    if scp is None and ":" in url.partition("/")[0]:
        raise bad
    return url


def without_password(url: str) -> str:
    """A remote's URL as people may see it: many hold a token, as a password or in its place as the user's name."""
    found = _SCHEME.fullmatch(url)
    if not found or "@" not in found[2]:
        return url
    user, _, host = found[2].rpartition("@")
    kept = f"{user.partition(':')[0]}@" if found[1].lower().endswith("ssh") else ""
    return f"{url[: found.start(2)]}{kept}{host}{url[found.end(2) :]}"


def is_url(text: str) -> bool:
    """Whether `text` names a repository elsewhere, not a path here."""
    return bool(_SCHEME.fullmatch(text)) or ("/" not in text.partition(":")[0] and bool(_SCP.fullmatch(text)))


class GitFailed(Unavailable):
    """A git command failed; `status` is its exit code and `stderr` its words."""

    def __init__(self, what: str, status: int, stderr: str) -> None:
        lines = [line.strip() for line in stderr.split("\n") if line.strip()]
        telling = [line for line in lines if line.startswith(("fatal:", "error:", "!"))] or lines
        reason = re.sub(r"^(fatal|error): ", "", telling[0]) if telling else f"exit code {status}"
        super().__init__(f"git {what} failed: {reason}.", hint="Check the address and your access to it.")
        self.status = status
        self.stderr = stderr


class Porcelain:
    """Git commands in one repository (or, without a directory, outside of any)."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory

    def run(
        self,
        *arguments: str,
        extra: dict[str, str] | None = None,
        config: Sequence[str] = (),
        ok: Sequence[int] = (0,),
        given: IO[bytes] | None = None,
    ) -> tuple[int, str, str]:
        """Runs `git <arguments>` and gives (exit code, stdout, stderr); `given` is the file that it may read.

        Raises:
            GitFailed: the exit code is not among `ok`.
            Unavailable: there is no git program.
        """
        status, out, err = self._git().execute(
            self._command(arguments, config),
            istream=given,
            with_extended_output=True,
            with_exceptions=False,
            env={**_FORCED, **(extra or {})},
            strip_newline_in_stdout=False,
        )
        if status == 127:
            raise Unavailable("There is no git program.", hint="Install git.")
        if status not in ok:
            raise GitFailed(arguments[0], int(status), str(err))
        return int(status), str(out), str(err)

    def stream(self, *arguments: str) -> Iterator[bytes]:
        """The output of `git <arguments>` in blocks as it comes. Raises: GitFailed at its end when git failed."""
        process = self._git().execute(self._command(arguments, ()), as_process=True, env=_FORCED)
        output = cast("IO[bytes]", process.stdout)
        while block := output.read(1 << 18):
            yield block
        stderr = process.stderr.read()
        process.stdout.close()
        process.stderr.close()
        status = process.proc.wait()
        if status:
            raise GitFailed(arguments[0], int(status), stderr.decode(errors="replace"))

    def ask_credential(self, asked: str) -> str:
        """What the user's credential helper knows: the answer of `git credential fill`, "" when that is nothing.

        Nobody is asked at a terminal or in a window, and no repository's own configuration is read.
        """
        from subprocess import PIPE, TimeoutExpired  # slow to import, as git's module is

        process = self._git().execute(
            self._command((f"--git-dir={os.devnull}", "credential", "fill"), ()),
            as_process=True,  # GitPython traces what other calls give back, and here that is a password
            istream=PIPE,
            env={**_FORCED, "GIT_ASKPASS": "", "GCM_INTERACTIVE": "never"},
        )
        try:
            out, _ = process.proc.communicate(asked.encode(), timeout=_PATIENCE_SECONDS)
        except TimeoutExpired:
            process.proc.kill()
            process.proc.communicate()
            return ""
        return bytes(out).decode(errors="replace") if process.proc.returncode == 0 else ""

    def _git(self) -> Any:
        os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
        from git import Git  # slow to import, and most commands need no git process

        return Git(str(self._directory) if self._directory else None)

    def _command(self, arguments: Sequence[str], config: Sequence[str]) -> list[str]:
        unset = [name for name in os.environ if name.startswith("GIT_") and not _KEPT.fullmatch(name)]
        command = ["env", *(part for name in unset if name not in _FORCED for part in ("-u", name)), "git"]
        for setting in (*_SAFE_CONFIG, *config):
            command += ["-c", setting]
        if self._directory is not None:
            command += [f"--git-dir={self._directory}"]
        return [*command, *arguments]
