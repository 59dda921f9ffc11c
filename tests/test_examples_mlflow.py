"""`examples/mlflow_quickstart.py`: from a run of MLflow to a prediction with what was approved."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import registry_git
from tests.conftest import Git

QUICKSTART = Path(__file__).resolve().parent.parent / "examples" / "mlflow_quickstart.py"


@pytest.mark.slow
def test_the_quickstart_registers_asks_approves_and_predicts(tmp_path: Path, git: Git) -> None:
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, str(QUICKSTART), "here"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "refused with PERMISSION_DENIED: The policy does not allow this" in done.stdout
    assert "registry-git request create breast-cancer 1 Production" in done.stdout
    assert "models:/breast-cancer/Production predicts [" in done.stdout
    place = tmp_path / "here" / "registry.git"
    registry = registry_git.open(place)
    version = registry.lookup("breast-cancer/Production")
    assert float(version.tags["auc"]) > 0.9
    assert version.digest.startswith("sha256:")
    assert (version.format, version.manifest.lineage.run_name) == ("sklearn", "logistic-regression")
    assert version.manifest.lineage.experiment_name == "breast-cancer"
    assert version.manifest.origin == f"models:/{version.manifest.lineage.model_id}"
    landed = git(place, "log", "-1", "--merges", "--format=%an: %s", "main")
    assert landed.startswith("Bob: Approve request ")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["here"]
