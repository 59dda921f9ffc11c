"""The MLmodel file: facts when it is good, a warning when it is not, never an error, never a loaded model."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_git.artifacts.mlmodel import MLmodel, parse_mlmodel, read_mlmodel

REAL = """\
artifact_path: model
flavors:
  python_function:
    env: {conda: conda.yaml, virtualenv: python_env.yaml}
    loader_module: mlflow.sklearn
    model_path: model.pkl
    python_version: 3.11.7
  sklearn:
    code: null
    pickled_model: model.pkl
    serialization_format: cloudpickle
    sklearn_version: 1.4.2
mlflow_version: 3.17.2
model_id: m-5f1c2e
model_size_bytes: 1082
model_uuid: m-5f1c2e
prompts: null
run_id: e148278107274832
signature:
  inputs: '[{"type": "double", "name": "x", "required": true}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]'
  params: null
utc_time_created: '2026-11-23 06:14:11.412345'
"""


def test_a_real_file_gives_its_facts(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text(REAL)
    found = read_mlmodel(str(tmp_path))
    assert found is not None
    assert (found.format, found.flavors, found.warning) == ("sklearn", ("python_function", "sklearn"), "")
    assert (found.run_id, found.model_id) == ("e148278107274832", "m-5f1c2e")
    assert found.utc_time_created == "2026-11-23 06:14:11.412345"
    signature = json.loads(found.signature)
    assert signature["inputs"] == [{"type": "double", "name": "x", "required": True}]
    assert "params" not in signature


def test_it_is_found_through_a_driver(tmp_path: Path) -> None:
    base = f"memory://{uuid.uuid4().hex}"
    files = fsspec.filesystem("memory")
    files.pipe_file(f"{base}/m/MLmodel", REAL.encode())
    (tmp_path / "MLmodel").write_text(REAL)
    assert read_mlmodel(f"{base}/m") == read_mlmodel(f"file://{tmp_path}")
    assert read_mlmodel(base) is None
    files.rm(base, recursive=True)


def test_where_there_is_none_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(b"x")
    for location in (tmp_path, tmp_path / "model.pkl", tmp_path / "nowhere", "models:/m/1", "nonesuch://x", ""):
        assert read_mlmodel(str(location)) is None


def test_a_function_alone_is_the_format() -> None:
    assert parse_mlmodel(b"flavors: {python_function: {}}").format == "python_function"
    assert parse_mlmodel(b"flavors: {}") == MLmodel()


def test_times_and_ids_without_quotes_are_text() -> None:
    found = parse_mlmodel(b"flavors: {a: }\nutc_time_created: 2026-11-23 06:14:11.412345\nrun_id: 123\n")
    assert (found.utc_time_created, found.run_id, found.warning) == ("2026-11-23 06:14:11.412345", "123", "")


BOMB = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 20))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\0",
        "- a",
        "text",
        "flavors: [",
        "flavors: [a]\n",
        "flavors: {? [a] : 1}\n",
        "flavors: {1: x}\n",
        "flavors: {'a\\nb': x}\n",
        "run_id: x\n",
        "flavors: {a: }\nrun_id: [x]\n",
        "flavors: {a: }\nrun_id: ''\n",
        'flavors: {a: }\nrun_id: "a\\nb"\n',
        f"flavors: {{a: }}\nrun_id: {'x' * 300}\n",
        "flavors: {a: }\nsignature: text\n",
        "flavors: {a: }\nsignature: {inputs: '[NaN]'}\n",
        "flavors: {a: }\nsignature: {inputs: {a: 1}}\n",
        "flavors: {a: }\nsignature: {inputs: '" + "[" * 100_000 + "'}\n",
        "flavors: {a: }\nsignature: {inputs: '\"" + "x" * 200_000 + "\"'}\n",
        "flavors: !!python/object/apply:os.system ['true']\n",
        "flavors: !!timestamp x\n",
        "flavors: !!int ''\n",
        "flavors: 2026-99-99\n",
        "x: " + "9" * 5_000 + "\n",
        "flavors: {a: }\n---\nb\n",
        "[" * 100_000,
        "{a: " * 100_000,
        "- " * 100_000,
        "x: [" + "a, " * 300_000 + "]",
        "x: '" + "a" * 2_000_000 + "'",
        BOMB,
        "a: &a [*a]\n" + "b: [" + "*a, " * 200 + "]\n",
    ],
)
def test_a_broken_file_is_a_warning(tmp_path: Path, text: str) -> None:
    (tmp_path / "MLmodel").write_text(text)
    start = time.perf_counter()
    found = read_mlmodel(str(tmp_path))
    assert found is not None
    assert found.warning
    assert len(found.warning) < 300
    assert time.perf_counter() - start < 5


def test_what_is_good_in_a_broken_file_is_kept() -> None:
    found = parse_mlmodel(b"flavors: {sklearn: {}, 7: {}}\nrun_id: [x]\nmodel_id: m-1\n")
    assert (found.format, found.run_id, found.model_id) == ("sklearn", "", "m-1")
    assert "flavors" in found.warning
    assert "run_id" in found.warning


def test_a_link_out_of_the_directory_or_a_directory_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(REAL)
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "MLmodel").symlink_to("../secret")
    found = read_mlmodel(str(tmp_path / "m"))
    assert found is not None
    assert "leaves the tree" in found.warning
    assert found.format == ""
    (tmp_path / "d" / "MLmodel").mkdir(parents=True)
    assert read_mlmodel(str(tmp_path / "d")) == MLmodel(warning="MLmodel was not read: 'MLmodel' is no regular file.")


@given(
    st.one_of(st.binary(max_size=100), st.text(alphabet="flavors: {}[]&*!<\n-?'\"|>a0", max_size=60).map(str.encode))
)
def test_any_bytes_give_a_value(content: bytes) -> None:
    assert isinstance(parse_mlmodel(content), MLmodel)
