"""A registry in Git beside MLflow's own SQLite store: the same calls of the same interface, in one process."""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import page
from blocks import Asked, chosen, compared, in_blocks
from measure import Figure, ground, machine, milliseconds
from registries import name_of
from two_stores import Stores, make_stores

_START, _END = "<!-- figures of MLflow: written by `make bench ARGS=--write` -->", "<!-- end of figures of MLflow -->"
_SEED = 20261123
Action = Callable[[Any, str, int], object]


def main() -> None:
    """Measures, prints, and where it was asked to, writes."""
    options = _options()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(prefix="registry-git-bench-", dir=options.dir) as folder:
        work = Path(folder)
        print("… making 1,000 models with 10 versions, in SQLite and in Git", flush=True)
        stores = make_stores(work)
        runs = 20 if options.quick else 200
        sections = {
            "The machine while MLflow was measured": ground(work, 30 if options.quick else 200),
            "Moving in from MLflow": [stores.imported],
            "Point reads, beside MLflow's SQLite store": _beside(stores, READS, runs, 10),
            "Searches, beside MLflow's SQLite store": _beside(stores, SEARCHES, max(20, runs // 10), 5),
            "Durable writes by one writer, beside MLflow's SQLite store": _beside(
                stores, WRITES, max(20, runs // 2), 1
            ),
            "Processor time of a durable write, beside MLflow's SQLite store": _processor(
                stores, WRITES, max(10, runs // 4)
            ),
            "Durable writes by 8 threads, beside MLflow's SQLite store": _threads(
                stores, 2.0 if options.quick else 10.0
            ),
        }
        about = machine(work)
    page.show(sections, about)
    if options.write:
        page.put(_START, _END, sections, about)


def _tag(key: str, value: str) -> Any:
    from mlflow.entities.model_registry import ModelVersionTag

    return ModelVersionTag(key, value)


READS: dict[str, Action] = {
    "get_model_version": lambda store, name, number: store.get_model_version(name, number),
    "get_model_version, and when it was updated": lambda store, name, number: (
        store.get_model_version(name, number).last_updated_timestamp
    ),
    "get_model_version_by_alias": lambda store, name, number: store.get_model_version_by_alias(name, "champion"),
    "get_latest_versions, of Production": lambda store, name, number: store.get_latest_versions(name, ["Production"]),
    "get_registered_model": lambda store, name, number: store.get_registered_model(name),
    "get_model_version_download_uri": lambda store, name, number: store.get_model_version_download_uri(name, number),
}
SEARCHES: dict[str, Action] = {
    "versions of a model (10)": lambda store, name, number: store.search_model_versions(f"name='{name}'"),
    "versions by run (1)": lambda store, name, number: store.search_model_versions(
        f"run_id='{int(name[6:]):08x}{number:08x}'"
    ),
    "versions by tag (100)": lambda store, name, number: store.search_model_versions(
        f"tags.auc='0.{number:02}'", max_results=100
    ),
    "models LIKE, with 100 hits": lambda store, name, number: store.search_registered_models(
        f"name LIKE 'model-00{number % 10}%'", max_results=100
    ),
    "models by tag (50)": lambda store, name, number: store.search_registered_models(
        f"tags.owner='team-{number}'", max_results=100
    ),
    "the first 100 models": lambda store, name, number: store.search_registered_models(max_results=100),
}
WRITES: dict[str, Action] = {
    "create_model_version": lambda store, name, number: store.create_model_version(
        name, f"s3://acme-models/{name}/new/model", tags=[_tag("auc", "0.9")]
    ),
    "transition_model_version_stage": lambda store, name, number: store.transition_model_version_stage(
        name, number, "Staging" if number % 2 else "Production", False
    ),
    "set_model_version_tag": lambda store, name, number: store.set_model_version_tag(name, number, _tag("run", name)),
    "set_registered_model_alias": lambda store, name, number: store.set_registered_model_alias(name, "next", number),
}


def _beside(stores: Stores, actions: dict[str, Action], runs: int, bound: float) -> list[Figure]:
    """Each action on both stores."""
    figures = []
    for what, action in actions.items():
        sides = (partial(_timed, action, store) for store in (stores.git, stores.sqlite))
        figures += compared(what, in_blocks(_SEED, runs, *sides), "SQLite", bound)
    return figures


def _timed(action: Action, store: Any, asked: Sequence[Asked]) -> Sequence[float]:
    return milliseconds(partial(action, store, name, number) for name, number in asked)


def _processor(stores: Stores, actions: dict[str, Action], runs: int) -> list[Figure]:
    """What the processor does for one write, of user and system: that is much the same on a busy machine."""
    figures = []
    for what, action in actions.items():
        asked = chosen(_SEED, runs)
        for whose, store in (("registry-git", stores.git), ("SQLite", stores.sqlite)):
            took = []
            for name, number in asked:
                before = time.process_time()
                action(store, name, number)
                took.append(1000 * (time.process_time() - before))
            figures.append(Figure(what=f"{what}: {whose}", values=tuple(took), unit="ms"))
    return figures


def _threads(stores: Stores, seconds: float, threads: int = 8) -> list[Figure]:
    """How many versions 8 threads create in a second, all together."""
    rates = {}
    for what, store in (("registry-git", stores.git), ("SQLite", stores.sqlite)):
        counts = [0] * threads
        until = time.perf_counter() + seconds

        def work(place: int, store: Any = store, counts: list[int] = counts, until: float = until) -> None:
            while time.perf_counter() < until:
                name = name_of(100 * place + counts[place] % 100)
                store.create_model_version(name, f"s3://acme-models/{name}/new/model")
                counts[place] += 1

        running = [threading.Thread(target=work, args=(place,)) for place in range(threads)]
        begun = time.perf_counter()
        for one in running:
            one.start()
        for one in running:
            one.join()
        rates[what] = sum(counts) / (time.perf_counter() - begun)
    figures = [Figure(what=f"create_model_version: {what}", values=(rate,), unit="/s") for what, rate in rates.items()]
    ratio = rates["registry-git"] / rates["SQLite"]
    figures.append(
        Figure(what="create_model_version: times the throughput", values=(ratio,), unit="x", bound=2, least=True)
    )
    return figures


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the figures into docs/performance.md")
    parser.add_argument("--quick", action="store_true", help="fewer runs: to see that it works")
    parser.add_argument("--dir", type=Path, help="where registries are made (default: the temporary directory)")
    return parser.parse_known_args()[0]  # `make bench` hands the options of the other scripts here, too


if __name__ == "__main__":
    main()
