"""What a change touches, told from its difference: never less than the command that makes the same change touches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import registry_git
from registry_git.core.changes.proposal import Touch
from registry_git.gitstore.repository import Repository
from registry_git.registry.facade import Registry
from registry_git.registry.judging.changed import Changed, read_changed
from tests.registry_scene import ALICE, policy_text

STAGES = """\
stages:
- {name: Staging}
- {name: Production, exclusive: true, after: [Staging]}
- {name: Archived, serving: false}
"""


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    made = registry_git.init(tmp_path / "models.git", actor=ALICE, durable=False)
    made.set_policy(f"{policy_text(made).partition('stages:')[0]}{STAGES}")
    for number in (1, 2, 3):
        made.register("fraud", f"s3://acme/{number}")
    made.transition("fraud", 1, "Staging")
    made.transition("fraud", 1, "Production")
    return made


def changed(registry: Registry, tmp_path: Path, act: Callable[[], object]) -> Changed:
    """What an act changed on `main`."""
    before = registry.commit
    act()
    return read_changed(Repository(tmp_path / "models.git"), before, registry.commit)


def told(touches: tuple[Touch, ...]) -> list[tuple[str, str, str, int, tuple[str, ...]]]:
    return sorted(
        (
            touch.action.value,
            touch.model or "",
            touch.target,
            touch.entering.version if touch.entering else 0,
            touch.missing_before,
        )
        for touch in touches
    )


def test_a_registration_registers(registry: Registry, tmp_path: Path) -> None:
    found = changed(registry, tmp_path, lambda: registry.register("fraud", "s3://acme/4"))
    assert told(found.touches()) == [("register", "fraud", "", 4, ())]
    found = changed(registry, tmp_path, lambda: registry.register("spam", "s3://acme/1"))
    assert told(found.touches()) == [("register", "spam", "", 0, ()), ("register", "spam", "", 1, ())]


def test_a_move_enters_one_stage_and_leaves_the_others(registry: Registry, tmp_path: Path) -> None:
    found = changed(registry, tmp_path, lambda: registry.transition("fraud", 2, "Staging"))
    assert told(found.touches()) == [("stage", "fraud", "Staging", 2, ())]
    found = changed(registry, tmp_path, lambda: registry.transition("fraud", 2, "Archived"))
    assert told(found.touches()) == [("stage", "fraud", "Archived", 2, ()), ("stage", "fraud", "Staging", 0, ())]


def test_who_makes_room_enters_the_archive_on_nobodys_purpose(registry: Registry, tmp_path: Path) -> None:
    registry.transition("fraud", 2, "Staging")
    found = changed(registry, tmp_path, lambda: registry.transition("fraud", 2, "Production"))
    assert told(found.touches()) == [
        ("stage", "fraud", "Archived", 0, ()),
        ("stage", "fraud", "Production", 2, ()),
        ("stage", "fraud", "Staging", 0, ()),
    ]


def test_a_version_that_skips_a_stage_misses_it_and_a_rollback_does_not(registry: Registry, tmp_path: Path) -> None:
    asked = registry.request_stage("fraud", 3, "Production")
    proposed = read_changed(Repository(tmp_path / "models.git"), registry.commit, asked.head)
    assert ("stage", "fraud", "Production", 3, ("Staging",)) in told(proposed.touches())
    registry.cancel(asked.request)
    registry.set_policy(f"{policy_text(registry).partition('stages:')[0]}{STAGES.replace(', after: [Staging]', '')}")
    registry.transition("fraud", 2, "Production")
    registry.set_policy(f"{policy_text(registry).partition('stages:')[0]}{STAGES}")
    found = changed(registry, tmp_path, lambda: registry.rollback("fraud", "Production"))
    assert ("stage", "fraud", "Production", 1, ()) in told(found.touches())


def test_aliases_edits_and_deletions(registry: Registry, tmp_path: Path) -> None:
    found = changed(registry, tmp_path, lambda: registry.set_alias("fraud", "champion", 2))
    assert told(found.touches()) == [("alias", "fraud", "champion", 2, ())]
    found = changed(registry, tmp_path, lambda: registry.set_tag("fraud", "a", "b"))
    assert told(found.touches()) == [("edit", "fraud", "", 0, ())]
    found = changed(registry, tmp_path, lambda: registry.set_tag("fraud", "a", "b", version=2))
    assert told(found.touches()) == [("edit", "fraud", "", 0, ())]
    found = changed(registry, tmp_path, lambda: registry.add_comment("fraud", 2, "Fine."))
    assert found.touches() == ()
    found = changed(registry, tmp_path, lambda: registry.delete("fraud", version=2))
    assert told(found.touches()) == [("alias", "fraud", "champion", 0, ()), ("delete", "fraud", "", 2, ())]


def test_a_rename_leaves_the_slots_of_one_name_and_enters_those_of_another(registry: Registry, tmp_path: Path) -> None:
    registry.add_comment("fraud", 1, "Fine.")
    found = changed(registry, tmp_path, lambda: registry.rename("fraud", "scam"))
    assert told(found.touches()) == [
        ("edit", "fraud", "", 0, ()),
        ("register", "scam", "", 0, ()),
        ("stage", "fraud", "Production", 0, ()),
        ("stage", "scam", "Production", 1, ()),
    ]


def test_a_deleted_model_a_policy_and_another_layout(registry: Registry, tmp_path: Path) -> None:
    found = changed(registry, tmp_path, lambda: registry.relayout("fanout"))
    assert told(found.touches()) == [("edit", "", "", 0, ())]
    found = changed(registry, tmp_path, lambda: registry.set_policy(f"{policy_text(registry)}roles: {{leads: []}}\n"))
    assert told(found.touches()) == [("policy", "", "", 0, ())]
    registry.transition("fraud", 1, "Archived")
    found = changed(registry, tmp_path, lambda: registry.delete("fraud"))
    assert told(found.touches()) == [("delete", "fraud", "", 0, ()), ("stage", "fraud", "Archived", 0, ())]
