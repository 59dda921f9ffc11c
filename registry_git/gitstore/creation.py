"""New repositories for new registries."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree

import pygit2

from registry_git.core.errors import AlreadyExists
from registry_git.gitstore.disk import explained
from registry_git.gitstore.porcelain import Porcelain, check_url
from registry_git.gitstore.remote import OBSERVATIONS, ORIGIN, TRACKED_REQUESTS
from registry_git.gitstore.repository import MAIN, TRACKED_MAIN, Repository

# Pushes by plain git must be as durable as our own writes, and git is to start no collection beside a writer. `gc.auto`
# is left to people: with 0 they say that they want nothing tidied by itself, packs neither (see `repacking`).
DURABLE_CONFIG = {
    "core.fsync": "all",
    "core.fsyncMethod": "fsync",
    "maintenance.auto": "false",
    "receive.autogc": "false",
}


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


def mend_settings(repository: Repository, wanted: Mapping[str, str]) -> list[str]:
    """Sets what is not as wanted, and says what it did, a sentence each."""
    config = repository.git.config
    wrong = [key for key, value in wanted.items() if key not in config or config[key] != value]
    done = []
    for key in wrong:
        config[key] = wanted[key]
        done.append(f"Set {key} to {wanted[key]}.")
    here = pygit2.Config(os.fspath(repository.git_dir / "config"))
    if (
        [key for key in wrong if key in DURABLE_CONFIG] == ["maintenance.auto"]
        and "gc.auto" in here
        and here["gc.auto"] == "0"
    ):
        del here["gc.auto"]  # it was set for everybody before there was the other; nobody has asked for it
        done.append("Removed gc.auto: packs are merged by themselves.")
    return done


def registry_at(path: Path) -> Repository | None:
    """The repository at a path itself (not one around it) that has a branch `main`; None while there is none.

    Raises:
        Unavailable: it belongs to somebody else, or cannot be read.
    """
    if pygit2.discover_repository(str(path), False, str(path.parent)) is None:
        return None
    repository = Repository(path)
    return repository if repository.ref(MAIN) else None


@contextmanager
def clone_repository(url: str, path: Path, *, bare: bool) -> Iterator[None]:
    """A clone that follows the registry at `url`, kept if the body of the `with` raises nothing.

    Raises:
        Invalid: a URL that git must not be given; AlreadyExists: something is at `path`; Unavailable.
    """
    check_url(url)
    was_there = path.exists()
    if was_there and (not path.is_dir() or any(path.iterdir())):
        raise AlreadyExists(f"{path} exists and is not empty.", hint="Choose another path.")
    with explained(f"create {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        _clone(url, path, bare=bare)
        yield
    except BaseException:
        rmtree(path, ignore_errors=True)
        if was_there:
            path.mkdir()
        raise


def _clone(url: str, path: Path, *, bare: bool) -> None:
    flags = ["--bare"] if bare else []
    Porcelain(None).run("clone", "--quiet", "--no-tags", *flags, "--", url, str(path))
    git_dir = path if bare else path / ".git"
    git = Porcelain(git_dir)
    for key, value in DURABLE_CONFIG.items():
        git.run("config", key, value)
    # Plain `git fetch` must not move what was seen of `main` backwards either, so without a `+`.
    git.run("config", "--replace-all", f"remote.{ORIGIN}.fetch", f"{MAIN}:{TRACKED_MAIN}")
    git.run("config", "--add", f"remote.{ORIGIN}.fetch", f"+refs/heads/request/*:{TRACKED_REQUESTS}*")
    if bare:
        # a bare clone maps every branch onto itself; here what the remote holds is kept apart
        for name in git.run("for-each-ref", "--format=%(refname)", "refs/heads/request/", OBSERVATIONS)[1].split():
            git.run("update-ref", "-d", name)
