"""Every test runs as if on a fresh machine: its own home, nobody's git configuration, a time zone far from UTC."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pygit2
import pytest
from hypothesis import settings
from pygit2.enums import ConfigLevel

from tests.browser import browsing, whole_picture
from tests.order import long_first

if TYPE_CHECKING:
    import httpx
    from playwright.sync_api import Browser, Page

    from tests.pages_scene import Site

Git = Callable[..., str]

# Speed is measured in benchmarks/; here a busy machine must not fail a property.
settings.register_profile("registry-git", deadline=None)
settings.load_profile("registry-git")

GITCONFIG = """\
[user]
\tname = Tess Ter
\temail = tess@example.com
[init]
\tdefaultBranch = main
"""

# What a developer's shell may hold and a test must not see. pip's own variables stay: they say how to reach an index.
_PREFIXES = ("PYTHON", "GIT_", "REGISTRY_GIT_", "XDG_", "SSH_", "LC_", "MLFLOW_")
_NAMES = frozenset(
    {
        "CLICOLOR_FORCE",
        "COLORTERM",
        "COLUMNS",
        "EDITOR",
        "EMAIL",
        "FORCE_COLOR",
        "GNUPGHOME",
        "LANG",
        "LANGUAGE",
        "LINES",
        "NO_COLOR",
        "PAGER",
        "PYTHONPATH",
        "PYTHONWARNINGS",
        "VISUAL",
    }
)
_FIXED = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C.UTF-8",
    "TERM": "dumb",
    # Twelve or thirteen hours ahead of UTC: a local time taken for UTC is off by half a day and often by a date.
    "TZ": "Pacific/Auckland",
}
_OUTSIDE = dict(os.environ)


def pytest_addoption(parser: pytest.Parser) -> None:
    """More rounds of the test that kills writers, and pictures of the pages that tests look at."""
    parser.addoption("--kill-rounds", type=int, default=50, help="how often test_registry_kill.py kills a writer")
    parser.addoption("--pictures", action="store_true", help="keep a picture of every page in build/pictures/pages/")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where there are several workers, long tests come first."""
    worker = getattr(config, "workerinput", None)
    if worker is not None:
        items[:] = long_first(items, lambda item: item.path.name, worker["workercount"])


def _enter_home(patch: pytest.MonkeyPatch, home: Path) -> None:
    """Make `home`, write its git configuration, and point the environment and libgit2 at it."""
    home.mkdir(parents=True)
    (home / ".gitconfig").write_text(GITCONFIG)
    for name in list(os.environ):
        if name.startswith(_PREFIXES) or name in _NAMES:
            patch.delenv(name)
    for name, value in _FIXED.items():
        patch.setenv(name, value)
    patch.setenv("HOME", str(home))
    for name, folder in {
        "XDG_CONFIG_HOME": ".config",
        "XDG_CACHE_HOME": ".cache",
        "XDG_DATA_HOME": ".local/share",
        "XDG_STATE_HOME": ".local/state",
    }.items():
        patch.setenv(name, str(home / folder))
    _show_home_to_libgit2(home)


def _show_home_to_libgit2(home: Path) -> None:
    """libgit2 looks for its configuration once, when it is loaded, and does not follow $HOME after that."""
    pygit2.settings.search_path[ConfigLevel.GLOBAL] = str(home)
    pygit2.settings.search_path[ConfigLevel.XDG] = str(home / ".config" / "git")
    pygit2.settings.search_path[ConfigLevel.SYSTEM] = str(home / "no-system")
    pygit2.settings.search_path[ConfigLevel.PROGRAMDATA] = str(home / "no-system")


@pytest.fixture(scope="session")
def _homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A new home on every `next`; a counter, since looking for a free name costs more the more tests ran."""
    root = tmp_path_factory.mktemp("homes")
    return (root / str(number) for number in itertools.count())


@pytest.fixture(scope="session", autouse=True)
def _hermetic_session(_homes: Iterator[Path]) -> Iterator[Path]:
    """The environment for fixtures that live longer than one test."""
    with pytest.MonkeyPatch.context() as patch:
        home = next(_homes)
        _enter_home(patch, home)
        time.tzset()
        yield home
    time.tzset()


@pytest.fixture(autouse=True)
def home(_homes: Iterator[Path], _hermetic_session: Path) -> Iterator[Path]:
    """The home directory of one test; what it writes there, or into the environment, no other test sees."""
    with pytest.MonkeyPatch.context() as patch:
        own = next(_homes)
        _enter_home(patch, own)
        yield own
    _show_home_to_libgit2(_hermetic_session)


@pytest.fixture(autouse=True)
def _settled(home: Path) -> Iterator[None]:
    """What a test has written is settled with it, not while a later one counts flushes or lets them fail."""
    yield
    settling = sys.modules.get("registry_git.gitstore.settling")
    if settling is not None:
        settling.settle_now()


@pytest.fixture(autouse=True, scope="module")
def _mlflow_forgets() -> Iterator[None]:
    """MLflow keeps the URIs that it was told for the process; "" would count as told, and hide the environment's."""
    yield
    mlflow = sys.modules.get("mlflow")
    if mlflow is not None and hasattr(mlflow, "set_registry_uri"):
        mlflow.set_registry_uri(None)
        mlflow.set_tracking_uri(None)


@pytest.fixture(scope="session")
def outside_environment() -> Mapping[str, str]:
    """The environment that pytest was started with, for the few jobs that need the machine's own set-up (pip)."""
    return dict(_OUTSIDE)


@pytest.fixture(scope="module")
def browser(outside_environment: Mapping[str, str]) -> Iterator[Browser]:
    """A Chromium for one file of tests; more than one at a time cannot be open in a process."""
    with browsing(outside_environment) as found:
        yield found


@pytest.fixture(scope="module")
def shop(place: Path) -> Iterator[Site]:
    """A server of the registry at `place`, which a file of tests makes for all of them."""
    from tests.pages_scene import site

    with site(place) as found:
        yield found


@pytest.fixture(scope="module")
def client(shop: Site) -> Iterator[httpx.Client]:
    """Alice, signed in at `shop`, whose pages she reads without scripts."""
    from tests.pages_scene import reader

    with reader(shop, "alice") as found:
        yield found


@pytest.fixture(scope="session")
def keep_picture(pytestconfig: pytest.Config) -> Callable[[Page, str], None]:
    """`keep_picture(page, name)` keeps a picture of a whole page for people, when `--pictures` asks for it."""

    def keep(page: Page, name: str) -> None:
        if pytestconfig.getoption("--pictures"):
            whole_picture(page, f"pages/{name}")

    return keep


@pytest.fixture(scope="session")
def git() -> Git:
    """The real git: `git(directory, "rev-parse", "main")` gives its output as text, without the closing newline.

    Keywords: `stdin` (text to read), `env` (variables to add), `check=False` (a failure is an answer, not an error).
    """

    def run(
        directory: str | os.PathLike[str],
        *arguments: str | os.PathLike[str],
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        check: bool = True,
    ) -> str:
        __tracebackhide__ = True
        done = subprocess.run(
            ["git", *arguments],
            cwd=directory,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="surrogateescape",
        )
        if check and done.returncode:
            words = " ".join(map(str, arguments))
            pytest.fail(f"git {words} in {directory} failed with {done.returncode}:\n{done.stderr}{done.stdout}")
        return done.stdout.rstrip("\n")

    return run


@pytest.fixture
def as_nobody(tmp_path: Path) -> Iterator[Path]:
    """A directory, and no rights beyond it: what root would be allowed is refused here, as to everybody else."""
    if os.geteuid():
        yield tmp_path
        return
    nobody = 65534
    with tempfile.TemporaryDirectory() as place:
        os.chown(place, nobody, nobody)
        os.setegid(nobody)
        os.seteuid(nobody)
        try:
            yield Path(place)
        finally:
            os.seteuid(0)
            os.setegid(0)
