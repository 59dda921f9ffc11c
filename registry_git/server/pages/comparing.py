"""Two versions side by side, row by row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from registry_git.core.numbers import metrics
from registry_git.core.times import Timestamp
from registry_git.registry.views import VersionView
from registry_git.server.pages.signature import fields_of

SAME, CHANGED, ONLY_LEFT, ONLY_RIGHT = "same", "changed", "only left", "only right"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A fact of both: None where one of them lacks it. `difference` is right less left, of numbers: `+0.02`."""

    name: str
    left: str | None
    right: str | None
    difference: str = ""

    @property
    def change(self) -> str:
        """How they differ."""
        if self.left == self.right:
            return SAME
        if self.left is None:
            return ONLY_RIGHT
        return ONLY_LEFT if self.right is None else CHANGED


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Rows that belong together; `numeric`: their values are numbers."""

    title: str
    rows: tuple[Row, ...]
    numeric: bool = False

    @property
    def differing(self) -> int:
        """How many rows differ."""
        return sum(row.change != SAME for row in self.rows)

    def shown(self, *, only_differences: bool) -> tuple[Row, ...]:
        """The rows, or those that differ."""
        return tuple(row for row in self.rows if row.change != SAME or not only_differences)


def side_by_side(left: VersionView, right: VersionView) -> list[Section]:
    """Everything that can be compared, in sections; those in which neither has anything are left out."""
    numbers = sorted({*metrics(left.tags)} | {*metrics(right.tags)})
    words = sorted(({*left.tags} | {*right.tags}) - {*numbers})
    sections = [
        Section(title="Metrics", rows=tuple(_metric(name, left, right) for name in numbers), numeric=True),
        Section(title="Tags", rows=tuple(_row(name, left.tags.get(name), right.tags.get(name)) for name in words)),
        Section(title="Facts", rows=_rows(_facts(left), _facts(right))),
        Section(title="Lineage", rows=_rows(_lineage(left), _lineage(right))),
        Section(title="Signature", rows=_rows(_signature(left), _signature(right))),
    ]
    return [section for section in sections if section.rows]


def difference(left: float, right: float) -> str:
    """Right less left, with its sign: `+0.02`, `−3`; `0` where they are the same."""
    text = f"{right - left:+.6g}"
    return "0" if float(text) == 0 else text.replace("-", "−", 1) if text.startswith("-") else text


def _metric(name: str, left: VersionView, right: VersionView) -> Row:
    one, other = metrics(left.tags).get(name), metrics(right.tags).get(name)
    return Row(
        name=name,
        left=left.tags.get(name),
        right=right.tags.get(name),
        difference=difference(one, other) if one is not None and other is not None else "",
    )


def _row(name: str, left: str | None, right: str | None) -> Row:
    return Row(name=name, left=left, right=right)


def _rows(left: Mapping[str, str], right: Mapping[str, str]) -> tuple[Row, ...]:
    names = dict.fromkeys([*left, *right])
    return tuple(_row(name, left.get(name), right.get(name)) for name in names)


def _told(facts: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name: text for name, text in facts if text}


def _facts(version: VersionView) -> dict[str, str]:
    manifest = version.manifest
    return _told(
        (
            ("Stages", ", ".join(version.stages)),
            ("Aliases", ", ".join(f"@{alias}" for alias in version.aliases)),
            ("Source", version.source),
            ("Registered as", manifest.origin),
            ("Digest", version.digest),
            ("Format", version.format),
            ("Flavors", ", ".join(manifest.flavors)),
            ("Status", version.status),
            ("Description", version.description),
            ("Created", Timestamp.of(version.created).text()[:16].replace("T", " ") + " UTC"),
            ("Created by", version.created_by),
        )
    )


def _lineage(version: VersionView) -> dict[str, str]:
    known = version.manifest.lineage
    return _told(
        (
            ("Experiment", known.experiment_name or known.experiment_id),
            ("Run", known.run_name),
            ("Run id", known.run_id),
            ("Run by", known.run_user),
            ("Logged model", known.model_id),
            ("Code", known.git_commit),
            *((f"Data set {one.name}", one.digest or "read") for one in known.datasets),
        )
    )


def _signature(version: VersionView) -> dict[str, str]:
    return {
        f"{one.part}: {one.name}": one.type + ("" if one.needed else ", may be missing")
        for one in fields_of(version.manifest.signature)
    }
