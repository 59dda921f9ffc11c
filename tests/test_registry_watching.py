"""Following pointers: every change at least once, in the order of the history, and never past one that is missing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest

import registry_git
from registry_git import Conflict, Corrupt, Invalid, NotFound, Unavailable
from registry_git.core.pointing import PointerChange
from registry_git.registry.facade import Registry
from registry_git.registry.watching import Watch
from tests.conftest import Git
from tests.registry_scene import ALICE, BOB, file_at, hand_commit, new_registry

PRODUCTION = "models/fraud/stages/Production/pointer.yaml"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "models.git"


@pytest.fixture
def registry(place: Path) -> Registry:
    """A registry with three versions of `fraud`, of which the first is in Production."""
    registry = new_registry(place, versions=3)(ALICE)
    registry.transition("fraud", 1, "Production")
    return registry


def told(change: PointerChange) -> tuple[str, int | None, int | None]:
    return change.pointer, change.previous, change.version


def drain(watch: Watch, **options: object) -> list[tuple[str, int | None, int | None]]:
    """All changes that are there, dealt with."""
    return [told(change) for change in watch.changes(once=True, **options)]  # type: ignore[arg-type]


def looks(*acts: Callable[[], object]) -> Callable[[float], bool]:
    """A pause in which one thing happens after the other, and then the watch ends."""
    waiting = list(acts)

    def pause(_: float) -> bool:
        if not waiting:
            return False
        waiting.pop(0)()
        return True

    return pause


def test_the_first_watch_begins_now_and_the_next_goes_on_from_there(registry: Registry) -> None:
    assert drain(registry.watch("a")) == []
    registry.transition("fraud", 2, "Production", archive_existing=True)
    registry.set_alias("fraud", "champion", 2)
    registry.set_tag("fraud", "noise", "1")
    expected = [("fraud/Archived", None, 1), ("fraud/Production", 1, 2), ("fraud@champion", None, 2)]
    assert drain(registry.watch("a")) == expected
    assert drain(registry.watch("a")) == []
    assert drain(registry.watch("b")) == []


def test_each_change_says_what_resolve_would_say(registry: Registry) -> None:
    change = next(iter(registry.watch("a").changes(since="start", once=True)))
    found = registry.resolve("models:/fraud/Production")
    assert (change.uri, change.source, change.digest, change.format) == (
        found.uri,
        found.source,
        found.digest,
        found.format,
    )
    assert (change.commit, change.by, change.kind) == (registry.commit, ALICE, "set")


def test_a_change_that_was_not_dealt_with_comes_again(registry: Registry) -> None:
    drain(registry.watch("a"))
    registry.transition("fraud", 2, "Production", archive_existing=True)
    for _ in range(2):
        with closing(registry.watch("a").changes(once=True)) as changes:
            assert told(next(changes)) == ("fraud/Archived", None, 1)
    changes = registry.watch("a").changes(once=True)
    assert [told(one) for one in islice(changes, 2)] == [("fraud/Archived", None, 1), ("fraud/Production", 1, 2)]
    changes.close()
    # of the two changes of one commit the first was dealt with
    assert drain(registry.watch("a")) == [("fraud/Production", 1, 2)]


def test_another_filter_under_the_same_name_loses_nothing_that_it_wants(registry: Registry) -> None:
    drain(registry.watch("a"))
    registry.transition("fraud", 2, "Production", archive_existing=True)
    changes = registry.watch("a").changes(once=True)
    assert [told(one) for one in islice(changes, 2)][1] == ("fraud/Production", 1, 2)
    changes.close()
    assert drain(registry.watch("a", stages=["production"])) == [("fraud/Production", 1, 2)]


def test_only_what_is_asked_for_is_told(registry: Registry) -> None:
    registry.register("risk", "s3://acme/risk/1")
    registry.transition("risk", 1, "Production")
    registry.set_alias("fraud", "champion", 2)
    registry.transition("fraud", 2, "Staging")

    def seen(**wanted: object) -> list[str]:
        watch = registry.watch("a", **wanted)  # type: ignore[arg-type]
        watch.forget()
        return [one[0] for one in drain(watch, since="start")]

    assert seen() == ["fraud/Production", "risk/Production", "fraud@champion", "fraud/Staging"]
    assert seen(model="risk") == ["risk/Production"]
    assert seen(model="fraud", aliases=["champion"]) == ["fraud@champion"]
    assert seen(stages=["STAGING"], aliases=["champion"]) == ["fraud@champion", "fraud/Staging"]


def test_what_leaves_is_told_too(registry: Registry) -> None:
    registry.set_alias("fraud", "champion", 2)
    drain(registry.watch("a"))
    registry.delete_alias("fraud", "champion")
    registry.transition("fraud", 1, "None")
    change, other = registry.watch("a").changes(once=True)
    assert (told(change), change.kind, change.source, change.uri) == (("fraud@champion", 2, None), "removed", "", "")
    assert told(other) == ("fraud/Production", 1, None)


def test_the_present_state_comes_first_where_that_is_asked_for(registry: Registry) -> None:
    registry.transition("fraud", 2, "Production", archive_existing=True)
    changes = registry.watch("a").changes(initial=True, once=True)
    assert [told(one) for one in islice(changes, 2)] == [("fraud/Archived", None, 1), ("fraud/Production", None, 2)]
    changes.close()
    registry.transition("fraud", 3, "Production", archive_existing=True)
    # interrupted within the first state: the rest of it, then what came
    assert drain(registry.watch("a"), initial=True) == [
        ("fraud/Production", None, 2),
        ("fraud/Archived", 1, 2),
        ("fraud/Production", 2, 3),
    ]
    assert drain(registry.watch("a"), initial=True) == []


def test_a_confirmation_of_the_same_version_is_no_change(registry: Registry, place: Path, git: Git) -> None:
    drain(registry.watch("a"))
    text = file_at(git, place, "main", PRODUCTION)
    lines = [line if not line.startswith("request:") else "request: 20261123-aaaaaa" for line in text.splitlines()]
    hand_commit(git, place, "main", {PRODUCTION: "\n".join(lines) + "\n"}, author=BOB)
    assert drain(registry.watch("a")) == []


def test_a_running_watch_sees_what_comes(registry: Registry) -> None:
    pause = looks(
        lambda: registry.transition("fraud", 2, "Staging"),
        lambda: None,
        lambda: registry.transition("fraud", 3, "Staging", archive_existing=True),
    )
    found = [told(one) for one in registry.watch("a", stages=["Staging"]).changes(pause=pause)]
    assert found == [("fraud/Staging", None, 2), ("fraud/Staging", 2, 3)]


def test_a_pointer_that_cannot_be_read_is_warned_of_and_told_when_it_can(
    registry: Registry, place: Path, git: Git
) -> None:
    drain(registry.watch("a"))
    text = file_at(git, place, "main", PRODUCTION)
    hand_commit(git, place, "main", {PRODUCTION: "kind: ["}, author=BOB)
    warned: list[str] = []
    assert drain(registry.watch("a"), warn=warned.append) == []
    assert PRODUCTION in warned[0]
    hand_commit(git, place, "main", {PRODUCTION: text}, author=BOB)
    assert drain(registry.watch("a")) == [("fraud/Production", None, 1)]


def test_a_move_of_all_files_to_another_layout_is_no_change(registry: Registry) -> None:
    drain(registry.watch("a"))
    registry.relayout("fanout")
    assert drain(registry.watch("a")) == []
    registry.transition("fraud", 2, "Staging")
    assert drain(registry.watch("a")) == [("fraud/Staging", None, 2)]


@pytest.mark.parametrize("in_the_middle", [False, True])
def test_a_rewritten_history_is_an_alarm_and_stays_one(
    registry: Registry, place: Path, git: Git, in_the_middle: bool
) -> None:
    before = git(place, "rev-parse", "main")
    registry.transition("fraud", 2, "Production", archive_existing=True)
    drain(registry.watch("a"), since=before)
    if in_the_middle:
        registry.watch("a").forget()
        changes = registry.watch("a").changes(since=before, once=True)
        next(changes), next(changes)
        changes.close()
    git(place, "update-ref", "refs/heads/main", before)
    registry.transition("fraud", 3, "Production", archive_existing=True)
    for _ in range(2):
        with pytest.raises(Corrupt, match="rewritten"):
            drain(registry.watch("a"))
    watch = registry.watch("a")
    watch.forget()
    assert drain(watch, since=before) == [("fraud/Archived", None, 1), ("fraud/Production", 1, 3)]


def test_main_merged_into_a_branch_that_becomes_main_tells_what_changed_in_all(
    registry: Registry, place: Path, git: Git
) -> None:
    base = git(place, "rev-parse", "main")
    git(place, "branch", "side", base)
    side = hand_commit(git, place, "side", {"README.md": "ours\n"}, author=BOB)
    registry.transition("fraud", 2, "Staging")
    seen = registry.commit
    drain(registry.watch("a"))
    tree = git(place, "merge-tree", "--write-tree", side, seen)
    foxtrot = git(place, "commit-tree", tree, "-p", side, "-p", seen, "-m", "the wrong way round")
    git(place, "update-ref", "refs/heads/main", foxtrot)
    registry.transition("fraud", 3, "Staging", archive_existing=True)
    assert drain(registry.watch("a", stages=["Staging"])) == [("fraud/Staging", 2, 3)]


def test_one_name_is_held_by_one_watch(registry: Registry) -> None:
    registry.transition("fraud", 2, "Staging")
    with closing(registry.watch("a").changes(since="start")) as first:
        next(first)
        with pytest.raises(Conflict, match="running"):
            drain(registry.watch("a"))
        assert drain(registry.watch("b")) == []


def test_what_cannot_be_followed_is_refused(registry: Registry, place: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no stage 'Prod'"):
        registry.watch(stages=["Prod"])
    with pytest.raises(Invalid):
        registry.watch("../a")
    warned: list[str] = []
    drain(registry.watch("a", model="nosuch"), warn=warned.append)
    drain(registry.watch("a", model="frau"), warn=warned.append)
    drain(registry.watch("a", model="fraud@champion"), warn=warned.append)
    assert warned == [
        "There is no model nosuch; it is waited for.",
        "There is no model frau; it is waited for. Did you mean fraud?",
        "There is no model fraud@champion; it is waited for. An alias of fraud is followed with: --alias champion",
    ]
    state = tmp_path / "state"
    drain(registry.watch("a", state=state))
    (state / "a.json").write_text("{")
    with pytest.raises(Corrupt):
        drain(registry.watch("a", state=state))


def test_a_branch_is_no_beginning(registry: Registry) -> None:
    request = registry.request_stage("fraud", 2, "Production")
    with pytest.raises(Invalid, match="no part of the history"):
        drain(registry.watch("a"), since=request.id)


def test_a_clone_fetches_and_waits_for_a_remote_that_is_away(registry: Registry, place: Path, tmp_path: Path) -> None:
    copy = registry_git.clone(str(place), tmp_path / "copy.git", actor=BOB)
    drain(copy.watch("a"))
    registry.transition("fraud", 2, "Staging")
    assert drain(copy.watch("a")) == [("fraud/Staging", None, 2)]

    away = place.with_name("away")
    place.rename(away)
    with pytest.raises(Unavailable):
        drain(copy.watch("a"))
    warned: list[str] = []
    waited: list[float] = []

    def back() -> None:
        away.rename(place)
        registry_git.open(place, actor=ALICE, durable=False).transition("fraud", 3, "Staging", add=True)

    acts = looks(lambda: None, back)

    def pause(seconds: float) -> bool:
        waited.append(seconds)
        return acts(seconds)

    changes = copy.watch("a").changes(interval_seconds=5, pause=pause, warn=warned.append)
    assert [told(one) for one in changes] == [("fraud/Staging", 2, 3)]
    assert waited == [10, 20, 5]
    assert len(warned) == 1


def test_a_rewritten_remote_is_an_alarm(registry: Registry, place: Path, tmp_path: Path, git: Git) -> None:
    copy = registry_git.clone(str(place), tmp_path / "copy.git", actor=BOB)
    drain(copy.watch("a"))
    git(place, "update-ref", "refs/heads/main", git(place, "rev-parse", "main~1"))
    registry.transition("fraud", 3, "Staging")
    with pytest.raises(Corrupt, match="rewritten"):
        drain(copy.watch("a"))


def test_the_place_of_a_watch_over_a_url_outlives_the_clone_in_the_cache(
    registry: Registry, place: Path, home: Path
) -> None:
    url = place.as_uri()
    drain(registry_git.open(url, actor=BOB).watch("a"))
    registry.transition("fraud", 2, "Staging")
    for clone in (home / ".cache" / "registry-git").iterdir():
        clone.rename(clone.with_name("gone"))
    assert drain(registry_git.open(url, actor=BOB).watch("a")) == [("fraud/Staging", None, 2)]
