"""A progress bar on standard error: only on a terminal, and only for work that takes a moment."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from rich.progress import Progress

Told: TypeAlias = Callable[[int], None]
_PATIENCE = 0.4  # seconds before a bar appears: quick work shows none


class _Bar:
    def __init__(self, label: str, unit: str) -> None:
        self._label = label
        self._unit = unit
        self._since = monotonic()
        self._done = 0
        self._bar: Progress | None = None

    def told(self, more: int) -> None:
        """Takes the amount that is done since the last call."""
        self._done += more
        if self._bar is None:
            if monotonic() - self._since < _PATIENCE:
                return
            self._bar = _open(self._label, self._unit)
        self._bar.update(self._bar.task_ids[0], completed=self._done)

    def close(self) -> None:
        """Removes the bar."""
        if self._bar is not None:
            self._bar.stop()


@contextmanager
def progress(label: str, unit: str) -> Iterator[Told | None]:
    """What a use case can tell its progress to; None where nobody watches.

    Args:
        label: what is done, as `Reading the artifact`.
        unit: what is counted: `bytes`, or a plural.
    """
    if not sys.stderr.isatty():
        yield None
        return
    bar = _Bar(label, unit)
    try:
        yield bar.told
    finally:
        bar.close()


def _open(label: str, unit: str) -> Progress:
    from rich.console import Console
    from rich.progress import DownloadColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    amount = DownloadColumn() if unit == "bytes" else TextColumn(f"{{task.completed:,}} {unit}")
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        amount,
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    bar.add_task(label, total=None)
    bar.start()
    return bar
