"""What a registry of MLflow's holds, read page by page with its own client. Whatever its store, one way to read it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, TypeAlias

from registry_git.tracking.client import client, explained, shown

Progress: TypeAlias = Callable[[int], None]
_MODELS_A_PAGE = 1000  # the most that MLflow gives
_VERSIONS_A_PAGE = 5000
PROMPT_TAG = "mlflow.prompt.is_prompt"
PROMPTS = f"tags.`{PROMPT_TAG}` = 'true'"  # searches leave prompts out unless they are asked for
_SERVERS = ("http://", "https://", "databricks")
_ASKING = 8  # questions to a server at a time
_FILES = ("", "file")


@dataclass(slots=True, kw_only=True)
class Holdings:
    """Entities of MLflow's, as its client gives them.

    `prompts` are the models that are prompts: MLflow hides the tag that says so. `locations` says where the files
    behind a `models:/` source lie, by model and version. `highest` is the highest number that was ever given, by
    model, where the store can tell; `webhooks` counts what has no place in a registry.
    """

    models: list[Any] = field(default_factory=list)
    prompts: set[str] = field(default_factory=set)
    versions: dict[str, list[Any]] = field(default_factory=dict)
    locations: dict[tuple[str, int], str] = field(default_factory=dict)
    highest: dict[str, int] = field(default_factory=dict)
    counts_deleted: bool = False
    webhooks: int = 0


def read_holdings(
    uri: str, names: Sequence[str] = (), progress: Progress | None = None, *, make: bool = False
) -> Holdings:
    """Everything in the registry at an MLflow URI, or the models whose names match one of the patterns `names`.

    `make`: an empty one is made where none is.

    Raises:
        Unavailable: it cannot be read, or mlflow is not installed; NotFound: nothing is there; Invalid: no URI.
    """
    source = client(uri, make=make)
    found = Holdings()
    try:
        prompts = {each.name: each for each in _all(source.search_registered_models, _MODELS_A_PAGE, PROMPTS, progress)}
        models = {each.name: each for each in _all(source.search_registered_models, _MODELS_A_PAGE, "", progress)}
        found.models = [model for name, model in sorted({**models, **prompts}.items()) if is_wanted(name, names)]
        kept = {model.name for model in found.models}
        found.prompts = kept & set(prompts)
        versions = {
            (version.name, int(version.version)): version
            for kind in ("", PROMPTS)
            for version in _all(source.search_model_versions, _VERSIONS_A_PAGE, kind, progress)
            if version.name in kept
        }
        for key in sorted(versions):
            found.versions.setdefault(key[0], []).append(versions[key])
        found.webhooks = _webhooks(source)
        if _is_database(uri):
            _ask_database(uri, found)
        else:
            _ask_locations(source, uri, found, versions)
    except Exception as problem:  # MLflow and its drivers raise errors of any type
        raise explained(problem, shown(uri)) from problem
    return found


def _all(search: Callable[..., Any], page: int, kind: str, progress: Progress | None) -> Iterator[Any]:
    token: str | None = None
    while True:
        found = search(filter_string=kind or None, max_results=page, page_token=token)
        yield from found
        if progress is not None:
            progress(len(found))
        token = found.token
        if not token:
            return


def is_wanted(name: str, patterns: Sequence[str]) -> bool:
    """Whether a name matches one of the patterns, or there are none."""
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)


def _webhooks(source: Any) -> int:
    from mlflow.exceptions import MlflowException

    try:
        return len(source.list_webhooks(max_results=100))
    except (MlflowException, NotImplementedError, AttributeError):
        return 0  # a store, or a server, that has no webhooks


def _is_database(uri: str) -> bool:
    from mlflow.store.db.db_types import DATABASE_ENGINES

    return uri.partition(":")[0].partition("+")[0] in DATABASE_ENGINES


def _ask_database(uri: str, found: Holdings) -> None:
    """What MLflow's client cannot tell at all, or only version by version."""
    from sqlalchemy import create_engine, text

    engine = create_engine(uri)
    try:
        with engine.connect() as connection:
            highest = text("SELECT name, MAX(version) FROM model_versions GROUP BY name")
            found.highest = {name: int(number) for name, number in connection.execute(highest)}
            stored = text("SELECT name, version, storage_location FROM model_versions WHERE source LIKE 'models:/%'")
            found.locations = {
                (name, int(number)): place for name, number, place in connection.execute(stored) if place
            }
        found.counts_deleted = True
    finally:
        engine.dispose()


def _ask_locations(source: Any, uri: str, found: Holdings, versions: dict[tuple[str, int], Any]) -> None:
    from mlflow.exceptions import MlflowException

    def place(key: tuple[str, int]) -> str:
        try:
            return str(source.get_model_version_download_uri(key[0], str(key[1])))
        except MlflowException:
            return ""

    asked = [key for key, version in versions.items() if str(version.source or "").startswith("models:/")]
    with ThreadPoolExecutor(_ASKING if uri.startswith(_SERVERS) else 1) as pool:
        found.locations = dict(zip(asked, pool.map(place, asked), strict=True))
