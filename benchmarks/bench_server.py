"""The server beside MLflow's own on SQLite: the same requests to both, over real HTTP on loopback."""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import page
from blocks import Asked, chosen, compared, in_blocks
from exchange import Client, get, post
from measure import Figure, ground, machine
from registries import name_of
from two_servers import Served, mlflow, registry_git
from two_stores import make_stores

_START, _END = (
    "<!-- figures of the server: written by `make bench ARGS=--write` -->",
    "<!-- end of figures of the server -->",
)
_SEED = 20261127
_WRITERS = 8
Action = Callable[[str, int], bytes]


def main() -> None:
    """Measures, prints, and where it was asked to, writes."""
    options = _options()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(prefix="registry-git-bench-", dir=options.dir) as folder:
        work = Path(folder)
        print("… making 1,000 models with 10 versions, in SQLite and in Git", flush=True)
        place = make_stores(work).place
        with mlflow(work / "mlflow.db") as theirs, registry_git(place) as ours:
            _ready(ours)
            sides = (ours, theirs)
            for side in sides:
                side.settle()
            fresh = [side.resident() for side in sides]
            runs = 15 if options.quick else 100
            sections = {
                "The machine while the servers were measured": ground(work, 30 if options.quick else 200),
                "Reads over HTTP, beside `mlflow server`": _beside(sides, READS, runs, 10),
                "Reads, each right after one of the other server": _in_turn(sides, READS, runs),
                "Searches over HTTP, beside `mlflow server`": _beside(sides, SEARCHES, max(20, runs // 2), 10),
                "Durable writes over HTTP, beside `mlflow server`": _beside(sides, WRITES, max(20, runs), 3),
                "Durable writes of 8 clients, beside `mlflow server`": _together(sides, 1 if options.quick else 5),
            }
            sections["Memory of all processes (what is shared counts once)"] = [
                *_pair("when healthy, index built", (fresh[0],), (fresh[1],), "MB"),
                *_pair("after all of the above", (ours.resident(),), (theirs.resident(),), "MB", bound=150),
            ]
        sections["Start to healthy"] = _starts(
            place, work / "mlflow.db", 3 if options.quick else 7, before=theirs.seconds
        )
        about = machine(work)
    page.show(sections, about)
    if options.write:
        page.put(_START, _END, sections, about)


READS: dict[str, Action] = {
    "model-versions/get": lambda name, number: get("/model-versions/get", name=name, version=number),
    "registered-models/get": lambda name, number: get("/registered-models/get", name=name),
    "registered-models/get-latest-versions, of Production": lambda name, number: get(
        "/registered-models/get-latest-versions", name=name, stages=["Production"]
    ),
    "registered-models/alias": lambda name, number: get("/registered-models/alias", name=name, alias="champion"),
    "model-versions/get-download-uri": lambda name, number: get(
        "/model-versions/get-download-uri", name=name, version=number
    ),
}
SEARCHES: dict[str, Action] = {
    "versions of a model (10)": lambda name, number: get("/model-versions/search", filter=f"name='{name}'"),
    "versions by tag (100)": lambda name, number: get(
        "/model-versions/search", filter=f"tags.auc='0.{name[-2:]}'", max_results=100
    ),
    "models LIKE, with 100 hits": lambda name, number: get(
        "/registered-models/search", filter=f"name LIKE 'model-00{number % 10}%'", max_results=100
    ),
}
WRITES: dict[str, Action] = {
    "model-versions/create": lambda name, number: post(
        "/model-versions/create", name=name, source=f"s3://acme-models/{name}/new/model"
    ),
    "model-versions/set-tag": lambda name, number: post(
        "/model-versions/set-tag", name=name, version=str(number), key="run", value=name
    ),
    "model-versions/transition-stage": lambda name, number: post(
        "/model-versions/transition-stage",
        name=name,
        version=str(number),
        stage="Staging" if number % 2 else "Production",
        archive_existing_versions=False,
    ),
    "registered-models/alias": lambda name, number: post(
        "/registered-models/alias", name=name, alias="next", version=str(number)
    ),
}


def _ready(ours: Served) -> None:
    """Waits until the index is built: a search would wait for it."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        with closing(ours.client()) as client, suppress(RuntimeError):
            client.send("GET", "/ready")
            return
        time.sleep(0.05)
    raise RuntimeError("The server did not become ready.")


def _beside(sides: tuple[Served, Served], actions: dict[str, Action], runs: int, bound: float) -> list[Figure]:
    """Each action on both servers."""
    figures = []
    for what, action in actions.items():
        ours, theirs = (partial(_timed, action, side) for side in sides)
        figures += compared(what, in_blocks(_SEED, runs, ours, theirs), "MLflow", bound)
    return figures


def _timed(action: Action, side: Served, asked: Sequence[Asked]) -> Sequence[float]:
    with closing(side.client()) as client:  # an old connection may have been idle for too long
        return [1000 * _seconds(client, action(name, number)) for name, number in asked]


def _in_turn(sides: tuple[Served, Served], actions: dict[str, Action], runs: int) -> list[Figure]:
    """Each action on both servers in turn, each of them first every other time: both find cold caches."""
    figures = []
    clients = [side.client() for side in sides]
    for what, action in actions.items():
        taken: tuple[list[float], list[float]] = ([], [])
        for turn, (name, number) in enumerate(chosen(_SEED + 1, runs)):
            for side in (0, 1) if turn % 2 else (1, 0):
                taken[side].append(1000 * _seconds(clients[side], action(name, number)))
        figures += compared(what, taken, "MLflow")
    for client in clients:
        client.close()
    return figures


def _seconds(client: Client, request: bytes) -> float:
    """From a request to the last byte of its answer. Raises: RuntimeError: it is not 200."""
    began = time.perf_counter()
    answer = client.ask(request)
    took = time.perf_counter() - began
    answer.content()
    return took


def _together(sides: tuple[Served, Served], rounds: int, seconds: float = 2.0) -> list[Figure]:
    """How many versions 8 clients create in a second, each in models of its own; the servers take turns."""
    rates: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for side, found in zip(sides, rates, strict=True):
            found.append(_rate(side, seconds))
    figures = _pair("model-versions/create", tuple(rates[0]), tuple(rates[1]), "/s")
    ratio = figures[0].median / figures[1].median
    what = "model-versions/create: times the throughput"
    return [*figures, Figure(what=what, values=(ratio,), unit="x", bound=3, least=True)]


def _rate(side: Served, seconds: float) -> float:
    counts = [0] * _WRITERS
    clients = [side.client() for _ in range(_WRITERS)]
    began = time.perf_counter()

    def write(place: int) -> None:
        while time.perf_counter() - began < seconds:
            name = name_of(100 * place + counts[place] % 100)
            clients[place].ask(WRITES["model-versions/create"](name, 1)).content()
            counts[place] += 1

    threads = [threading.Thread(target=write, args=(place,)) for place in range(_WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rate = sum(counts) / (time.perf_counter() - began)
    for client in clients:
        client.close()
    assert all(counts), "a writer got nothing done"
    return rate


def _starts(place: Path, database: Path, runs: int, *, before: float) -> list[Figure]:
    """Starts again, with the programs in the file cache; `before` is a start of MLflow's that was timed already."""
    taken: tuple[list[float], list[float]] = ([], [before])
    for _ in range(runs):
        with registry_git(place) as ours:
            taken[0].append(ours.seconds)
    with mlflow(database) as theirs:
        taken[1].append(theirs.seconds)
    return _pair("from the command to a healthy server", tuple(taken[0]), tuple(taken[1]), "s", bound=1.5)


def _pair(
    what: str, ours: tuple[float, ...], theirs: tuple[float, ...], unit: str, bound: float | None = None
) -> list[Figure]:
    return [
        Figure(what=f"{what}: registry-git", values=ours, unit=unit, bound=bound),
        Figure(what=f"{what}: MLflow", values=theirs, unit=unit),
    ]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the figures into docs/performance.md")
    parser.add_argument("--quick", action="store_true", help="fewer runs: to see that it works")
    parser.add_argument("--dir", type=Path, help="where registries are made (default: the temporary directory)")
    return parser.parse_known_args()[0]  # `make bench` hands the options of the other scripts here, too


if __name__ == "__main__":
    main()
