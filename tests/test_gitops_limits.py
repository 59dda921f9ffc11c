"""Templates that never end, or want all memory there is, are ended; who renders goes on with the others."""

from __future__ import annotations

import pytest

from registry_git.core.errors import Invalid, NotFound, Unavailable
from registry_git.gitops.filling import Filler, Limits
from registry_git.gitops.render import check_renderings, write_renderings
from tests.cli_program import Cli
from tests.conftest import Git
from tests.gitops_scene import Land, new_land

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n"
SHORT = Limits(cpu_seconds=1)
SMALL = Limits(memory_bytes=128 * 1024 * 1024)
ENDLESS = "{% for a in range(99999) %}\n{% for b in range(99999) %}\n{% endfor %}\n{% endfor %}"


@pytest.fixture(scope="module")
def land(tmp_path_factory: pytest.TempPathFactory, git: Git) -> Land:
    made = new_land(tmp_path_factory.mktemp("limits") / "registry")
    made.registry.add_deployment("dev", "scorer", model="fraud", stage="Dev")
    made.registry.add_deployment("production", "scorer", model="fraud", stage="Production")
    made.registry.add_deployment("production", "nightly", model="fraud", stage="Production", workload="job")
    return made


def keep(land: Land, git: Git, **templates: str) -> None:
    """Commits templates."""
    (land.top / "templates").mkdir(exist_ok=True)
    for name, text in templates.items():
        (land.top / f"templates/{name}.yaml.j2").write_text(text)
    git(land.top, "add", "templates")
    git(land.top, "commit", "-q", "--allow-empty", "-m", "Templates")


@pytest.mark.parametrize(
    ("limits", "text", "says"),
    [
        (SHORT, "{% for a in range(10**9) %}{% endfor %}", r"templates/job\.yaml\.j2:1: Range too big"),
        (SHORT, f"\n{ENDLESS}", r"templates/job\.yaml\.j2:[23]: It takes more than 1 s"),
        (SHORT, f"{MAP}data: {{{{ 10 ** (10 ** 9) }}}}", r"templates/job\.yaml\.j2: It takes more than 1 s"),
        (SMALL, "{{ 'x' * 10 ** 10 }}", "It takes more memory than the 128 MiB that it may"),
        (SMALL, "{% set x = 'x' * 1000 %}" + "{% set x = x ~ x %}" * 40, "It takes more memory than the 128 MiB"),
        (SMALL, "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "includes or calls itself without end"),
        (SMALL, "{% include 'job.yaml.j2' %}", "includes or calls itself without end"),
        (SMALL, "{{ '[' * 500000 }}", "makes no YAML"),
    ],
    ids=["range", "loops", "number", "text", "doubled", "macro", "include", "nested"],
)
def test_a_template_that_wants_too_much_is_ended_and_the_next_is_filled(
    land: Land, git: Git, limits: Limits, text: str, says: str
) -> None:
    keep(land, git, job=text, service=MAP)
    with Filler(land.registry.tree(), limits) as filler:
        with pytest.raises(Invalid, match=says) as raised:
            filler.fill("templates/job.yaml.j2", {})
        assert raised.value.hint.startswith(("Look at its", "Quote values"))
        assert filler.fill("templates/service.yaml.j2", {}) == MAP
        with pytest.raises(NotFound, match=r"no template templates/gone\.yaml\.j2"):
            filler.fill("templates/gone.yaml.j2", {})


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("when: 2026-13-45", "makes no YAML: month must be in"),
        (f"count: {'1' * 5000}", "makes no YAML: Exceeds the limit"),
        ("n: !!int x", "makes no YAML: invalid literal for int"),
        ("? [a]\n: b", "makes no YAML in line 5 of what it makes: found unhashable key"),
        ("? {a: b}\n: b", "makes no YAML in line 5 of what it makes: found unhashable key"),
    ],
    ids=["day", "number", "tag", "list", "mapping"],
)
def test_what_no_reader_of_yaml_takes_is_told_as_a_fault_of_the_template(
    land: Land, git: Git, line: str, says: str
) -> None:
    keep(land, git, job=f"{MAP}{line}\n")
    with Filler(land.registry.tree()) as filler, pytest.raises(Invalid, match=says):
        filler.fill("templates/job.yaml.j2", {})


def test_a_template_that_took_too_long_is_not_tried_for_every_deployment(land: Land, git: Git) -> None:
    keep(land, git, service=ENDLESS)
    with Filler(land.registry.tree(), SHORT) as filler:
        with pytest.raises(Invalid, match="more than 1 s") as first:
            filler.fill("templates/service.yaml.j2", {})
        with pytest.raises(Invalid) as second:
            filler.fill("templates/service.yaml.j2", {})
        assert second.value is first.value


def test_a_check_names_the_template_that_never_ends_with_its_line_and_looks_at_the_others(
    land: Land, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry_git.gitops.filling.Limits", lambda: SHORT)
    keep(land, git, service=ENDLESS, job=MAP)
    found = [(one.path, one.message) for one in check_renderings(land.registry.tree(), environment=None, name=None)]
    assert {path for path, _ in found} == {
        "templates/service.yaml.j2",
        "deploy/rendered/production/nightly.yaml",
    }
    with pytest.raises(Invalid, match="more than 1 s"):
        write_renderings(land.registry, environment=None, name=None)
    assert not (land.top / "deploy/rendered").exists()


def test_where_no_process_can_be_had_nothing_is_said_of_the_templates(
    land: Land, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(land, git, service=MAP)
    monkeypatch.setattr("sys.executable", "/no/such/python")
    with pytest.raises(Unavailable, match="No process can be started to fill templates: No such file"):
        list(check_renderings(land.registry.tree(), environment=None, name=None))


def test_the_command_tells_it_in_a_sentence(land: Land, git: Git) -> None:
    keep(land, git, service="{{ 'x' * 10 ** 10 }}")
    ended = Cli(registry=land.top)("render", "production", "scorer", code=2)
    assert ended.out == ""
    assert ended.err.startswith(
        "error: templates/service.yaml.j2: It takes more memory than the 512 MiB that it may.\n"
    )


def test_nothing_is_left_running(land: Land, git: Git) -> None:
    keep(land, git, service=MAP)
    with Filler(land.registry.tree()) as filler:
        filler.fill("templates/service.yaml.j2", {})
        process = filler._process
    assert process is not None
    assert process.returncode is not None
