"""The same calls on a registry in Git and on MLflow's own SQLite store, and what came of them."""

from __future__ import annotations

import base64
import fcntl
import json
import re
import shutil
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion, RegisteredModel
from mlflow.exceptions import MlflowException
from mlflow.store.entities.paged_list import PagedList

_TIMES = ("creation_timestamp", "last_updated_timestamp")
_SET = re.compile(r"\{('[^{}]*')\}")  # a set of texts is printed in any order


@contextmanager
def quiet() -> Iterator[None]:
    """Without MLflow's word, at every call, that stages are deprecated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def empty_database(tmp_path_factory: pytest.TempPathFactory, place: Path) -> Path:
    """A SQLite file with MLflow's tables, copied from one that is made once for all workers: it takes seconds."""
    root = tmp_path_factory.getbasetemp()
    root = root.parent if root.name.startswith("popen-") else root
    template = root / "mlflow-template.db"
    with template.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not template.exists():
            draft = template.with_suffix(".draft")
            MlflowClient(
                tracking_uri=f"sqlite:///{draft}", registry_uri=f"sqlite:///{draft}"
            ).search_registered_models()
            draft.rename(template)
    shutil.copy(template, place)
    with closing(sqlite3.connect(place)) as database, database:
        database.execute("UPDATE experiments SET artifact_location = ?", (str(place.parent / "mlruns"),))
    return place


def plain(value: Any) -> Any:
    """A result without what two stores cannot have in common: times, users, and words for nothing."""
    if isinstance(value, (ModelVersion, RegisteredModel)):
        kind = ModelVersion if isinstance(value, ModelVersion) else RegisteredModel
        shown = {key: plain(one) for key, one in dict(value).items() if key not in (*_TIMES, "user_id")}
        assert all(isinstance(getattr(value, key), int) for key in _TIMES)
        return (kind.__name__, shown)
    if isinstance(value, PagedList):
        token = json.loads(base64.b64decode(value.token)) if value.token else None
        return [plain(one) for one in value], token
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return value


def outcome(client: MlflowClient, method: str, *args: Any, **kwargs: Any) -> Any:
    """What a call gives: its plain result, or the code and message of its exception (`Refused`)."""
    try:
        with quiet():
            return plain(getattr(client, method)(*args, **kwargs))
    except MlflowException as problem:
        message = _SET.sub(lambda found: ", ".join(sorted(found[1].split(", "))), problem.message)
        return Refused(code=problem.error_code, message=message)
    except Exception as problem:  # MLflow's own stores let some through
        return Refused(code=type(problem).__name__, message=str(problem))


@dataclass(frozen=True)
class Refused:
    """What a call that is refused says."""

    code: str
    message: str


def differs(git: Any, sqlite: Any) -> bool:
    """Whether two outcomes differ otherwise than they should.

    What MLflow calls INTERNAL_ERROR, or lets through as an error of Python, its clients would try again for minutes;
    here it is INVALID_PARAMETER_VALUE, in the same words where it has any for the caller.
    """
    if git == sqlite:
        return False
    if not isinstance(git, Refused) or not isinstance(sqlite, Refused):
        return True
    if sqlite.code.isupper() and sqlite.code != "INTERNAL_ERROR":
        return git.code != sqlite.code or git.message != sqlite.message.partition(" Error: ")[0]
    same = git.message.endswith(sqlite.message) or not sqlite.code.isupper() or "int() argument" in sqlite.message
    return git.code != "INVALID_PARAMETER_VALUE" or not same
