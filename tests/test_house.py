"""What holds for the whole tree: sizes, names, and what gets into the wheel."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "registry_git").rglob("*.py"))
LINES_AT_MOST = 350

# Paths that exist on one machine only. Put together here, so that this file does not name them itself.
MACHINE_PATHS = tuple(f"/{name}/" for name in ("work", "root", "Users"))
# A name that pip or a browser would resolve; documents use acme.io and example.com, which nobody owns or all do.
INDEX_HOSTS = tuple(".".join(parts) for parts in (("pypi", "org"), ("pythonhosted", "org"), ("files", "python")))


def _sources() -> list[Path]:
    """Every text file that belongs to the project."""
    found = [path for path in ROOT.iterdir() if path.is_file() and path.name not in ("LICENSE", ".git")]
    for folder in (".ci", "benchmarks", "docs", "examples", "registry_git", "schemas", "tests"):
        found += [path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return [path for path in found if path.suffix not in (".png", ".svg", ".pkl")]


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_that_grows_past_the_limit_is_split_by_noun(module: Path) -> None:
    lines = module.read_text(encoding="utf-8").count("\n")
    assert lines <= LINES_AT_MOST


def test_nothing_is_called_utils() -> None:
    vague = {"utils", "util", "helpers", "misc", "common"}
    assert [path for path in MODULES if vague & {path.stem, *path.relative_to(ROOT).parts}] == []


def test_the_project_names_no_machine_and_no_package_index() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in _sources()
        for word in (*MACHINE_PATHS, *INDEX_HOSTS)
        if word in path.read_text(encoding="utf-8", errors="replace")
    ]
    assert found == []


@pytest.mark.parametrize("name", ["LICENSE", "README.md", "CHANGELOG.md", "CONTRIBUTING.md"])
def test_the_papers_of_the_house_are_there(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8").strip()


def test_the_newest_entry_of_the_changelog_is_the_version_of_the_package() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    version = next(line.split('"')[1] for line in project.splitlines() if line.startswith("version = "))
    headings = [line for line in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines() if line[:3] == "## "]
    assert headings[0].split()[1] == version


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory, outside_environment: Mapping[str, str]) -> zipfile.ZipFile:
    """The wheel that `pip wheel` builds from the tree."""
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(target)]
    if find_spec("hatchling") is not None:  # else pip fetches it, and the test needs an index that pip can reach
        command.append("--no-build-isolation")
    built = subprocess.run([*command, str(ROOT)], env=outside_environment, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return zipfile.ZipFile(next(target.glob("*.whl")))


@pytest.mark.slow
def test_every_schema_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    schemas = sorted((ROOT / "schemas").glob("*.schema.json"))
    assert schemas
    for schema in schemas:
        assert wheel.read(f"registry_git/manifests/schemas/{schema.name}") == schema.read_bytes()


@pytest.mark.slow
def test_what_pages_are_made_of_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    files = [file for name in ("templates", "static") for file in (ROOT / "registry_git/server/pages" / name).iterdir()]
    assert {file.suffix for file in files} >= {".html", ".css", ".js", ".svg", ".LICENSE"}
    for file in files:
        assert wheel.read(str(file.relative_to(ROOT))) == file.read_bytes()


def test_the_libraries_of_the_pages_are_named_with_their_licences() -> None:
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    libraries = sorted((ROOT / "registry_git/server/pages/static").glob("*.min.js"))
    assert len(libraries) == 2
    for library in libraries:
        name = library.name.removesuffix(".min.js")
        found = re.search(rf"- {name} (\d+\.\d+\.\d+) ", notice)
        assert found, name
        licence = library.with_name(f"{name}.LICENSE")
        assert str(licence.relative_to(ROOT)) in notice
        assert "Zero-Clause BSD" in licence.read_text(encoding="utf-8")
        assert name in (ROOT / "README.md").read_text(encoding="utf-8")
    htmx = next(one for one in libraries if one.name == "htmx.min.js").read_text(encoding="utf-8")
    assert re.search(r'version:"([\d.]+)"', htmx)[1] in notice  # type: ignore[index]


@pytest.mark.slow
def test_every_module_the_type_marker_and_the_license_are_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    assert {str(path.relative_to(ROOT)) for path in MODULES} <= names
    assert "registry_git/py.typed" in names
    for licence in ("LICENSE", "NOTICE", "registry_git/server/pages/static/htmx.LICENSE"):
        assert any(name.endswith(f"licenses/{licence}") for name in names), licence


@pytest.mark.slow
def test_both_commands_are_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    entry_points = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    text = wheel.read(entry_points).decode()
    assert "registry-git = " in text
    assert "git-registry = " in text


@pytest.mark.slow
def test_the_wheel_holds_nothing_but_the_package(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"registry_git"}
