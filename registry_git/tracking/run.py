"""The lineage of a model: which run, experiment, code and data made it, as the tracking server has it now."""

from __future__ import annotations

import logging
import re
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from registry_git.artifacts.location import readable
from registry_git.artifacts.mlmodel import FILE_NAME, SIZE_MAX, MLmodel, parse_mlmodel, read_mlmodel
from registry_git.core.errors import RegistryError, Unavailable
from registry_git.core.model import Dataset, Lineage
from registry_git.tracking.client import client, explained, require_mlflow, shown, within

if TYPE_CHECKING:
    from mlflow import MlflowClient

SECONDS = 10.0  # how long a registration waits for the tracking server
_SILENCE = 60.0  # seconds for which a server that did not answer is not asked again
_TEXT_MAX = 10_000
_DATASETS_MAX = 1000
_RUNS_A_PAGE = 200
_MODELS_MAX = 20  # logged models of one run that are asked for by name
_RUN_SOURCE = re.compile(r"runs:/+([^/]+)/?(.*)")
_RUN_ID = re.compile(r"[\w-]{1,64}")
_LOGGED_SOURCE = re.compile(r"models:/+(m-[^/@]+)/?")
_SERVED = re.compile(r"runs:/|models:/+m-|mlflow-artifacts:/")  # sources whose files only the server can find
_silent: dict[str, float] = {}
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the tracking server says.

    `location` is where the files behind a `runs:/` or `models:/m-…` source lie, `mlmodel` their description, read
    through the server where need be; empty and None where nothing was asked or found.
    """

    lineage: Lineage
    location: str = ""
    mlmodel: MLmodel | None = None


def read_lineage(tracking_uri: str, run_id: str = "", *, model_id: str = "", seconds: float = SECONDS) -> Lineage:
    """The lineage that the tracking store at a URI knows of a run, or of a logged model's run.

    Args:
        tracking_uri: where MLflow tracks: `http://…`, `sqlite:///…`, `databricks`, a directory.
        run_id: the run; may be empty when `model_id` names a logged model of MLflow 3.
        model_id: the logged model; its source run is read when no run is named.
        seconds: how long to wait at most.

    Raises:
        NotFound: no such run; Unavailable: no answer in time, or mlflow is not installed.
    """
    return look_up(tracking_uri, run_id=run_id, model_id=model_id, seconds=seconds).lineage


def look_up(
    tracking_uri: str, *, run_id: str = "", model_id: str = "", source: str = "", seconds: float = SECONDS
) -> Found:
    """As `read_lineage`; a `source` that only the tracking server can read is looked at for its `MLmodel`, too.

    Raises:
        NotFound: no such run or logged model; Unavailable: no answer in time, or mlflow is not installed.
    """
    require_mlflow("Reading the lineage of a run")
    since = time.monotonic() - _silent.get(tracking_uri, float("-inf"))
    if since < _SILENCE:
        raise Unavailable(
            f"{shown(tracking_uri)} gave no answer {since:.0f} s ago, so it was not asked again.",
            hint="Check that it is running.",
        )
    import mlflow  # noqa: F401 - seconds of importing are not the server's

    begun = time.monotonic()
    try:
        found = within(seconds, tracking_uri, lambda: _ask(tracking_uri, run_id, model_id, source))
    except Unavailable:
        if time.monotonic() - begun >= seconds:
            _silent[tracking_uri] = time.monotonic()
        raise
    if not _SERVED.match(source):
        return found
    try:
        place = found.location or source
        return replace(found, mlmodel=within(seconds, tracking_uri, lambda: _mlmodel(tracking_uri, place)))
    except RegistryError as problem:  # the files may be gone, or not for this machine to see
        _LOG.warning("The description of the model was not read: %s", problem)
        return found


def read_lineages(tracking_uri: str, run_ids: Iterable[str]) -> dict[str, Lineage]:
    """The lineage of many runs at once, by run; runs that the store does not know are left out.

    Raises:
        Unavailable: it cannot be read, or mlflow is not installed; NotFound: nothing is there.
    """
    known = client(tracking_uri)
    from mlflow.entities import ViewType

    wanted = [run_id for run_id in dict.fromkeys(run_ids) if _RUN_ID.fullmatch(run_id)]
    found: dict[str, Lineage] = {}
    try:
        experiments = _experiments(known)
        for start in range(0, len(wanted) if experiments else 0, _RUNS_A_PAGE):
            listed = ", ".join(f"'{run_id}'" for run_id in wanted[start : start + _RUNS_A_PAGE])
            runs = known.search_runs(
                list(experiments),
                filter_string=f"attributes.run_id IN ({listed})",
                run_view_type=ViewType.ALL,
                max_results=_RUNS_A_PAGE,
            )
            for run in runs:
                name = experiments.get(run.info.experiment_id, "")
                found[run.info.run_id] = _lineage(tracking_uri, name, run, None)
    except Exception as problem:  # MLflow and its drivers raise errors of any type
        raise explained(problem, shown(tracking_uri)) from problem
    return found


def _experiments(known: MlflowClient) -> dict[str, str]:
    """The names of all experiments, by id."""
    from mlflow.entities import ViewType

    found: dict[str, str] = {}
    token: str | None = None
    while True:
        page = known.search_experiments(view_type=ViewType.ALL, max_results=1000, page_token=token)
        found.update({each.experiment_id: each.name for each in page})
        token = page.token
        if not token:
            return found


def named_by(source: str) -> tuple[str, str]:
    """The run and the logged model that a source names: `runs:/ID/path`, `models:/m-ID`; empty where it does not."""
    run, logged = _RUN_SOURCE.fullmatch(source), _LOGGED_SOURCE.fullmatch(source)
    return (run[1] if run else "", logged[1] if logged else "")


def _ask(tracking_uri: str, run_id: str, model_id: str, source: str) -> Found:
    known = client(tracking_uri)
    of_source = named_by(source)
    run_id, model_id = run_id or of_source[0], model_id or of_source[1]
    logged = known.get_logged_model(model_id) if model_id else None
    run_id = run_id or (logged.source_run_id or "" if logged else "")
    run = known.get_run(run_id) if run_id else None
    logged = logged or _model_of(known, run, source)
    experiment_id = str(run.info.experiment_id if run else logged.experiment_id if logged else "")
    name = known.get_experiment(experiment_id).name if experiment_id else ""
    lineage = _lineage(tracking_uri, name, run, logged)
    return Found(lineage=lineage, location=_location(source, run, logged))


def _lineage(tracking_uri: str, experiment_name: str, run: Any, logged: Any) -> Lineage:
    experiment_id = str(run.info.experiment_id if run else logged.experiment_id if logged else "")
    model_id = logged.model_id if logged else _only_model(run)
    tags = run.data.tags if run else logged.tags if logged else {}
    return Lineage(
        run_id=run.info.run_id if run else "",
        run_name=_text(run.info.run_name or tags.get("mlflow.runName")) if run else "",
        run_link=_link(tracking_uri, experiment_id, run.info.run_id) if run else "",
        run_user=_text(tags.get("mlflow.user") or (run.info.user_id if run else "")),
        experiment_id=experiment_id,
        experiment_name=_text(experiment_name),
        model_id=_text(model_id),
        git_commit=_text(tags.get("mlflow.source.git.commit")),
        datasets=_datasets(run),
    )


def _model_of(known: MlflowClient, run: Any, source: str) -> Any:
    """The logged model that `runs:/ID/name` stands for: MLflow 3 keeps it beside the run, not in it."""
    named = _RUN_SOURCE.fullmatch(source)
    outputs = getattr(run, "outputs", None)
    if not named or not outputs:
        return None
    models = (known.get_logged_model(each.model_id) for each in outputs.model_outputs[:_MODELS_MAX])
    return next((model for model in models if model.name == named[2].strip("/")), None)


def _only_model(run: Any) -> str:
    """The logged model of a run that has just one."""
    outputs = getattr(run, "outputs", None)
    models = outputs.model_outputs if outputs else []
    return str(models[0].model_id) if len(models) == 1 else ""


def _datasets(run: Any) -> tuple[Dataset, ...]:
    inputs = getattr(run, "inputs", None)
    read = (each.dataset for each in (inputs.dataset_inputs if inputs else [])[:_DATASETS_MAX])
    return tuple(Dataset(name=_text(one.name) or "unnamed", digest=_text(one.digest)) for one in read)


def _link(tracking_uri: str, experiment_id: str, run_id: str) -> str:
    """The page of the run; only a web server has one."""
    parts = urlsplit(tracking_uri)
    if parts.scheme not in ("http", "https"):
        return ""
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path.rstrip('/')}/#/experiments/{experiment_id}/runs/{run_id}"


def _location(source: str, run: Any, logged: Any) -> str:
    """Where the files lie that a `runs:/` or `models:/m-…` source stands for; empty for other sources."""
    named = _RUN_SOURCE.fullmatch(source)
    if logged is not None and (named or _LOGGED_SOURCE.fullmatch(source)):
        return str(logged.artifact_location)
    return f"{run.info.artifact_uri.rstrip('/')}/{named[2]}" if run is not None and named else ""


def _mlmodel(tracking_uri: str, location: str) -> MLmodel | None:
    """The `MLmodel` file at a location, read from here or through the tracking server; None when there is none."""
    from mlflow.artifacts import download_artifacts

    if readable(location):
        return read_mlmodel(location)
    with tempfile.TemporaryDirectory(prefix="registry-git-") as place:
        file = f"{location.rstrip('/')}/{FILE_NAME}"
        path = Path(download_artifacts(artifact_uri=file, dst_path=place, tracking_uri=tracking_uri))
        return parse_mlmodel(path.read_bytes()) if path.stat().st_size <= SIZE_MAX else None


def _text(value: object) -> str:
    """A short text that a manifest can hold; empty for anything else."""
    text = str(value or "")
    return text if len(text) <= _TEXT_MAX and "\0" not in text and text.isprintable() else ""
