"""MLflow's registry at every kind of remote address that the plugin has, end to end: real servers, real transports."""

from __future__ import annotations

import subprocess
from pathlib import Path

import mlflow
import pygit2
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

import registry_git
from registry_git.mlflow_plugin.store import GitStore
from tests.git_http import served
from tests.mlflow_pair import empty_database
from tests.registry_scene import ALICE, BOB

# In the place of ssh: it writes down how it was called, and runs at home what would run on the other machine.
SSH = """#!/bin/sh
echo "$@" >> "$(dirname "$0")/calls"
while [ "$1" != git.acme.io ] && [ "$1" != git@git.acme.io ]; do
  [ $# -gt 1 ] || exit 255
  shift
done
shift
exec sh -c "$*"
"""


@pytest.fixture(autouse=True)
def _runs(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Where MLflow looks for runs: not in a file of the working directory."""
    mlflow.set_tracking_uri(f"sqlite:///{empty_database(tmp_path_factory, tmp_path / 'mlflow.db')}")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where a server keeps its repositories: one, with a registry that takes pushes."""
    root = tmp_path / "served"
    registry_git.init(root / "models.git", actor=ALICE).register("fraud", "s3://acme/1")
    pygit2.Repository(str(root / "models.git")).config["http.receivepack"] = "true"
    return root


@pytest.fixture
def tls(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for loopback, and its key."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    kind = ["-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert]
    subprocess.run(["openssl", "req", "-x509", *kind, *names], check=True, capture_output=True)
    return cert, key


def works_at(uri: str, place: Path) -> None:
    """MLflow's client reads at an address, writes there, and sees what others write, who see what it wrote."""
    client = MlflowClient(registry_uri=uri)
    assert [one.version for one in client.search_model_versions("name = 'fraud'")] == [1]
    assert client.create_model_version("fraud", "s3://acme/2").version == 2
    client.set_registered_model_alias("fraud", "champion", "2")
    assert client.get_model_version_by_alias("fraud", "champion").version == 2
    there = registry_git.open(place, actor=BOB)
    assert there.resolve("models:/fraud@champion").version == 2
    there.set_alias("fraud", "champion", 1)
    assert client.get_model_version_by_alias("fraud", "champion").version == 1


def test_a_registry_on_a_web_server_is_cloned_once_read_and_pushed_to(root: Path, home: Path) -> None:
    with served(root, {"alice": "secret"}) as host:
        works_at(f"git+http://alice:secret@{host}/models.git?fresh_seconds=0", root / "models.git")
        with pytest.raises(MlflowException) as refused:
            GitStore(f"git+http://alice:wrong@{host}/models.git").search_registered_models()
        assert refused.value.error_code in ("TEMPORARILY_UNAVAILABLE", "PERMISSION_DENIED")
        assert "wrong" not in refused.value.message
    assert len(list((home / ".cache" / "registry-git").glob("*.git"))) == 1


def test_git_over_https_is_believed_only_with_a_certificate_that_git_trusts(
    root: Path, tls: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(root, {"alice": "secret"}, tls) as host:
        uri = f"git+https://alice:secret@{host}/models.git?fresh_seconds=0"
        with pytest.raises(MlflowException, match="certificate") as refused:
            GitStore(uri).search_registered_models()
        assert refused.value.error_code == "TEMPORARILY_UNAVAILABLE"
        assert "secret" not in refused.value.message
        monkeypatch.setenv("GIT_SSL_CAINFO", str(tls[0]))
        works_at(uri, root / "models.git")


@pytest.mark.parametrize("user", ["", "git@"])
def test_git_over_ssh_goes_through_the_user_s_own_ssh(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: str
) -> None:
    program = tmp_path / "ssh"
    program.write_text(SSH)
    program.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(program))
    works_at(f"git+ssh://{user}git.acme.io{root}/models.git?fresh_seconds=0", root / "models.git")
    calls = (tmp_path / "calls").read_text()
    assert f"{user}git.acme.io git-upload-pack '{root}/models.git'" in calls
    assert f"{user}git.acme.io git-receive-pack '{root}/models.git'" in calls
    monkeypatch.setenv("GIT_SSH_COMMAND", "false")
    store = GitStore(f"git+ssh://{user}git.acme.io{root}/models.git?fresh_seconds=3600")
    assert store.get_model_version("fraud", 2).source == "s3://acme/2", "the clone in the cache answers"
    with pytest.raises(MlflowException) as refused:
        store.create_model_version("fraud", "s3://acme/3")
    assert refused.value.error_code == "TEMPORARILY_UNAVAILABLE"
