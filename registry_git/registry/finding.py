"""What is found when a registry is looked over."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What `check` or `doctor` found. `level` is `error`, `warning` or `note`; `fix` the command or step that helps."""

    level: str
    path: str
    message: str
    fix: str = ""
    line: int = 0
