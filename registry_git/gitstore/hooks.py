"""The hooks of a bare repository: scripts that hand every push to this program."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from registry_git.core.errors import AlreadyExists, Invalid
from registry_git.gitstore import disk
from registry_git.gitstore.creation import DURABLE_CONFIG
from registry_git.gitstore.remote import Remote
from registry_git.gitstore.repository import Repository

MARK = "# Written by `registry-git hook install`"
_PRE_RECEIVE = """\
#!/bin/sh
{mark}: every push is judged by the policy of the registry.
exec {command} hook pre-receive
"""
_REFERENCE_TRANSACTION = """\
#!/bin/sh
{mark}: a push is on disk before it is acknowledged.
case "$1" in prepared | committed) ;; *) exit 0 ;; esac
exec {command} hook reference-transaction "$1"
"""
_SCRIPTS = {"pre-receive": _PRE_RECEIVE, "reference-transaction": _REFERENCE_TRANSACTION}
# Objects are held against git's own rules on arrival. Each push stays a pack: git would make a file of each object, and
# nobody would ever pack those, while packs are merged (see `pushed`).
_CONFIG = {**DURABLE_CONFIG, "receive.fsckObjects": "true", "receive.unpackLimit": "1"}


def install_hooks(repository: Repository, command: Sequence[str]) -> list[Path]:
    """Writes the hooks, each calling `command hook NAME`, and gives the files. Again: they are written anew.

    Raises:
        Invalid: the repository has a work tree, follows another one, or looks for its hooks elsewhere.
        AlreadyExists: another program's hook is there; nothing was written.
        Unavailable: they cannot be written.
    """
    if repository.workdir is not None:
        raise Invalid(
            f"{repository.workdir} has a work tree; hooks guard a bare repository that others push to.",
            hint="Make one with: git clone --bare . ../NAME.git && git -C ../NAME.git remote remove origin",
        )
    remote = Remote.of(repository)
    if remote is not None:
        raise Invalid(
            f"{repository.git_dir} follows {remote.url}, and that is where the registry is.",
            hint="Install them there; or make this one the registry itself first: git remote remove origin",
        )
    if "core.hooksPath" in repository.git.config:
        raise Invalid(
            f"git looks for the hooks of this repository in {repository.git.config['core.hooksPath']}.",
            hint="Remove the setting: git config --unset core.hooksPath",
        )
    folder = repository.git_dir / "hooks"
    for name in _SCRIPTS:
        _refuse_foreign(folder / name, command)
    with disk.explained(f"write {folder}"):
        folder.mkdir(exist_ok=True)
        for name, script in _SCRIPTS.items():
            _write(folder / name, script.format(mark=MARK, command=shlex.join(command)))
        disk.sync_directory(folder)
        disk.sync_directory(repository.git_dir)
    for key, value in _CONFIG.items():
        repository.git.config[key] = value
    return [folder / name for name in _SCRIPTS]


def wanted_settings(repository: Repository) -> Mapping[str, str]:
    """What git is to be set to in a repository, by key: more where the hooks judge pushes."""
    hook = repository.git_dir / "hooks" / "reference-transaction"
    with suppress(OSError):
        # also at the end of another program's hook, as `_refuse_foreign` advises
        if "hook reference-transaction" in hook.read_text(encoding="utf-8", errors="replace"):
            return _CONFIG
    return DURABLE_CONFIG


def _refuse_foreign(path: Path, command: Sequence[str]) -> None:
    if os.path.lexists(path) and not (path.is_file() and MARK in path.read_text(encoding="utf-8", errors="replace")):
        call = shlex.join([*command, "hook", path.name]) + (' "$1"' if path.name == "reference-transaction" else "")
        raise AlreadyExists(
            f"{path} is there already, and it is another program's.",
            hint=f"Keep it, and let it end with this line, which reads the same standard input: {call}",
        )


def _write(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o755)
    try:
        disk.write_all(fd, text.encode())
        disk.sync(fd)
    finally:
        os.close(fd)
    os.chmod(draft, 0o755)  # noqa: S103 - git runs it as whoever pushes
    os.replace(draft, path)
