"""Where the files of a new version are: the source as MLflow gives it, resolved as far as only MLflow can."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.store.artifact.utils.models import _parse_model_uri
from mlflow.utils.file_utils import local_file_uri_to_path

from registry_git.mlflow_rules import NewMlflowVersion
from registry_git.tracking.client import client, redacted

# Set by MLflow's server for its workers: where it tracks. What they would be told otherwise is their own default.
_SERVER_TRACKING_VARIABLE = "_MLFLOW_SERVER_FILE_STORE"


def tracking_uri_of(given: str | None) -> str:
    """The tracking store that knows the runs: that of the server that this process belongs to, else the given one."""
    return os.environ.get(_SERVER_TRACKING_VARIABLE) or given or ""


def located(wanted: NewMlflowVersion, local_model_path: str | None) -> NewMlflowVersion:
    """The version with the place of its files and, where a logged model names one, its run.

    Raises:
        MlflowException: a logged model that the tracking store does not know, or no such store.
    """
    model_id = _logged_model(wanted.source) or wanted.lineage.model_id
    if model_id and (_logged_model(wanted.source) or not wanted.lineage.run_id):
        wanted = _with_logged_model(wanted, model_id)
    return replace(wanted, files=_files(local_model_path, wanted.location or wanted.source))


def _logged_model(source: str) -> str:
    """The id in `models:/MODEL_ID`; empty for every other source. Raises: MlflowException for a malformed one."""
    if urlsplit(source).scheme != "models":
        return ""
    try:
        return _parse_model_uri(source).model_id or ""
    except MlflowException as problem:
        raise _unresolved(source, problem) from problem


def _with_logged_model(wanted: NewMlflowVersion, model_id: str) -> NewMlflowVersion:
    try:
        logged = client(wanted.tracking_uri).get_logged_model(model_id)
    except Exception as problem:  # stores raise what their drivers raise
        raise _unresolved(wanted.source, problem) from problem
    location = str(logged.artifact_location) if _logged_model(wanted.source) else ""
    run_id = wanted.lineage.run_id or logged.source_run_id or ""
    return replace(wanted, location=location, lineage=replace(wanted.lineage, run_id=run_id, model_id=model_id))


def _unresolved(source: str, problem: Exception) -> MlflowException:
    return MlflowException(
        f"Unable to fetch model from model URI source artifact location '{source}'.Error: {redacted(str(problem))}",
        INVALID_PARAMETER_VALUE,
    )


def _files(local_model_path: str | None, location: str) -> str:
    """Where the files can be read on this machine now; empty when they cannot. Other places are left alone.

    To read gigabytes out of a bucket is no part of a registration that MLflow's clients wait for.
    """
    if local_model_path and Path(local_model_path).exists():
        return str(Path(local_model_path).absolute())
    if location.startswith("file:"):
        location = local_file_uri_to_path(location)
    if os.path.isabs(location) and "\0" not in location and Path(location).exists():
        return location
    return ""
