"""The real programs that read what GitOps commands write, and the real schemas of what they write it for.

kubectl comes with the project's development extra; `.ci/deploy-tools` brings helm and docker-compose. A test that needs
one that is missing says so and does not run; nothing stands in for it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.conftest import Git

CRDS_VARIABLE = "REGISTRY_GIT_CRDS"
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SPLIT = "\n8<---8<---8<\n"


def tool(name: str) -> str:
    """The program of that name: the one of the virtual environment, else the machine's."""
    own = Path(sys.executable).parent / name
    found = str(own) if own.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"DID NOT RUN: {name} is not here. Fetch it with: .ci/deploy-tools {own.parent}")
    return found


def run(name: str, *arguments: str | Path, stdin: str | None = None, env: Mapping[str, str] | None = None) -> str:
    """What a program prints on standard output; an error of the program fails the test with its words."""
    done = attempt(name, *arguments, stdin=stdin, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout


def attempt(
    name: str, *arguments: str | Path, stdin: str | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """How a program ended."""
    return subprocess.run(
        [tool(name), *map(str, arguments)],
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "KUBECONFIG": os.devnull, **(env or {})},
    )


def documents(text: str | bytes) -> list[dict[str, Any]]:
    """The documents of a stream of YAML."""
    return [one for one in yaml.load_all(text, Loader=_LOADER) if one is not None]


def document(path: Path) -> dict[str, Any]:
    """The one document of a file."""
    (found,) = documents(path.read_bytes())
    return found


def kustomize(directory: Path) -> list[dict[str, Any]]:
    """What `kubectl kustomize` makes of an overlay."""
    return documents(run("kubectl", "kustomize", directory))


def go_rendered(template: Any, parameters: Mapping[str, Any]) -> Any:
    """`template` with every string that holds `{{` rendered by Go's text/template, as an ApplicationSet does it.

    The renderer is kubectl's own `-o go-template`, which is the same package of Go with the same `missingkey=error`.
    It has none of the functions that Argo CD adds, so a template that used one would fail here.
    """
    texts = sorted({text for text in _strings(template) if "{{" in text})
    stdin = json.dumps(parameters)
    out = run(
        *("kubectl", "label", "--local", "-f", "-", "rendered=here", "--allow-missing-template-keys=false"),
        *("-o", f"go-template={_SPLIT.join(texts)}"),
        stdin=stdin,
    )
    rendered = dict(zip(texts, out.split(_SPLIT), strict=True))
    return _replaced(template, rendered)


def git_file_parameters(repository: Path, path: str) -> dict[str, Any]:
    """What Argo CD's git file generator gives a Go template for one file: its content, and `path` with its parts."""
    directory, _, name = path.rpartition("/")
    segments = directory.split("/")
    where = {"path": directory, "basename": segments[-1], "filename": name, "segments": segments}
    return {**document(repository / path), "path": where}


def applications(git: Git, top: Path, application_set: dict[str, Any]) -> list[dict[str, Any]]:
    """The Applications that Argo CD's controller makes: one for each file that the generator's patterns find."""
    (generator,) = application_set["spec"]["generators"]
    # The generator asks git for the files, so git answers here too.
    found = git(top, "ls-files", "--", *[one["path"] for one in generator["git"]["files"]]).split("\n")
    made = []
    for path in filter(None, found):
        body = go_rendered(application_set["spec"]["template"], git_file_parameters(top, path))
        made.append({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", **body})
    return made


def application_directory(git: Git, top: Path, application: Mapping[str, Any], scratch: Path) -> Path:
    """The directory that Argo CD builds for an Application, in a clone of its own.

    Argo CD runs `kustomize edit add component` there for each component that the Application names.
    """
    source = application["spec"]["source"]
    scratch.mkdir(exist_ok=True)
    clone = scratch / application["metadata"]["name"]
    git(top, "clone", "-q", top, clone)
    file = clone / source["path"] / "kustomization.yaml"
    components = "".join(f"- {path}\n" for path in source["kustomize"]["components"])
    file.write_text(f"{file.read_text()}components:\n{components}")
    return file.parent


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _strings(key)
            yield from _strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)


def _replaced(value: Any, rendered: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return rendered.get(value, value)
    if isinstance(value, dict):
        return {rendered.get(key, key): _replaced(one, rendered) for key, one in value.items()}
    if isinstance(value, list):
        return [_replaced(one, rendered) for one in value]
    return value


class Crd:
    """A CustomResourceDefinition as a judge: what kubectl's strict validation refuses, it refuses."""

    def __init__(self, path: Path) -> None:
        spec = yaml.load(path.read_bytes(), Loader=_LOADER)["spec"]
        self.group = spec["group"]
        self.kind = spec["names"]["kind"]
        self._versions = {
            one["name"]: jsonschema.Draft202012Validator(_object(one["schema"]["openAPIV3Schema"]))
            for one in spec["versions"]
        }

    def problems(self, manifest: Mapping[str, Any]) -> list[str]:
        """What is wrong with a manifest, one line each."""
        group, _, version = manifest["apiVersion"].partition("/")
        assert (group, manifest["kind"]) == (self.group, self.kind)
        return [f"{one.json_path}: {one.message}" for one in self._versions[version].iter_errors(manifest)]


def load_crd(environment: Mapping[str, str], name: str) -> Crd:
    """The CRD in a file of the directory that `REGISTRY_GIT_CRDS` names."""
    directory = environment.get(CRDS_VARIABLE)
    if not directory:
        pytest.skip(f"DID NOT RUN: {CRDS_VARIABLE} names no directory with the CRDs of KServe and Argo CD.")
    return _crd(Path(directory) / name)


@lru_cache(maxsize=8)
def _crd(path: Path) -> Crd:
    """Read once for all tests of a process: two megabytes of YAML take a while."""
    return Crd(path)


def _object(schema: dict[str, Any]) -> Any:
    """The schema of a whole object; its metadata is every object's, and no CRD says more of it than that it is one."""
    return _closed({**schema, "properties": {**schema["properties"], "metadata": {"type": "object"}}})


def _closed(schema: Any) -> Any:
    """The schema with every object closed that the API server prunes: a field that it does not list is an error."""
    if not isinstance(schema, dict):
        return schema
    found = dict(schema)
    if "properties" in schema:
        found["properties"] = {name: _closed(one) for name, one in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            found.setdefault("additionalProperties", False)
    for name in ("items", "additionalProperties"):
        if name in schema:
            found[name] = _closed(schema[name])
    return found
