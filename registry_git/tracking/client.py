"""MLflow's own client, imported when it is needed, asked for no longer than a given time."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote, urlsplit

from registry_git.core.errors import Invalid, NotFound, RegistryError, Unavailable

if TYPE_CHECKING:
    from mlflow import MlflowClient

INSTALL = "pip install 'registry-git[mlflow]'"
T = TypeVar("T")
_PASSWORD = re.compile(r"(://[^\s/:@]*):[^\s/]*@")


def require_mlflow(purpose: str) -> None:
    """Returns when the package mlflow is installed. Raises: Unavailable, with the command that installs it."""
    if find_spec("mlflow") is None:
        raise Unavailable(f"{purpose} takes the package mlflow, which is not installed.", hint=f"Run: {INSTALL}")


def client(uri: str, *, make: bool = False) -> MlflowClient:
    """MLflow's client of the tracking store and the registry at `uri`; with `make` of one that MLflow makes there.

    Raises:
        Unavailable: it cannot be reached, or mlflow is not installed; NotFound: nothing is there; Invalid: no URI.
    """
    require_mlflow("Talking to MLflow")
    if not make:
        require_there(uri)
    from mlflow import MlflowClient

    try:
        return MlflowClient(tracking_uri=uri, registry_uri=uri)
    except Exception as problem:  # its drivers raise errors of their own libraries
        raise explained(problem, shown(uri)) from problem


def be_brief(*, retries: int = 1, seconds: int = 5) -> None:
    """Tells MLflow's web client to give up early; by itself it tries for two minutes to reach a server that is away.

    For a process of our own only: this is its environment. What the user has set there stays.
    """
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", str(retries))
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", str(seconds))


def look_up_at(uri: str) -> None:
    """Tells MLflow's stores where to look models up, unless that is told already: else they make a store right here.

    For a process of our own only, as `be_brief`.
    """
    os.environ.setdefault("MLFLOW_TRACKING_URI", uri)


def require_there(uri: str) -> None:
    """Refuses a database or directory that is not there: MLflow would make an empty one. Raises: NotFound, Invalid."""
    if not uri.strip():
        raise Invalid("The MLflow URI is empty.", hint="Write one, as sqlite:///mlflow.db or http://localhost:5000.")
    parts = urlsplit(uri)
    if parts.scheme.startswith("sqlite"):
        place = uri.partition(":///")[2].partition("?")[0]
    elif parts.scheme in ("", "file"):
        place = unquote(parts.path)
    else:
        return
    if not Path(place).exists():
        raise NotFound(f"There is nothing at {uri}.", hint="Check the address; nothing is made there to be read.")


def within(seconds: float, uri: str, ask: Callable[[], T]) -> T:
    """What `ask` gives, if it does within `seconds`; MLflow itself would try for minutes.

    What is still waiting then is left to itself, in a thread that no process waits for at its end.

    Raises:
        Unavailable: no answer in time, or none that can be used; NotFound: the server knows no such thing.
    """
    answers: list[T] = []
    problems: list[Exception] = []

    def run() -> None:
        try:
            answers.append(ask())
        except Exception as problem:  # MLflow and its drivers raise errors of any type; it is told below
            problems.append(problem)

    thread = threading.Thread(target=run, name="registry-git tracking", daemon=True)
    thread.start()
    thread.join(seconds)
    if problems:
        raise explained(problems[0], shown(uri)) from problems[0]
    if not answers:
        raise Unavailable(f"{shown(uri)} gave no answer within {seconds:g} s.", hint="Check that it is running.")
    return answers[0]


def explained(problem: Exception, uri: str) -> RegistryError:
    """An error of MLflow, or of a driver of its, in one sentence."""
    if isinstance(problem, RegistryError):
        return problem
    text = redacted(" ".join(str(problem).split()))[:300].rstrip(".") or type(problem).__name__
    if "No module named" in text:
        return Unavailable(f"{uri} takes more than the small MLflow: {text}.", hint="Run: pip install mlflow")
    if getattr(problem, "error_code", "") == "RESOURCE_DOES_NOT_EXIST":
        return NotFound(f"{uri} answers: {text}.", hint="Check the id, and that this is the right server.")
    return Unavailable(f"{uri} cannot be read: {text}.", hint="Check the address, and that it is running.")


def redacted(text: str) -> str:
    """Text that may quote URLs, without their passwords: MLflow tells whole addresses in its errors."""
    return _PASSWORD.sub(r"\1@", text)


def shown(uri: str) -> str:
    """`uri` as it may be shown: without a password."""
    head, at, tail = uri.rpartition("@")
    if not at or "://" not in head:
        return uri
    scheme, _, login = head.partition("://")
    return f"{scheme}://{login.partition(':')[0]}@{tail}"
