"""`render`: manifests for deployments out of templates in the registry."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from registry_git.core.errors import Invalid, NotFound, PermissionDenied
from registry_git.gitops.render import check_renderings, chosen, render, write_renderings
from tests.cli_program import Cli
from tests.conftest import Git
from tests.gitops_scene import Land, new_land
from tests.gitops_tools import document, documents, load_crd, run
from tests.registry_scene import ALICE, BOB, LEADS, new_registry

SERVICE = """\
{# a comment of the template, which nobody sees #}
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: {{ dns_label(deployment.environment, deployment.name) }}
  labels:
    registry-git.dev/version: {{ version.version | string | tojson }}
  annotations:
    registry-git.dev/owner: {{ deployment.owner | tojson }}
    registry-git.dev/digest: {{ version.digest | tojson }}
spec:
  predictor:
    model:
      modelFormat: {name: {{ version.format | default("mlflow", true) | tojson }}}
      storageUri: {{ version.source | tojson }}
{% if version.tags.gpu is defined %}
      runtime: gpu
{% endif %}
"""
JOB = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: {{ deployment.name }}-v{{ resolved_or(version) }}}\n"


@pytest.fixture
def land(tmp_path: Path) -> Land:
    made = new_land(tmp_path / "registry")
    made.registry.add_deployment("production", "scorer", model="fraud", stage="Production")
    made.registry.add_deployment("dev", "scorer", model="fraud", stage="Dev", owner=BOB)
    made.registry.add_deployment("dev", "nightly", model="churn", stage="Dev", workload="job")
    return made


def template(land: Land, git: Git, name: str, text: str) -> None:
    """Commits a template."""
    path = land.top / f"templates/{name}.yaml.j2"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    git(land.top, "add", "templates")
    git(land.top, "commit", "-q", "-m", "A template")


def rendered(land: Land, environment: str, name: str) -> str:
    tree = land.registry.tree()
    (made,) = render(tree, chosen(tree, environment, name))
    return made.text


def test_a_deployment_is_rendered_with_the_version_that_it_uses(
    land: Land, git: Git, outside_environment: Mapping[str, str]
) -> None:
    template(land, git, "service", SERVICE)
    text = rendered(land, "production", "scorer")
    assert text.startswith("# Rendered for production/scorer from templates/service.yaml.j2;")
    (service,) = documents(text)
    version = land.registry.lookup("fraud/1").manifest
    assert service["metadata"]["name"] == "production-scorer"
    assert service["metadata"]["labels"] == {"registry-git.dev/version": "1"}
    assert service["metadata"]["annotations"] == {
        "registry-git.dev/owner": ALICE,
        "registry-git.dev/digest": version.digest,
    }
    assert service["spec"]["predictor"]["model"] == {
        "modelFormat": {"name": "sklearn"},
        "storageUri": version.source,
    }
    assert load_crd(outside_environment, "serving.kserve.io_inferenceservices.yaml").problems(service) == []


def test_a_promotion_rolls_what_is_rendered(land: Land, git: Git) -> None:
    template(land, git, "service", SERVICE)
    land.registry.transition("fraud", 2, "Production")
    assert 'registry-git.dev/version: "2"' in rendered(land, "production", "scorer")


def test_the_name_of_a_template_is_the_annotations_else_the_deployments_else_the_workloads(
    land: Land, git: Git
) -> None:
    object_of = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {}}}\n".format
    template(land, git, "job", object_of("by-workload"))
    assert "name: by-workload" in rendered(land, "dev", "nightly")
    template(land, git, "nightly", object_of("by-name"))
    assert "name: by-name" in rendered(land, "dev", "nightly")
    template(land, git, "special", object_of("by-annotation"))
    manifest = land.top / "deployments/dev/nightly.yaml"
    manifest.write_text(manifest.read_text() + "annotations: {template: special}\n")
    git(land.top, "commit", "-q", "-a", "-m", "Another template")
    assert "name: by-annotation" in rendered(land, "dev", "nightly")


def test_a_template_includes_what_lies_beside_it(land: Land, git: Git) -> None:
    template(land, git, "labels", "{model: {{ model.name }}}\n")
    template(
        land,
        git,
        "service",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\n  labels: {% include 'labels.yaml.j2' %}",
    )
    (made,) = documents(rendered(land, "dev", "scorer"))
    assert made["metadata"]["labels"] == {"model": "fraud"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("apiVersion: v1\nkind: {{ version.nmae }}\n", r"templates/service\.yaml\.j2:2: 'dict object' has no .*'nmae'"),
        ("\n\n{{ verison }}\n", r"templates/service\.yaml\.j2:3: 'verison' is undefined"),
        ("a: 1\n{% if %}\n", r"templates/service\.yaml\.j2:2: Expected an expression"),
        ("{{ 1 / 0 }}", r"templates/service\.yaml\.j2:1: Division by zero"),
        ("{% include 'gone' %}", r"templates/service\.yaml\.j2:1: Templates/gone|templates/service\.yaml\.j2:1: Gone"),
        ("{% include '../registry.yaml' %}", r"templates/service\.yaml\.j2:1: "),
        ("{% for n in range(99999999) %}x{% endfor %}", r"templates/service\.yaml\.j2:1: Range too big"),
        ("{% for n in range(50000) %}{{ 'x' * 99 }}{% endfor %}", "makes more than 1,048,576 characters"),
        ("a: b: c\n", "makes no YAML in line 1"),
        ("a: 1\na: 2\n", "the key 'a' is there twice"),
        ("a: !!python/object/apply:os.system ['true']\n", "makes no YAML in line 1"),
        ("# nothing\n", "makes no manifest"),
        ("just text\n", "Document 1 .* is no Kubernetes object"),
        ("apiVersion: v1\nkind: Pod\n", "Document 1 .* is no Kubernetes object"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {name: 12}\n", "Document 1 .* is no Kubernetes object"),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\n",
            "twice",
        ),
    ],
)
def test_what_goes_wrong_in_a_template_is_told_and_nothing_is_printed(
    land: Land, git: Git, text: str, says: str
) -> None:
    template(land, git, "service", text)
    with pytest.raises(Invalid, match=says) as raised:
        rendered(land, "production", "scorer")
    assert raised.value.hint


@pytest.mark.parametrize(
    "attack",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ dns_label.__globals__ }}",
        "{{ version.tags.update({'a': 'b'}) }}",
        "{{ deployment.clear() }}",
        "{{ self.__init__.__globals__ }}",
        "{{ '{0.__class__}'.format(version) }}",
        "{% import 'os' as os %}",
    ],
)
def test_a_template_reaches_nothing_but_its_values_and_changes_none_of_them(land: Land, git: Git, attack: str) -> None:
    template(land, git, "service", attack)
    with pytest.raises(Invalid, match=r"^templates/service\.yaml\.j2:1: |makes "):
        rendered(land, "production", "scorer")


def test_a_deployment_without_a_template_says_which_one_it_looked_for(land: Land) -> None:
    with pytest.raises(
        NotFound, match=r"neither templates/scorer\.yaml\.j2 nor templates/service\.yaml\.j2 is there"
    ) as raised:
        rendered(land, "production", "scorer")
    assert raised.value.hint.endswith("and commit it.")
    with pytest.raises(NotFound, match="There is no deployment production/nobody"):
        rendered(land, "production", "nobody")
    with pytest.raises(NotFound, match="There is no deployment in 'nowhere'"):
        chosen(land.registry.tree(), "nowhere", None)


def test_a_deployment_that_uses_nothing_yet_is_told(land: Land, git: Git) -> None:
    template(land, git, "service", SERVICE)
    land.registry.add_deployment("staging", "early", model="churn", stage="Staging")
    with pytest.raises(NotFound, match="staging/early uses no version yet"):
        rendered(land, "staging", "early")


def test_renderings_are_kept_in_one_commit_and_check_says_when_they_are_not_current(land: Land, git: Git) -> None:
    template(land, git, "service", SERVICE)
    kept = write_renderings(land.registry, environment=None, name=None)
    assert kept.written == ("deploy/rendered/dev/scorer.yaml", "deploy/rendered/production/scorer.yaml")
    assert kept.commit == git(land.top, "rev-parse", "main")
    assert land.registry.check() == []
    assert list(check_renderings(land.registry.tree(), environment=None, name=None)) == []
    assert not write_renderings(land.registry, environment=None, name=None).changed

    land.registry.transition("fraud", 2, "Production")
    (stale,) = check_renderings(land.registry.tree(), environment=None, name=None)
    assert (stale.level, stale.path) == ("error", "deploy/rendered/production/scorer.yaml")
    assert stale.message == "The rendering of production/scorer is not current."
    lines = (land.top / stale.path).read_text().split("\n")
    assert lines[stale.line - 1].startswith("    registry-git.dev/version: ")
    assert list(check_renderings(land.registry.tree(), environment="dev", name=None)) == []
    assert write_renderings(land.registry, environment="production", name="scorer").written == (stale.path,)


def test_check_names_what_was_never_rendered_what_is_left_over_and_what_cannot_be_rendered(
    land: Land, git: Git
) -> None:
    template(land, git, "service", SERVICE)
    write_renderings(land.registry, environment="dev", name=None)
    land.registry.remove_deployment("dev", "scorer")
    template(land, git, "job", JOB)
    found = {
        (one.path, one.line): one.message for one in check_renderings(land.registry.tree(), environment=None, name=None)
    }
    assert found == {
        ("deploy/rendered/production/scorer.yaml", 0): "The rendering of production/scorer is not there.",
        ("deploy/rendered/dev/scorer.yaml", 0): "It was rendered for a deployment that is gone, or has no template.",
        ("templates/job.yaml.j2", 3): "templates/job.yaml.j2:3: 'resolved_or' is undefined.",
    }
    (land.top / "templates/job.yaml.j2").unlink()
    git(land.top, "commit", "-q", "-a", "-m", "No jobs")
    assert write_renderings(land.registry, environment=None, name=None).removed == ("deploy/rendered/dev/scorer.yaml",)


def test_kustomize_takes_renderings_as_resources(land: Land, git: Git, tmp_path: Path) -> None:
    template(land, git, "service", SERVICE)
    write_renderings(land.registry, environment=None, name=None)
    directory = land.top / "deploy/rendered/production"
    (directory / "kustomization.yaml").write_text("resources: [scorer.yaml]\nnamespace: serving\n")
    (built,) = documents(run("kubectl", "kustomize", directory))
    assert built["metadata"]["namespace"] == "serving"
    git(land.top, "add", "deploy")
    git(land.top, "commit", "-q", "-m", "A kustomization of our own")
    assert not write_renderings(land.registry, environment=None, name=None).changed


def test_keeping_renderings_takes_who_may_edit(tmp_path: Path, git: Git) -> None:
    place = tmp_path / "registry"
    as_ = new_registry(place, versions=1, roles=LEADS)
    as_(ALICE).add_deployment("production", "scorer", model="fraud", version=1)
    land = Land(top=place, registry=as_(ALICE))
    template(land, git, "service", SERVICE)
    text = (place / "registry.yaml").read_text()
    as_(ALICE).set_policy(text + "rules:\n- {on: edit, by: [ml-leads]}\n")
    with pytest.raises(PermissionDenied, match="rule on edit"):
        write_renderings(as_(ALICE), environment=None, name=None)
    assert write_renderings(as_(BOB), environment=None, name=None).changed


def test_the_command_prints_writes_checks_and_looks_at_a_request(land: Land, git: Git) -> None:
    cli = Cli(registry=land.top)
    assert cli("render", "--check").out.strip() == "No deployment has a template, so nothing is rendered."
    template(land, git, "service", SERVICE)
    assert cli("render", "production", "scorer").out == rendered(land, "production", "scorer")
    assert len(documents(cli("render").out)) == 2
    (one,) = cli.json("render", "dev")
    assert (one["deployment"], list(one)) == ("dev/scorer", ["deployment", "template", "path", "text"])
    asked = land.registry.request_stage("fraud", 2, "Production").request
    assert 'registry-git.dev/version: "2"' in cli("render", "production", "scorer", "--at", asked).out

    told = cli("render", "--check", code=5).out
    assert "The rendering of production/scorer is not there." in told
    assert "written  deploy/rendered/production/scorer.yaml" in cli("render", "--write").out
    assert cli("render", "--check").out.strip() == "Every rendering is current."
    assert cli("render", "--write").out.strip() == "Every rendering is current."
    land.registry.approve(asked)
    annotation = cli("render", "--check", "--format", "github", code=5).out
    assert annotation.startswith("::error file=deploy/rendered/production/scorer.yaml,line=7,")
    assert json.loads(cli("render", "--check", "--format", "sarif", code=5).out)["runs"]
    git(land.top, "checkout", "-q", "-b", "templates")
    template(land, git, "service", SERVICE.replace("dns_label(", "dns_label('x', "))
    there = git(land.top, "rev-parse", "HEAD")
    assert "dev/scorer is not current" in cli("render", "--check", "--head", "HEAD", code=5).out
    assert "dev/scorer is not current" in cli("render", "--check", "--head", there, code=5).out
    assert "Add --check" in cli("render", "--head", "HEAD", code=2).err
    git(land.top, "checkout", "-q", "main")
    assert "dev/scorer" not in cli("render", "--check", code=5).out
    assert "are two things" in cli("render", "--write", "--check", code=2).err
    assert "Leave out --at and --template" in cli("render", "--write", "--template", "x", code=2).err
    assert "The registry has no template templates/x.yaml.j2" in cli("render", "dev", "--template", "x", code=3).err
    assert document(land.top / "deploy/rendered/dev/scorer.yaml")["kind"] == "InferenceService"
