"""New repositories for new registries."""

from __future__ import annotations

from pathlib import Path

import pygit2

from registry_git.core.errors import AlreadyExists
from registry_git.gitstore.disk import explained
from registry_git.gitstore.porcelain import Porcelain, check_url
from registry_git.gitstore.remote import ORIGIN
from registry_git.gitstore.repository import MAIN

# Pushes by plain git must be as durable as our own writes, and no collection may run beside a writer.
DURABLE_CONFIG = {"core.fsync": "all", "core.fsyncMethod": "fsync", "gc.auto": "0", "receive.autogc": "false"}


def create_repository(path: Path, *, bare: bool) -> None:
    """An empty repository whose HEAD is on `main`; an existing one without that branch is taken as it is.

    Raises:
        AlreadyExists: there is a repository with a branch `main`, or (for a bare one) other files.
        Unavailable: it cannot be written.
    """
    with explained(f"create {path}"):
        git_dir = path if bare else path / ".git"
        if git_dir.exists() and any(git_dir.iterdir()):
            try:
                known = pygit2.Repository(str(git_dir))
            except pygit2.GitError:
                raise AlreadyExists(f"{path} exists and is no repository.", hint="Choose another path.") from None
            if MAIN in known.references:
                raise AlreadyExists(
                    f"{path} is a repository with a branch main already.",
                    hint=f"If it is a registry, see it with: registry-git -R {path} list",
                )
        flags = pygit2.enums.RepositoryInitFlag.MKPATH
        if bare:
            flags |= pygit2.enums.RepositoryInitFlag.BARE
        path.mkdir(parents=True, exist_ok=True)
        repository = pygit2.init_repository(str(path), bare=bare, initial_head="main", flags=flags)
        for key, value in DURABLE_CONFIG.items():
            repository.config[key] = value


def clone_repository(url: str, path: Path, *, bare: bool) -> None:
    """A clone that follows the registry at `url`.

    Raises:
        Invalid: a URL that git must not be given; AlreadyExists: something is at `path`; Unavailable.
    """
    check_url(url)
    if path.exists() and any(path.iterdir()):
        raise AlreadyExists(f"{path} exists and is not empty.", hint="Choose another path.")
    with explained(f"create {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
    flags = ["--bare"] if bare else []
    Porcelain(None).run("clone", "--quiet", "--no-tags", *flags, "--", url, str(path))
    git_dir = path if bare else path / ".git"
    git = Porcelain(git_dir)
    for key, value in DURABLE_CONFIG.items():
        git.run("config", key, value)
    if bare:
        # a bare clone maps every branch onto itself; here what the remote holds is kept apart
        git.run("config", f"remote.{ORIGIN}.fetch", f"+refs/heads/*:refs/remotes/{ORIGIN}/*")
        for name in git.run("for-each-ref", "--format=%(refname)", "refs/heads/request/")[1].split():
            git.run("update-ref", "-d", name)
