"""Deployments as a page lists them: what each is declared to use beside what it was seen to use, by environment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from registry_git.registry.running import RunningView
from registry_git.registry.views import DeploymentView


@dataclass(frozen=True, slots=True)
class Remark:
    """A word or two with the colour of its badge."""

    text: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A deployment and what was seen of it; None where nothing was, or where that is not known."""

    view: DeploymentView
    seen: RunningView | None

    @property
    def standing(self) -> Remark:
        """How what it uses stands to what it follows."""
        view = self.view
        return {
            "current": Remark("current", "good"),
            "behind": Remark(f"behind: {view.reference} is v{view.target}", "warn"),
            "archived": Remark(f"archived: v{view.version} is in no stage that serves", "bad"),
            "dangling": Remark(f"dangling: {view.reference} holds nothing", "bad"),
            "deleted": Remark(f"deleted: v{view.version} is gone", "bad"),
        }[view.standing]

    @property
    def drift(self) -> Remark | None:
        """How what was seen stands to what is declared; None where nothing is known of it."""
        if self.seen is None or self.seen.observed is None:
            return None
        if self.seen.drift == "none":
            return Remark("as declared", "good")
        return Remark("drifted", "warn")


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """An environment and its deployments."""

    name: str
    rows: tuple[Row, ...]


def by_environment(views: Iterable[DeploymentView], seen: Iterable[RunningView]) -> list[Environment]:
    """The deployments (sorted by environment), each with what was seen of it."""
    known = {(one.consumer, one.model): one for one in seen}
    rows = (Row(view=view, seen=known.get((f"{view.environment}/{view.name}", view.model))) for view in views)
    return [Environment(name=name, rows=tuple(some)) for name, some in groupby(rows, lambda row: row.view.environment)]


def strangers(seen: Iterable[RunningView]) -> list[RunningView]:
    """The consumers that no deployment is declared for."""
    return [one for one in seen if one.drift == "undeclared"]
