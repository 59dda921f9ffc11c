"""Two sides asked for the same, each twenty times before it is the other's turn.

Right after the other side has worked, the processor's caches are full of what that one does, which nobody's are who
uses one of the two. So the first few calls of a block count for neither.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from measure import Figure
from registries import name_of
from two_stores import MODELS, VERSIONS

_BLOCK, _WARM = 20, 3  # calls that count, and those before them that do not
Asked = tuple[str, int]  # a model, and one of its versions
Side = Callable[[Sequence[Asked]], Sequence[float]]


def chosen(seed: int, runs: int) -> list[Asked]:
    """So many models, none of them twice, with a version each."""
    choose = random.Random(seed)
    return [
        (name_of(model), 1 + choose.randrange(VERSIONS)) for model in choose.sample(range(MODELS), min(runs, MODELS))
    ]


def in_blocks(seed: int, runs: int, ours: Side, theirs: Side) -> tuple[list[float], list[float]]:
    """What both sides took for at least `runs` calls, in milliseconds; which of them is first in a block changes."""
    asked = chosen(seed, -(-runs // _BLOCK) * (_BLOCK + _WARM))
    taken: tuple[list[float], list[float]] = ([], [])
    for block, begin in enumerate(range(0, len(asked), _BLOCK + _WARM)):
        for side, found in ((ours, taken[0]), (theirs, taken[1]))[:: 1 if block % 2 else -1]:
            found.extend(side(asked[begin : begin + _BLOCK + _WARM])[_WARM:])
    return taken


def compared(
    what: str, taken: tuple[Sequence[float], Sequence[float]], other: str, bound: float | None = None
) -> list[Figure]:
    """The times of both, and how many times as fast ours is."""
    ours = Figure(what=f"{what}: registry-git", values=tuple(taken[0]), unit="ms")
    theirs = Figure(what=f"{what}: {other}", values=tuple(taken[1]), unit="ms")
    ratio = theirs.median / ours.median
    return [ours, theirs, Figure(what=f"{what}: times as fast", values=(ratio,), unit="x", bound=bound, least=True)]
