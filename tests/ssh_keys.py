"""Real ssh keys, for tests of signatures."""

from __future__ import annotations

import subprocess
from pathlib import Path


class Keys:
    """Real ssh keys, and git set up to sign with one of them."""

    def __init__(self, directory: Path, home: Path) -> None:
        self._directory, self._home = directory, home

    def make(self, name: str) -> str:
        """A new key; gives its public half, without the comment."""
        file = self._directory / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", file], check=True)
        return " ".join(file.with_suffix(".pub").read_text().split()[:2])

    def use(self, name: str) -> None:
        """Sign with this key from now on."""
        with (self._home / ".gitconfig").open("a") as config:
            config.write(f"[gpg]\n\tformat = ssh\n[user]\n\tsigningkey = {self._directory / name}\n")
