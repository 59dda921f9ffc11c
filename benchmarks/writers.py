"""Eight processes that write to one registry for a while: how much gets done, and how fairly."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from measure import Figure
from registries import make, name_of, opened

_SETTLE = 2.0  # seconds until all have started


def together(work: Path, *, writers: int = 8, seconds: float = 5.0) -> list[Figure]:
    """Registrations into one model by all writers at once, durable."""
    place = make(work / "shared.git", models=1, versions=1)
    start = time.time() + _SETTLE
    command = [sys.executable, __file__, str(place), str(start), str(start + seconds)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(writers)]
    counts = [int(one.communicate()[0]) for one in running]
    assert not any(one.returncode for one in running)
    numbers = [view.version for view in opened(place).versions(name_of(0))]
    assert sorted(numbers) == list(range(1, 2 + sum(counts))), "a number was lost or given twice"
    fairness = sum(counts) ** 2 / (len(counts) * sum(count * count for count in counts))
    return [
        Figure(what=f"{writers} writers together", values=(sum(counts) / seconds,), unit="writes/s"),
        Figure(
            what=f"fairness of {writers} writers (Jain's index)", values=(fairness,), unit="", bound=0.95, least=True
        ),
    ]


def _write(place: Path, start: float, end: float) -> int:
    registry = opened(place)
    time.sleep(max(0.0, start - time.time()))
    count = 0
    while time.time() < end:
        registry.register(name_of(0), "s3://acme-models/new/model")
        count += 1
    return count


if __name__ == "__main__":
    print(_write(Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])))
