"""What a merge would change, as Markdown tables for a pull request or the page of a CI job."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from registry_git.core.deployed import label, reference, used
from registry_git.core.errors import RegistryError
from registry_git.core.events import Difference
from registry_git.core.model import (
    AliasPointer,
    Comment,
    Deployment,
    ModelVersion,
    Policy,
    RegisteredModel,
    StagePointer,
)
from registry_git.core.names import ModelName
from registry_git.core.snapshot import Snapshot
from registry_git.registry.judging.branch import Gate, Unit
from registry_git.registry.judging.changed import Changed
from registry_git.registry.judging.faults import Fault

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&$])")
_MENTION = re.compile(r"(?<!\w)@")
_CELL_MAX = 200  # characters: a tag may hold 100,000, and forges cut long summaries
_ROWS_MAX = 50
_EMPTY = "—"


def markdown(gate: Gate) -> str:
    """The whole of it: what each branch changes, then what was found."""
    parts: list[str] = []
    for unit in gate.units:
        parts += _unit(unit)
    if not gate.units:
        parts.append("Nothing is to be merged: the base holds it already.")
    parts += _findings(gate.faults)
    return "\n\n".join(parts) + "\n"


def changes_table(changed: Changed) -> list[str]:
    """The Markdown blocks that say what a change moves, and compare the versions."""
    slots = [one for one in changed.differences if isinstance(one.before or one.after, (StagePointer, AliasPointer))]
    parts: list[str] = []
    if slots:
        rows = [_slot(one) for one in slots[:_ROWS_MAX]]
        parts.append(_table(("model", "stage or alias", "from", "to"), rows))
    jobs = [one for one in changed.differences if isinstance(one.before or one.after, Deployment)]
    if jobs:
        parts.append(_table(("deployment", "follows", "from", "to"), [_deployed(one) for one in jobs[:_ROWS_MAX]]))
        if len(jobs) > _ROWS_MAX:
            parts.append(f"and {len(jobs) - _ROWS_MAX} more deployments")
    for one in slots[:_ROWS_MAX]:
        parts += _comparison(one, changed.before, changed.after)
    others = [line for one in changed.differences if one not in slots and (line := _other(one))]
    others += [f"file {_code(path)}" for path in changed.outside]
    if len(others) > _ROWS_MAX:
        others = [*others[:_ROWS_MAX], f"and {len(others) - _ROWS_MAX} more"]
    if others:
        parts.append("\n".join(f"- {line}" for line in others))
    return parts


def _unit(unit: Unit) -> Iterator[str]:
    record = unit.record
    if record is not None:
        what = f"{record.model or 'the registry'}{f' v{record.version}' if record.version else ''}"
        target = record.to or record.new_name
        yield f"### Request {_text(record.id)}: {_text(what)}{f' to {_text(target)}' if target else ''}"
        yield f"Asked by {_text(record.requester.name)}." + (f" {_text(record.comment)}" if record.comment else "")
    else:
        yield f"### Branch at {unit.tip[:12]}"
    if unit.changed is not None:
        yield from changes_table(unit.changed) or ["It changes no manifest."]
    asked = [f"{roll.key.environment}/{roll.key.name} to v{roll.after}" for roll in unit.rolls if roll.asked]
    if asked:
        more = f" and {len(asked) - _ROWS_MAX} more" if len(asked) > _ROWS_MAX else ""
        yield f"Requests would follow for: {', '.join(_text(one) for one in asked[:_ROWS_MAX])}{more}."
    if unit.decision is not None:
        yield _approvals(unit)


def _approvals(unit: Unit) -> str:
    decision = unit.decision
    if decision is None or not decision.needed:
        return "No rule asks for an approval."
    missing = max(decision.needed - decision.given, 0)
    if not missing:
        return f"Approved: {decision.given} of {decision.needed}."
    who = ", ".join(decision.may_approve) if decision.may_approve else "anybody else" if decision.anyone else "nobody"
    return f"Approvals: {decision.given} of {decision.needed}. It can be approved by: {_text(who)}."


def _slot(difference: Difference) -> tuple[str, ...]:
    pointer = difference.after or difference.before
    assert isinstance(pointer, (StagePointer, AliasPointer))  # noqa: S101 - the caller chose by type
    name = pointer.stage if isinstance(pointer, StagePointer) else f"@{pointer.alias}"
    return _text(pointer.model), _text(name), _held(difference.before), _held(difference.after)


def _deployed(difference: Difference) -> tuple[str, ...]:
    was, now = difference.before, difference.after
    one = now or was
    assert isinstance(one, Deployment)  # noqa: S101 - the caller chose by type
    cells = [f"v{used(end)}" if isinstance(end, Deployment) and used(end) else _EMPTY for end in (was, now)]
    how = "" if one.follow == "auto" else f" ({one.follow})"
    return _text(label(one)), _text(reference(one)) + how, *cells


def _held(pointer: object) -> str:
    if isinstance(pointer, StagePointer):
        return ", ".join(f"v{number}" for number in pointer.versions)
    return f"v{pointer.version}" if isinstance(pointer, AliasPointer) else _EMPTY


def _comparison(difference: Difference, before: Snapshot, after: Snapshot) -> Iterator[str]:
    """The version that is there now beside the one that comes, tag by tag."""
    was, now = difference.before, difference.after
    if not isinstance(now, (StagePointer, AliasPointer)):
        return
    name = now.stage if isinstance(now, StagePointer) else f"@{now.alias}"
    new = _version(after, now.model, now.version)
    old = _version(before, now.model, was.version) if isinstance(was, (StagePointer, AliasPointer)) else None
    if new is None or (old is not None and old.version == new.version):
        return
    left, right = _facts(old), _facts(new)
    rows = [(_text(key), _cell(left.get(key)), _cell(right.get(key))) for key in dict.fromkeys([*right, *left])]
    there = f"v{old.version}, there now" if old else "nothing there now"
    more = [(f"and {len(rows) - _ROWS_MAX} more", "", "")] if len(rows) > _ROWS_MAX else []
    yield f"**{_text(now.model)} {_text(name)}**"
    yield _table(("", there, f"v{new.version}"), [*rows[:_ROWS_MAX], *more])


def _version(at: Snapshot, model: ModelName, number: int) -> ModelVersion | None:
    try:
        return at.version(model, number)
    except RegistryError:
        return None


def _facts(version: ModelVersion | None) -> dict[str, str]:
    if version is None:
        return {}
    lineage = version.lineage
    said = {
        "source": version.source,
        "format": version.format,
        "registered": version.created.text()[:10],
        "run": lineage.run_link or lineage.run_id,
        "code": lineage.git_commit,
        "data": ", ".join(one.name for one in lineage.datasets),
    }
    return {**{key: value for key, value in said.items() if value}, **{f"tag {k}": v for k, v in version.tags.items()}}


def _other(difference: Difference) -> str:
    was, now = difference.before, difference.after
    entity = now or was
    word = "adds" if was is None else "removes" if now is None else "changes"
    if isinstance(entity, RegisteredModel):
        return f"{word} the model {_text(entity.name)}"
    if isinstance(entity, ModelVersion):
        return f"{word} {_text(entity.model)} v{entity.version}"
    if isinstance(entity, Policy):
        return f"{word} the policy"
    if isinstance(entity, Comment):
        return f"{word} a comment on {_text(entity.model)} v{entity.version}"
    return ""


def _findings(faults: Sequence[Fault]) -> Iterator[str]:
    if not faults:
        yield "Everything is well."
        return
    rows = [
        (one.level, _code(f"{one.path}:{one.line}" if one.line else one.path), _text(one.message), _text(one.fix))
        for one in faults[:_ROWS_MAX]
    ]
    if len(faults) > _ROWS_MAX:
        rows.append(("", "", f"and {len(faults) - _ROWS_MAX} more", ""))
    yield _table(("level", "where", "what", "what helps"), rows)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cell(text: str | None) -> str:
    return _EMPTY if text is None else _text(text)


def _text(text: str) -> str:
    """What users wrote as plain text on one line: no mark-up, no mention of anybody, no invisible character."""
    seen = "".join(" " if unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp") else char for char in text)
    short = seen if len(seen) <= _CELL_MAX else seen[: _CELL_MAX - 1] + "…"
    return _MENTION.sub("@\u200b", _SPECIAL.sub(r"\\\1", " ".join(short.split())))


def _code(path: str) -> str:
    return f"`{path.replace('`', ' ').replace('|', ' ')}`" if path else ""
