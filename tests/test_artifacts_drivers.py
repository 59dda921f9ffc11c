"""Where no driver reads a location, that is found out without fsspec, which is slow to import; else fsspec says it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fsspec.registry import known_implementations

from registry_git.artifacts import location

_ASK = """
import sys
from registry_git.artifacts.location import driver, parse_location
found = driver(parse_location(sys.argv[1]))
print(found and found.__name__, "fsspec" in sys.modules)
"""


def ask(url: str, packages: Path, *, program: str = _ASK) -> str:
    """The name of the driver for a URL, and whether fsspec was imported, where `packages` are installed too."""
    command = [sys.executable, "-c", program, url]
    environment = {**os.environ, "PYTHONPATH": str(packages)}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.strip()


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A directory of packages, with a driver named Mine in the module `mine`."""
    (tmp_path / "mine.py").write_text("from fsspec import AbstractFileSystem\nclass Mine(AbstractFileSystem): pass\n")
    return tmp_path


def test_the_packages_of_drivers_are_those_of_fsspec() -> None:
    known = {scheme: known_implementations[scheme]["class"].partition(".")[0] for scheme in location._PACKAGES}
    assert known == location._PACKAGES


@pytest.mark.parametrize("scheme", sorted(location._PACKAGES))
def test_a_driver_that_is_not_installed_is_missed_without_fsspec(scheme: str, packages: Path) -> None:
    assert ask(f"{scheme}://acme/fraud", packages) == "None False"


def test_a_driver_that_is_installed_is_found(packages: Path) -> None:
    (packages / "s3fs.py").write_text(
        "from mine import Mine\n__version__ = '2026.9.0'\nclass S3FileSystem(Mine): pass\n"
    )
    assert ask("s3://acme/fraud", packages) == "S3FileSystem True"


@pytest.mark.parametrize("kind", ["dist", "egg"])
def test_a_driver_that_a_distribution_declares_is_found(kind: str, packages: Path) -> None:
    info = packages / f"mine-1.0.{kind}-info"
    info.mkdir()
    (info / "entry_points.txt").write_text("[fsspec.specs]\ns3 = mine:Mine\n")
    (info / ("METADATA" if kind == "dist" else "PKG-INFO")).write_text("Metadata-Version: 2.1\nName: mine\n")
    assert ask("s3://acme/fraud", packages) == "Mine True"


def test_a_driver_that_the_program_registered_is_found(packages: Path) -> None:
    registering = "import fsspec, mine\nfsspec.register_implementation('s3', mine.Mine, clobber=True)\n"
    assert ask("s3://acme/fraud", packages, program=registering + _ASK) == "Mine True"


def test_fsspec_is_asked_about_any_other_scheme(packages: Path) -> None:
    assert ask("memory://acme/fraud", packages) == "MemoryFileSystem True"
    assert ask("nothing://acme/fraud", packages) == "None True"
