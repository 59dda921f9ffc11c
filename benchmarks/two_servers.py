"""`registry-git serve` and `mlflow server` as processes on loopback: started, asked over kept connections, weighed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from exchange import Client
from registries import ACTOR

_OURS = "from registry_git.cli.main import main; main()"
_PATIENCE = 120.0  # seconds until a server has to be healthy


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A running server: where it listens, and how many seconds it took to be healthy."""

    process: subprocess.Popen[bytes]
    port: int
    seconds: float

    def client(self) -> Client:
        """A connection of its own."""
        return Client(self.port)

    def settle(self, seconds: float = 30.0) -> None:
        """Waits until its processes have little to do: some are still starting when the first answers."""
        until = time.monotonic() + seconds
        before = self._used()
        while time.monotonic() < until:
            time.sleep(1)
            now = self._used()
            if now - before < 0.1:
                return
            before = now

    def _used(self) -> float:
        """Seconds of processor time so far."""
        ticks = 0
        for pid in _tree(self.process.pid):
            with suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def resident(self) -> float:
        """What all of its processes keep in memory, in MB; pages that several share are counted once."""
        return sum(_proportional(pid) for pid in _tree(self.process.pid))


@contextmanager
def registry_git(place: Path) -> Iterator[Served]:
    """Our server, with its defaults."""
    port = _free_port()
    words = ["-R", str(place), "--as", ACTOR, "serve", "--port", str(port), "--no-access-log"]
    with _served([sys.executable, "-c", _OURS, *words], port, place.parent) as served:
        yield served


@contextmanager
def mlflow(database: Path) -> Iterator[Served]:
    """MLflow's server, with its defaults (several workers), on a database of SQLite."""
    port = _free_port()
    words = ["--backend-store-uri", f"sqlite:///{database}", "--host", "127.0.0.1", "--port", str(port)]
    words += ["--artifacts-destination", str(database.parent / "artifacts")]
    with _served([sys.executable, "-m", "mlflow", "server", *words], port, database.parent) as served:
        yield served


@contextmanager
def _served(command: list[str], port: int, folder: Path) -> Iterator[Served]:
    environment = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet"}
    with open(folder / f"server-{port}.log", "wb") as log:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env=environment, start_new_session=True)
        try:
            _healthy(process, port)
            yield Served(process=process, port=port, seconds=time.perf_counter() - began)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=60)


def _healthy(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < until:
        try:
            with closing(Client(port)) as client:
                client.send("GET", "/health")
                return
        except (OSError, RuntimeError):
            time.sleep(0.01)
    raise RuntimeError(f"The server did not become healthy: {process.args!r}")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _tree(root: int) -> list[int]:
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def _proportional(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("Pss:")).split()[1]) / 1024
