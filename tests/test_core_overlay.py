"""Edits on top of a snapshot: seen at once, whether they were put there together or one after the other."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from registry_git.core.keys import AliasKey, CommentKey, DeploymentKey, ModelKey, RequestKey, StageKey, VersionKey
from registry_git.core.names import AliasName, Id, ModelName, StageName
from registry_git.core.snapshot import Overlay, Snapshot

_MODELS = [ModelName("a"), ModelName("b")]
_IDS = [Id("id01"), Id("id02")]
_model = st.sampled_from(_MODELS)
_keys = st.one_of(
    st.builds(ModelKey, model=_model),
    st.builds(VersionKey, model=_model, version=st.integers(1, 4)),
    st.builds(StageKey, model=_model, stage=st.sampled_from([StageName("Production"), StageName("Staging")])),
    st.builds(AliasKey, model=_model, alias=st.sampled_from([AliasName("x"), AliasName("y")])),
    st.builds(RequestKey, model=st.none() | _model, request=st.sampled_from(_IDS)),
    st.builds(CommentKey, model=_model, version=st.integers(1, 2), comment=st.sampled_from(_IDS)),
    st.builds(DeploymentKey, environment=st.sampled_from(["dev", "prod"]), name=st.sampled_from(["one", "two"])),
)
_edits: Any = st.dictionaries(_keys, st.none() | st.just("something"), max_size=5)


class Nothing(Snapshot):
    """A registry without anything in it."""

    commit = "0" * 40

    def find(self, key: Any) -> None:
        return None

    def models(self) -> tuple[Any, ...]:
        return ()

    versions = stages = aliases = requests = lambda self, model: ()  # type: ignore[assignment]
    comments = lambda self, model, version: ()  # type: ignore[assignment]  # noqa: E731
    deployments = models
    deploys = lambda self: False  # noqa: E731


def everything(snapshot: Snapshot) -> list[Any]:
    """All listings that a snapshot gives."""
    found: list[Any] = [snapshot.models(), snapshot.deployments(), snapshot.requests(None)]
    for model in _MODELS:
        found += [snapshot.versions(model), snapshot.stages(model), snapshot.aliases(model), snapshot.requests(model)]
        found += [snapshot.comments(model, number) for number in (1, 2)]
        assert snapshot.last_version(model) == max(snapshot.versions(model), default=0)
    return found


@given(base=_edits, batches=st.lists(_edits, max_size=5))
def test_edits_one_after_the_other_are_seen_as_all_at_once(base: Any, batches: Any) -> None:
    below = Overlay(Nothing(), base)
    step_by_step = Overlay(below, {})
    together: dict[Any, Any] = {}
    for edits in batches:
        everything(step_by_step)  # listings that were asked for are kept, and must not go stale
        step_by_step.add(edits)
        together.update(edits)
    assert everything(step_by_step) == everything(Overlay(below, together))
    there = {key.version for key, entity in {**base, **together}.items() if isinstance(key, VersionKey) and entity}
    assert there == {number for model in _MODELS for number in step_by_step.versions(model)}


def test_a_listing_that_was_given_out_stays_as_it_was() -> None:
    overlay = Overlay(Nothing(), {})
    before = overlay.versions(_MODELS[0])
    overlay.add({VersionKey(model=_MODELS[0], version=1): "something"})  # type: ignore[dict-item]
    assert (before, overlay.versions(_MODELS[0])) == ((), (1,))
