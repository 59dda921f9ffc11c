"""Hypothesis strategies for every entity that a manifest can hold, shared by the tests of its floor."""

from __future__ import annotations

from hypothesis import strategies as st

from registry_git.core.errors import Invalid
from registry_git.core.keys import Key
from registry_git.core.model import (
    AliasPointer,
    Comment,
    Dataset,
    Declaration,
    Deployment,
    DeploymentChange,
    Entity,
    Lineage,
    ModelVersion,
    RegisteredModel,
    RequestState,
    Resolved,
    Review,
    StagePointer,
    Status,
    TransitionRequest,
    Verdict,
)
from registry_git.core.names import Actor, AliasName, ConsumerName, Id, ModelName, StageName, parse_name
from registry_git.core.observations import Observations, Use
from registry_git.core.rules import Action, ForgeKind, ForgeSettings, Policy, Rule, Stage
from registry_git.core.times import Timestamp


def _accepted(kind: type, text: str) -> bool:
    try:
        kind.parse(text)  # type: ignore[attr-defined]
    except Invalid:
        return False
    return True


def _plain(text: str) -> bool:
    try:
        parse_name("name", text)
    except Invalid:
        return False
    return True


_word = st.text(min_size=1, max_size=12) | st.sampled_from(
    ["fraud", "on", "12", "x.lock", ".a", "-a", "a b", "é", "100%"]
)
models = _word.filter(lambda text: _accepted(ModelName, text)).map(ModelName.parse)
_stage_text = st.text(st.sampled_from("ABcdé012 ._-"), min_size=1, max_size=12) | st.sampled_from(["Production", "on"])
stages = _stage_text.filter(lambda text: _accepted(StageName, text)).map(StageName.parse)
_alias_text = st.text(st.sampled_from("ABcdé012_-"), min_size=1, max_size=12) | st.sampled_from(["champion", "no"])
aliases = _alias_text.filter(lambda text: _accepted(AliasName, text)).map(AliasName.parse)
ids = st.from_regex(r"[0-9A-Za-z][0-9A-Za-z_-]{3,20}", fullmatch=True).map(Id.parse)
versions = st.integers(1, 999_999_999) | st.sampled_from([1, 12, 999, 1000, 1234, 12345])
plain_names = _word.filter(_plain)
times = st.integers(0, 253402300799999).map(Timestamp.of)
actors = st.sampled_from(["Alice <alice@acme.io>", "Ünal Ö. <u@x>", "on <no@y>"]).map(Actor.parse)
free = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20) | st.sampled_from(
    ["", "no", "one\ntwo\n", "\n x", "12", "Approved-by: x\u2028y"]
)
some = free.filter(bool)
digests = st.just("") | st.from_regex(r"sha256:[0-9a-f]{8}", fullmatch=True)
proposals = st.from_regex(r"[0-9a-f]{8,40}", fullmatch=True)
tags = st.dictionaries(st.from_regex(r"[\w./: -]{1,10}", fullmatch=True), free, max_size=3)
annotations = st.dictionaries(some, free, max_size=2)

registered_models = st.builds(
    RegisteredModel,
    name=models,
    id=ids,
    created=times,
    created_by=actors,
    description=free,
    tags=tags,
    last_deleted=st.integers(0, 999_999_999),
    annotations=annotations,
)
lineages = st.builds(
    Lineage,
    run_id=free,
    run_name=free,
    run_link=free,
    run_user=free,
    experiment_id=free,
    experiment_name=free,
    model_id=free,
    git_commit=free,
    datasets=st.lists(st.builds(Dataset, name=some, digest=free), max_size=2).map(tuple),
)
model_versions = st.builds(
    ModelVersion,
    model=models,
    version=versions,
    id=ids,
    source=some,
    created=times,
    created_by=actors,
    origin=free,
    digest=digests,
    format=free,
    flavors=st.lists(some, max_size=2).map(tuple),
    signature=free,
    status=st.sampled_from(Status),
    status_message=free,
    description=free,
    tags=tags,
    lineage=lineages,
    annotations=annotations,
)
stage_pointers = st.builds(
    StagePointer,
    model=models,
    stage=stages,
    versions=st.sets(versions, min_size=1, max_size=3).map(lambda found: tuple(sorted(found))),
    source=some,
    format=free,
    digest=digests,
    previous=st.none() | versions,
    request=ids,
    annotations=annotations,
)
alias_pointers = st.builds(
    AliasPointer,
    model=models,
    alias=aliases,
    version=versions,
    source=some,
    format=free,
    digest=digests,
    previous=st.none() | versions,
    request=ids,
    annotations=annotations,
)
reviews = st.builds(
    Review,
    by=st.none() | actors,
    at=times,
    verdict=st.sampled_from(Verdict),
    comment=free,
    source=st.sampled_from(["commit", "merge", "review", "trailer", "signature"]),
    proposal=proposals,
)
requests = st.builds(
    TransitionRequest,
    id=ids,
    action=st.sampled_from([Action.STAGE, Action.ALIAS, Action.DELETE, Action.RENAME, Action.DEPLOYMENT]),
    model=models,
    version=versions,
    from_stages=st.lists(stages, max_size=2).map(tuple),
    to=st.just("None") | stages,
    add=st.booleans(),
    archive_existing=st.booleans(),
    alias=aliases,
    deployment=some,
    declaration=st.builds(
        Declaration,
        change=st.sampled_from(DeploymentChange),
        workload=st.sampled_from(["", "job", "service"]),
        owner=st.none() | actors,
        stage=st.none() | stages,
        alias=st.none() | aliases,
        follow=st.sampled_from(["", "auto", "request", "pinned"]),
    ),
    force=st.booleans(),
    new_name=models,
    requester=actors,
    created=times,
    comment=free,
    state=st.sampled_from(RequestState),
    proposal=proposals,
    refreshed=st.none() | times,
    reviews=st.lists(reviews, max_size=3).map(tuple),
    annotations=annotations,
) | st.builds(
    TransitionRequest,
    id=ids,
    action=st.just(Action.POLICY),
    model=st.none(),
    requester=actors,
    created=times,
    proposal=proposals,
)
comments = st.builds(
    Comment, id=ids, model=models, version=versions, author=actors, created=times, updated=times, text=some
)
_follows = (
    stages.map(lambda stage: {"stage": stage})
    | aliases.map(lambda alias: {"alias": alias})
    | versions.map(lambda version: {"version": version})
)
deployments = _follows.flatmap(
    lambda follows: st.builds(
        Deployment,
        environment=plain_names,
        name=plain_names,
        workload=st.sampled_from(["job", "service"]),
        owner=actors,
        model=models,
        follow=st.sampled_from(["auto", "request", "pinned"]),
        resolved=st.none() | st.builds(Resolved, version=versions, source=some, digest=digests, since=times),
        annotations=annotations,
        **{key: st.just(value) for key, value in follows.items()},  # type: ignore[arg-type]
    )
)
_numbers = st.floats(allow_nan=False, allow_infinity=False)
_bounds = st.dictionaries(st.sampled_from(["auc", "f1", "on"]), _numbers, max_size=2)
_people = st.dictionaries(
    st.sampled_from(["alice", "bot[bot]", "on", "12"]), st.sampled_from(["a@x.io", "b@x.io"]), max_size=2
)
forges = st.builds(
    ForgeSettings,
    kind=st.sampled_from(ForgeKind),
    url=st.sampled_from(["https://git.acme.io", "http://127.0.0.1:3000", "https://acme.io/gitlab", "http://[::1]:80"]),
    repository=st.just("acme/models"),
    people=_people,
)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """A policy whose rules name its own stages and roles."""
    names = draw(st.lists(stages, min_size=1, max_size=4, unique_by=str.casefold))
    roles = draw(
        st.dictionaries(some, st.lists(st.sampled_from(["a@x.io", "b@x.io"]), unique=True).map(tuple), max_size=2)
    )
    return Policy(
        name=draw(plain_names),
        layout=draw(st.sampled_from(["flat", "fanout"])),
        stages=tuple(
            Stage(
                name=name,
                exclusive=draw(st.booleans()),
                serving=draw(st.booleans()),
                after=tuple(
                    draw(
                        st.lists(st.sampled_from(names), unique=True).map(
                            lambda all_, me=name: [x for x in all_ if x != me]
                        )
                    )
                ),
            )
            for name in names
        ),
        roles=roles,
        rules=tuple(draw(st.lists(_rules(names, sorted(roles)), max_size=3))),
        keys=draw(st.dictionaries(st.just("a@x.io"), st.just(("ssh-ed25519 AAAAC3Nza a@x",)), max_size=1)),
        forge=draw(st.none() | forges),
        observations=draw(st.booleans()),
        annotations=draw(annotations),
    )


@st.composite
def _rules(draw: st.DrawFn, names: list[StageName], roles: list[str]) -> Rule:
    on = draw(st.sampled_from([action for action in Action if action is not Action.RENAME]))
    approvals = 0 if on in (Action.REGISTER, Action.EDIT) else draw(st.integers(0, 3))
    targets: list[str] = []
    if on is Action.STAGE:
        targets = draw(st.lists(st.sampled_from([*names, "None"]), unique=True))
    elif on is Action.ALIAS:
        targets = [str(alias) for alias in draw(st.lists(aliases, unique=True, max_size=2))]
    return Rule(
        on=on,
        to=tuple(targets),
        models=draw(st.sampled_from([("*",), ("fraud-*", "x")])),
        approvals=approvals,
        by=tuple(draw(st.lists(st.sampled_from(roles), unique=True))) if roles else (),
        four_eyes=bool(approvals) and draw(st.booleans()),
        signed=bool(approvals) and draw(st.booleans()),
        tags=tuple(draw(st.lists(st.sampled_from(["validated", "on"]), unique=True))),
        minimum=draw(_bounds),
        maximum=draw(_bounds),
    )


consumers = (st.lists(plain_names, min_size=1, max_size=2).map("/".join)).filter(
    lambda text: _accepted(ConsumerName, text)
)
_spans = st.tuples(times, times).map(sorted)
uses = st.builds(
    lambda model, version, asked, span: Use(model=model, version=version, asked=asked, first=span[0], last=span[1]),
    models,
    versions,
    some,
    _spans,
)
observations = st.builds(
    lambda consumer, found: Observations(consumer=ConsumerName.parse(consumer)).with_uses(found),
    consumers,
    st.lists(uses, max_size=4),
)

entities: dict[str, st.SearchStrategy[Entity | Observations]] = {
    "RegisteredModel": registered_models,
    "ModelVersion": model_versions,
    "StagePointer": stage_pointers,
    "AliasPointer": alias_pointers,
    "TransitionRequest": requests,
    "Comment": comments,
    "Deployment": deployments,
    "Registry": policies(),
    "Observations": observations,
}
keys: st.SearchStrategy[Key] = st.one_of(*(entities[kind] for kind in entities if kind != "Observations")).map(
    lambda entity: entity.key  # type: ignore[return-value]
)
