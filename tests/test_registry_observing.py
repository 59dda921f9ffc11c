"""Who uses which version is recorded beside `main`: once a day, by any number of clones, without delaying a read."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import registry_git
from registry_git import Invalid, PermissionDenied, app
from registry_git.core.names import Actor, ConsumerName, ModelName
from registry_git.core.observations import USES_MAX, Observations, Use
from registry_git.core.times import Timestamp
from registry_git.registry import flusher
from registry_git.registry.facade import Registry
from registry_git.registry.recording import Recorder
from registry_git.registry.spool import Spool
from tests.conftest import Git
from tests.registry_scene import ALICE, BOB, hand_commit, healthy, new_registry, policy_text, refs
from tests.waiting import until

DAY = 86_400_000
MONDAY = 20_000 * DAY
PRODUCTION = "models:/fraud/Production"
HEAD = "apiVersion: registry-git.dev/v1\nkind: Observations\nconsumer: prod/scorer\nuses:\n"


@pytest.fixture(autouse=True)
def _by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is recorded in the background, but where a test asks for it."""
    monkeypatch.setenv("REGISTRY_GIT_OBSERVATIONS", "spool")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The time of observations, in milliseconds: `clock[0]` is now."""
    at = [MONDAY]
    monkeypatch.setattr(app, "now", lambda: Timestamp.of(at[0]))
    return at


@pytest.fixture
def place(tmp_path: Path) -> Path:
    path = tmp_path / "models.git"
    registry = new_registry(path, versions=3)(ALICE)
    registry.transition("fraud", 1, "Production")
    return path


@pytest.fixture
def registry(place: Path, clock: list[int]) -> Registry:
    """A registry with three versions, of which the first is in Production."""
    return registry_git.open(place, actor=ALICE, durable=False)


def commits(git: Git, place: Path) -> int:
    return int(git(place, "rev-list", "--count", "observations"))


def seen(registry: Registry) -> list[tuple[str, int, int, int, bool]]:
    """Consumer, version, days of first and last use since that Monday, and whether it is current."""
    return [
        (one.consumer, one.version, (one.first - MONDAY) // DAY, (one.last - MONDAY) // DAY, one.current)
        for one in registry.observations()
    ]


def test_a_use_is_recorded_once_a_day_and_main_does_not_move(
    registry: Registry, place: Path, clock: list[int], git: Git
) -> None:
    main = registry.commit
    for day in range(3):
        for hour in range(3):
            clock[0] = MONDAY + day * DAY + hour * 3_600_000
            assert registry.resolve(PRODUCTION, consumer="prod/scorer").version == 1
        flushed = registry.flush_observations()
        assert (flushed.uses, flushed.consumers, len(flushed.commit)) == (1, 1, 40)
        assert registry.flush_observations().commit == ""
    assert seen(registry) == [("prod/scorer", 1, 0, 2, True)]
    assert commits(git, place) == 3
    assert registry.commit == main
    text = git(place, "show", "observations:observations/prod%2Fscorer.yaml") + "\n"
    assert text == HEAD + (
        "- model: fraud\n  version: '1'\n  asked: fraud/Production\n"
        "  first: '2024-10-04T00:00:00.000Z'\n  last: '2024-10-06T00:00:00.000Z'\n"
    )
    healthy(git, place, registry)


def test_what_is_noted_is_known_before_it_is_recorded(registry: Registry) -> None:
    registry.resolve(PRODUCTION, consumer="prod/scorer")
    assert seen(registry) == [("prod/scorer", 1, 0, 0, True)]
    assert [one.version for one in registry.observations("fraud", 1)] == [1]
    assert registry.observations("fraud", 2) == registry.observations(consumer="other") == []


def test_a_version_that_comes_back_on_the_same_day_is_the_current_one_again(
    registry: Registry, clock: list[int]
) -> None:
    for hour, version in enumerate((1, 2, 1, 1)):
        clock[0] = MONDAY + hour * 3_600_000
        registry.resolve(f"fraud/{version}", consumer="a")
        registry.flush_observations()
    assert [(one.version, one.current) for one in registry.observations()] == [(1, True), (2, False)]


def test_a_download_counts_as_a_use_and_a_look_at_the_past_does_not(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").write_text("w")
    registry.register("churn", str(tmp_path / "model"))
    registry.download("churn/latest", tmp_path / "got", consumer="train")
    monkeypatch.setenv("REGISTRY_GIT_CONSUMER", "serve")
    opened = registry_git.open(tmp_path / "models.git", actor=ALICE)
    opened.at("main").resolve(PRODUCTION)
    opened.lookup("fraud/Production")
    assert [(one.consumer, one.asked) for one in registry.observations()] == [("train", "churn/latest")]
    opened.resolve(PRODUCTION)
    opened.resolve(PRODUCTION, consumer="")
    assert [(one.consumer, one.asked) for one in registry.observations("fraud")] == [("serve", "fraud/Production")]


@pytest.mark.parametrize("name", ["a//b", "/a", " a", "a/", "", "x" * 251, "a\u202eb", "a\nb"])
def test_a_name_that_is_none_is_refused(registry: Registry, name: str) -> None:
    with pytest.raises(Invalid):
        registry.resolve(PRODUCTION, consumer=name or " ")


@pytest.mark.parametrize("name", ["é/ü", "a/../b", "..", ".git", "con", "x" * 250, "%2e", "a:b"])
def test_any_other_name_has_its_own_file(registry: Registry, place: Path, git: Git, name: str) -> None:
    registry.resolve(PRODUCTION, consumer=name)
    registry.flush_observations()
    assert [one.consumer for one in registry.observations()] == [name]
    assert git(place, "fsck", "--strict", "--no-dangling", "--no-progress") == ""


def test_it_can_be_switched_off_by_the_policy_and_by_who_reads(
    registry: Registry, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_GIT_OBSERVATIONS", "off")
    registry_git.open(place, actor=ALICE).resolve(PRODUCTION, consumer="a")
    assert app.resolve(place, PRODUCTION, consumer="a").version == 1
    registry.set_policy(policy_text(registry) + "observations: false\n")
    registry.resolve(PRODUCTION, consumer="a")
    assert registry.observations() == []
    assert "observations: false" in policy_text(registry)
    monkeypatch.setenv("REGISTRY_GIT_OBSERVATIONS", "of")
    with pytest.raises(Invalid, match="no way to record"):
        app.resolve(place, PRODUCTION, consumer="a")


def test_a_disk_that_takes_no_note_is_a_warning_and_the_read_is_answered(
    registry: Registry, place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = place / "registry-git" / "observed"
    spool.write_text("in the way")
    assert registry.resolve(PRODUCTION, consumer="a").version == 1
    assert "could not be noted that a uses models:/fraud/1" in caplog.text


def test_a_line_that_a_full_disk_cut_short_is_passed_over(registry: Registry, place: Path) -> None:
    registry.resolve(PRODUCTION, consumer="a")
    (file,) = (place / "registry-git" / "observed").glob("[0-9]*/a")
    with file.open("a") as noted:
        noted.write('["fraud", 2, "fr')
    registry.flush_observations()
    assert seen(registry) == [("a", 1, 0, 0, True)]


def test_files_of_past_days_go_when_they_are_recorded(registry: Registry, place: Path, clock: list[int]) -> None:
    for day in range(4):
        clock[0] = MONDAY + day * DAY
        registry.resolve(PRODUCTION, consumer="a")
    registry.flush_observations()
    folders = sorted(path.name for path in (place / "registry-git" / "observed").glob("[0-9]*"))
    assert folders == ["20002", "20003"]
    assert seen(registry) == [("a", 1, 0, 3, True)]


def test_two_clones_lose_nothing_of_each_other(registry: Registry, place: Path, tmp_path: Path, git: Git) -> None:
    clones = [
        registry_git.clone(str(place), tmp_path / f"{n}.git", actor=actor) for n, actor in enumerate((ALICE, BOB))
    ]
    for number, clone in enumerate(clones):
        clone.resolve(f"fraud/{number + 1}", consumer="shared")
        clone.resolve(PRODUCTION, consumer=f"own{number}")
    with ThreadPoolExecutor() as pool:
        assert all(one.commit for one in pool.map(Registry.flush_observations, clones))
    expected = [("own0", 1), ("own1", 1), ("shared", 1), ("shared", 2)]
    for path in (place, tmp_path / "0.git", tmp_path / "1.git"):
        reader = registry_git.open(path, actor=ALICE)
        assert [(one.consumer, one.version) for one in reader.observations()] == expected
    assert commits(git, place) == 2
    # a bare clone has no branch of its own for it, and what it fetched is not pushed as its own
    assert "refs/heads/observations" not in refs(git, tmp_path / "0.git")


def test_many_that_record_at_once_all_get_through(registry: Registry, place: Path, git: Git) -> None:
    def record(number: int) -> None:
        own = registry_git.open(place, actor=ALICE, durable=False)
        own.resolve(PRODUCTION, consumer=f"c{number}")
        own.flush_observations()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(record, range(40)))
    assert sorted(one.consumer for one in registry.observations()) == sorted(f"c{number}" for number in range(40))
    assert git(place, "ls-tree", "-r", "--name-only", "observations").count("\n") == 39


def test_what_is_noted_offline_is_sent_by_sync(
    registry: Registry, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry_git.clone(str(place), tmp_path / "copy.git", actor=BOB)
    away = registry_git.open(tmp_path / "copy.git", actor=BOB, offline=True)
    away.resolve(PRODUCTION, consumer="edge")
    assert away.flush_observations().commit == ""
    assert registry.observations() == []
    registry_git.open(tmp_path / "copy.git", actor=BOB).sync()
    assert [one.consumer for one in registry.observations()] == ["edge"]


def test_a_remote_that_refuses_is_told_and_what_is_noted_stays(registry: Registry, place: Path, tmp_path: Path) -> None:
    hook = place / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    copy = registry_git.clone(str(place), tmp_path / "copy.git", actor=BOB)
    assert copy.resolve(PRODUCTION, consumer="edge").version == 1
    with pytest.raises(PermissionDenied):
        copy.flush_observations()
    hook.unlink()
    assert copy.flush_observations().commit
    assert [one.consumer for one in registry.observations()] == ["edge"]


def test_a_record_that_cannot_be_read_hides_no_other(
    registry: Registry, place: Path, git: Git, caplog: pytest.LogCaptureFixture
) -> None:
    for consumer in ("a", "b"):
        registry.resolve(PRODUCTION, consumer=consumer)
    registry.flush_observations()
    hand_commit(git, place, "observations", {"observations/a.yaml": "kind: ["}, author=BOB)
    assert [one.consumer for one in registry.observations()] == ["b"]
    assert "observations/a.yaml" in caplog.text


def test_it_is_recorded_soon_without_anybody_waiting(
    registry: Registry, place: Path, monkeypatch: pytest.MonkeyPatch, git: Git
) -> None:
    monkeypatch.setenv("REGISTRY_GIT_OBSERVATIONS", "on")
    monkeypatch.setenv("REGISTRY_GIT_ACTOR", BOB)
    for number in range(3):
        app.resolve(place, PRODUCTION, consumer=f"c{number}")
    until(lambda: not Spool(place).waiting().uses)
    assert git(place, "ls-tree", "-r", "--name-only", "observations").split() == [
        f"observations/c{number}.yaml" for number in range(3)
    ]
    assert git(place, "log", "-1", "--format=%an <%ae>", "observations") == BOB


def test_a_recorder_that_is_killed_loses_nothing(registry: Registry, place: Path, git: Git) -> None:
    for number in range(20):
        registry.resolve(PRODUCTION, consumer=f"c{number}")
        command = [sys.executable, "-c", "from registry_git.registry.flusher import main; main()", str(place), ALICE]
        if number % 5 == 0:
            process = subprocess.Popen(command)
            time.sleep(0.25 + number / 20)
            process.kill()
            process.wait()
    flusher.run(place, Actor(ALICE))
    assert sorted({one.consumer for one in registry.observations()}) == sorted(f"c{number}" for number in range(20))
    assert not Spool(place).waiting().uses
    healthy(git, place, registry)


def test_nothing_is_sent_while_offline_is_asked_for(
    registry: Registry, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry_git.clone(str(place), tmp_path / "copy.git", actor=BOB)
    monkeypatch.setenv("REGISTRY_GIT_OBSERVATIONS", "on")
    monkeypatch.setenv("REGISTRY_GIT_OFFLINE", "1")
    started: list[object] = []
    monkeypatch.setattr(Recorder, "_wake", lambda *_: started.append(1))
    app.resolve(tmp_path / "copy.git", PRODUCTION, consumer="edge")
    registry_git.open(tmp_path / "copy.git", actor=BOB).resolve(PRODUCTION, consumer="other")
    assert started == []
    monkeypatch.delenv("REGISTRY_GIT_OFFLINE")
    registry_git.open(tmp_path / "copy.git", actor=BOB).resolve(PRODUCTION, consumer="third")
    assert started == [1]
    assert sorted(Spool(tmp_path / "copy.git").waiting().uses) == ["edge", "other", "third"]


def test_a_line_that_a_full_disk_cut_short_takes_no_other_with_it(registry: Registry, place: Path) -> None:
    registry.resolve(PRODUCTION, consumer="a")
    (noted,) = (path for path in (place / "registry-git" / "observed").rglob("a") if path.is_file())
    noted.write_bytes(noted.read_bytes()[:10])
    registry.resolve(PRODUCTION, consumer="a")
    assert [(one.consumer, one.model) for one in registry.observations()] == [("a", "fraud")]


def test_a_second_recorder_leaves_it_to_the_first(registry: Registry, place: Path) -> None:
    registry.resolve(PRODUCTION, consumer="a")
    with Spool(place).held(wait=False) as free:
        assert free
        flusher.run(place, Actor(ALICE))
    assert Spool(place).waiting().uses


def _noted(steps: list[tuple[str, int, int]]) -> list[Use]:
    """Uses one after the other, as a spool notes them: of a version that was noted last, one a day."""
    found: list[Use] = []
    at = MONDAY
    for model, version, pause in steps:
        at += pause
        before = next((use for use in reversed(found) if use.model == model), None)
        if before is None or before.version != version or before.last // DAY != at // DAY:
            when = Timestamp.of(at)
            found.append(Use(model=ModelName(model), version=version, asked=model, first=when, last=when))
    return found


_uses = st.lists(
    st.tuples(st.sampled_from(["fraud", "churn"]), st.integers(1, 3), st.integers(1, DAY)), max_size=8
).map(_noted)


@given(_uses, _uses)
def test_no_use_of_two_clones_is_lost_and_to_record_the_same_again_changes_nothing(
    one: list[Use], other: list[Use]
) -> None:
    record = Observations(consumer=ConsumerName("a"))
    alone = record.with_uses(one)
    assert alone.with_uses(one) == alone
    for use in alone.current():
        assert use.version == next(known.version for known in reversed(one) if known.model == use.model)
    both = {(use.model, use.version): use for use in alone.with_uses(other).uses}
    for use in [*one, *other]:
        assert both[use.model, use.version].first <= use.first
        assert both[use.model, use.version].last // DAY >= use.last // DAY
    assert set(both) == {(use.model, use.version) for use in [*one, *other]}


def test_of_too_many_versions_those_that_were_left_first_go() -> None:
    use = Use(model=ModelName("m"), version=1, asked="m", first=Timestamp.of(0), last=Timestamp.of(0))
    many = [
        replace(use, version=number, first=Timestamp.of(number), last=Timestamp.of(number))
        for number in range(1, USES_MAX + 3)
    ]
    kept = Observations(consumer=ConsumerName("a")).with_uses(many).uses
    assert [use.version for use in kept] == list(range(3, USES_MAX + 3))
