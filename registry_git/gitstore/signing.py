"""Whose key signed a commit. Keys come from the policy alone: what a signature claims about itself is not believed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from registry_git.core.errors import Unavailable
from registry_git.gitstore.porcelain import Porcelain
from registry_git.gitstore.repository import Repository

_GOOD = re.compile(r'^Good "git" signature for (\S+) with \S+ key ', re.MULTILINE)
_HEADER = re.compile(rb"^gpgsig -----BEGIN SSH SIGNATURE-----$", re.MULTILINE)


def signer(repository: Repository, commit: str, keys: Mapping[str, tuple[str, ...]]) -> str:
    """The email address of the person, by the policy's `keys`, whose ssh key signed the commit; empty for nobody.

    The answer is about the key's owner, not about the author that the commit names: the caller compares them.
    """
    head = repository.read(commit).partition(b"\n\n")[0]
    if not keys or _HEADER.search(head) is None or b"\ngpgsig-sha256 " in head:
        return ""
    lines = [
        f'{email} namespaces="git" {key}\n'
        for email, owned in sorted(keys.items())
        for key in owned
        if _plain(email) and _plain(key.replace(" ", ""))
    ]
    import tempfile  # slow to import, and few signatures are read

    with tempfile.TemporaryDirectory(prefix="registry-git-") as directory:
        allowed = Path(directory) / "allowed_signers"
        allowed.write_text("".join(lines), encoding="utf-8")
        status, out, err = Porcelain(repository.git_dir).run(
            "verify-commit",
            "--",
            commit,
            config=("gpg.format=ssh", f"gpg.ssh.allowedSignersFile={allowed}", "gpg.ssh.revocationFile="),
            extra=repository.environment,
            ok=range(256),
        )
    found = _GOOD.search(f"{out}\n{err}")
    return found[1].lower() if status == 0 and found else ""


def _plain(text: str) -> bool:
    """Whether an allowed-signers field holds no pattern, option or line end."""
    return re.fullmatch(r"[A-Za-z0-9@._+=/-]+", text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """The ssh key that git's configuration names (`gpg.format=ssh`, `user.signingkey`)."""

    file: str
    public: str

    def sign(self, commit: bytes) -> bytes:
        """The commit with a signature by this key.

        Raises:
            Unavailable: ssh-keygen cannot sign (no such key, no agent).
        """
        import subprocess  # both are slow to import, and most writes are not signed
        import tempfile

        with tempfile.TemporaryDirectory(prefix="registry-git-") as directory:
            content = Path(directory) / "commit"
            content.write_bytes(commit)
            file = self.file
            if not file:  # the key itself stands in the configuration: the agent signs
                file = str(Path(directory) / "key.pub")
                Path(file).write_text(self.public + "\n", encoding="utf-8")
            command = ["ssh-keygen", "-Y", "sign", "-n", "git", "-f", file, str(content)]
            try:
                done = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)
            except OSError as problem:
                raise Unavailable(f"ssh-keygen cannot be run: {problem}.", hint="Install OpenSSH.") from None
            if done.returncode:
                said = done.stderr.decode(errors="replace").strip().split("\n")[-1]
                raise Unavailable(f"The commit could not be signed: {said}", hint="Check git's user.signingkey.")
            signature = (Path(directory) / "commit.sig").read_bytes().rstrip(b"\n")
        head, _, body = commit.partition(b"\n\n")
        return head + b"\ngpgsig " + signature.replace(b"\n", b"\n ") + b"\n\n" + body


def signing_key(repository: Repository) -> SigningKey | None:
    """The key that decisions are signed with, or None when git is not set up to sign with ssh."""
    config = repository.git.config
    if "gpg.format" not in config or config["gpg.format"] != "ssh" or "user.signingkey" not in config:
        return None
    named = config["user.signingkey"] or ""
    literal = named.removeprefix("key::")
    if literal != named or named.startswith(("ssh-", "ecdsa-", "sk-")):
        return SigningKey(file="", public=_bare_key(literal))
    file = Path(named).expanduser()
    public = file if file.suffix == ".pub" else file.with_name(file.name + ".pub")
    if not public.is_file():
        return None
    return SigningKey(file=str(file), public=_bare_key(public.read_text(encoding="utf-8", errors="replace")))


def _bare_key(text: str) -> str:
    """The type and the key of a public key line, without its comment."""
    return " ".join(text.split()[:2])


def is_listed(key: SigningKey | None, owned: tuple[str, ...]) -> bool:
    """Whether the key is among a person's keys in the policy."""
    return key is not None and key.public in {_bare_key(one) for one in owned}
