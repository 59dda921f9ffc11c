"""What the server takes and how quickly it answers, over real HTTP on loopback. Prints; `--quick` does less."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import page
from measure import Figure, machine, milliseconds, timed
from registries import ACTOR, make, name_of

MODELS, VERSIONS, WRITERS = 1_000, 10, 8
_PROGRAM = "from registry_git.cli.main import main; main()"


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer runs: to see that it works")
    parser.add_argument("--write", action="store_true", help="nothing: for `make bench ARGS=--write`")
    options = parser.parse_args()
    runs = 20 if options.quick else 200
    with tempfile.TemporaryDirectory(prefix="registry-git-bench-") as folder:
        place = make(Path(folder) / "registry.git", models=MODELS, versions=VERSIONS, staged=True)
        figures = [
            Figure(what="start to healthy", values=_starts(place, 3 if options.quick else 7), unit="s", bound=1.5)
        ]
        with served(place) as (process, client):
            figures += _requests(client, runs)
            figures += _writers(client, 5 if options.quick else 25)
            taken = (_resident(process.pid),)
            figures.append(Figure(what="resident memory after all of that", values=taken, unit="MB", bound=150))
        about = machine(Path(folder))
    page.show({"The server, 1,000 models with 10 versions": figures}, about)


@contextmanager
def served(place: Path) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    """A server as a process, healthy, and a client of it."""
    words = ["-R", str(place), "--as", ACTOR, "-o", "json", "serve", "--port", "0", "--no-access-log"]
    process = subprocess.Popen([sys.executable, "-c", _PROGRAM, *words], stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        with httpx.Client(base_url=json.loads(process.stderr.readline())["url"], timeout=60) as client:
            client.get("/health").raise_for_status()
            yield process, client
    finally:
        process.terminate()
        process.wait()


def _starts(place: Path, runs: int) -> tuple[float, ...]:
    def healthy() -> float:
        began = time.perf_counter()
        with served(place):
            return time.perf_counter() - began

    healthy()  # the first one reads the program from disk
    return tuple(healthy() for _ in range(runs))


def _requests(client: httpx.Client, runs: int) -> list[Figure]:
    """One client, one request after the other, on one connection that is kept."""
    while client.get("/ready").status_code != 200:
        time.sleep(0.05)  # the index is being built

    def get(path: str) -> None:
        client.get(f"/api/v1{path}").raise_for_status()

    def register(name: str) -> None:
        client.post(f"/api/v1/models/{name}/versions", json={"source": "s3://acme-models/x"}).raise_for_status()

    names = [name_of(number) for number in range(runs)]
    reads = {
        "get a version": [lambda n=name: get(f"/models/{n}/versions/3") for name in names],
        "resolve a stage": [lambda n=name: get(f"/resolve?uri=models:/{n}/Production") for name in names],
        "search a model's versions": [lambda n=name: get(f"/versions?filter=name='{n}'") for name in names],
        "list 100 models": [lambda: get("/models")] * max(5, runs // 10),
    }
    found = [Figure(what=what, values=milliseconds(actions), unit="ms") for what, actions in reads.items()]
    writes = [lambda n=name: register(n) for name in names]
    return [*found, Figure(what="register a version, durable", values=milliseconds(writes), unit="ms")]


def _writers(client: httpx.Client, each: int) -> list[Figure]:
    def write(number: int) -> None:
        with httpx.Client(base_url=client.base_url, timeout=60) as own:
            for _ in range(each):
                own.post(f"/api/v1/models/writer-{number}/versions", json={"source": "s3://x"}).raise_for_status()

    def together() -> None:
        with ThreadPoolExecutor(WRITERS) as threads:
            list(threads.map(write, range(WRITERS)))

    rate = WRITERS * each / timed(together)
    return [Figure(what=f"{WRITERS} clients that register, durable", values=(rate,), unit="writes/s", least=True)]


def _resident(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


if __name__ == "__main__":
    main()
