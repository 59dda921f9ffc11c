"""Timing, and a figure beside the bound that was promised for it."""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A measured value. `bound` is what was promised (None: nothing was); `least` says that it is a lower bound."""

    what: str
    values: tuple[float, ...]
    unit: str
    bound: float | None = None
    least: bool = False
    group: str = field(default="")

    @property
    def median(self) -> float:
        """The value that counts."""
        return statistics.median(self.values)

    @property
    def verdict(self) -> str:
        """`pass`, `MISS`, or nothing where nothing was promised."""
        if self.bound is None:
            return ""
        kept = self.median >= self.bound if self.least else self.median <= self.bound
        return "pass" if kept else "MISS"

    def cells(self) -> tuple[str, ...]:
        """The row of a table: what, median, spread, runs, bound, verdict."""
        ordered = sorted(self.values)
        spread = f"{_text(ordered[0])} – {_text(ordered[-1])}"
        sign = "≥" if self.least else "≤"
        bound = "" if self.bound is None else f"{sign} {self.bound:g} {self.unit}".strip()
        median = f"{_text(self.median)} {self.unit}".strip()
        return self.what, median, spread, f"{len(self.values):,}", bound, self.verdict


HEADER = ("what", "median", "min – max", "runs", "promised", "")


def timed(action: Callable[[], object]) -> float:
    """How many seconds `action` took."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def milliseconds(actions: Iterable[Callable[[], object]]) -> tuple[float, ...]:
    """How long each action took, in milliseconds."""
    return tuple(1000 * timed(action) for action in actions)


def process(*command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> float:
    """How many milliseconds a whole process took, from its start to its end. Raises when it fails."""
    start = time.perf_counter()
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    elapsed = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return 1000 * elapsed


def table(figures: Iterable[Figure], *, markdown: bool = False) -> str:
    """The figures as a table."""
    rows = [HEADER, *(figure.cells() for figure in figures)]
    if markdown:
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        return "\n".join([lines[0], "|---" * len(HEADER) + "|", *lines[1:]])
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def ground(place: Path, runs: int) -> list[Figure]:
    """What nobody can be faster than here: flushing one small file to disk, and a fixed piece of plain Python."""

    def flush() -> None:
        with open(place / "flushed", "wb") as file:
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())

    def count() -> None:
        sum(number * number for number in range(100_000))

    return [
        Figure(what="write a file of 4 KiB and flush it", values=milliseconds([flush] * runs), unit="ms"),
        Figure(what="add up 100,000 squares in Python", values=milliseconds([count] * runs), unit="ms"),
    ]


def machine(place: Path) -> list[str]:
    """What it was measured on: no names of hosts, no paths."""
    import pygit2

    git = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout.split()[2]
    return [
        f"Processor: {_processor()}, {os.cpu_count()} cores",
        f"System: {platform.system()} {platform.release().split('-')[0]}, file system {_file_system(place)}",
        f"Python {platform.python_version()}, git {git}, libgit2 {pygit2.LIBGIT2_VERSION}, pygit2 {pygit2.__version__}",
        f"Load average over 1, 5 and 15 minutes at the end: {', '.join(f'{load:.1f}' for load in os.getloadavg())}",
    ]


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _file_system(place: Path) -> str:
    if shutil.which("stat") is None or platform.system() != "Linux":
        return "unknown"
    said = subprocess.run(["stat", "-f", "-c", "%T", str(place)], capture_output=True, text=True, check=False)
    return said.stdout.strip().replace("ext2/ext3", "ext4 (ext family)") or "unknown"


def _text(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"
