"""What the shell can complete: models, versions, stages, aliases, requests. Quick, and silent when anything fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import click

from registry_git.cli.invocation import Invocation
from registry_git.registry.reading import Reading

_AT_MOST = 200


def words(kind: str, ctx: click.Context, incomplete: str) -> list[str]:
    """The words of a kind that begin with `incomplete`; none when the registry cannot be read."""
    try:
        invocation = ctx.ensure_object(Invocation)
        invocation.here = True  # nobody waits for a network at every press of the tabulator
        registry = invocation.read()
        found = _KINDS[kind](registry, ctx, incomplete)
        return [word for _, word in zip(range(_AT_MOST), found, strict=False) if word.startswith(incomplete)]
    except Exception:
        return []  # a shell that completes must never print an error over the command line


def _model(ctx: click.Context) -> str:
    name = str(ctx.params.get("name") or ctx.params.get("reference") or "")
    return name.partition("/")[0]


def _models(registry: Reading, _: click.Context, incomplete: str) -> Iterator[str]:
    literal = not set(incomplete) & set("'\"%_\\")
    chosen = f"name LIKE '{incomplete}%'" if incomplete and literal else ""
    for view in registry.models(filter=chosen, limit=_AT_MOST if literal else 1000):
        yield view.name


def _versions(registry: Reading, ctx: click.Context, _: str) -> Iterator[str]:
    for view in registry.versions(_model(ctx)):
        yield str(view.version)


def _stages(registry: Reading, ctx: click.Context, incomplete: str) -> Iterator[str]:
    for stage in registry.policy().stages:
        # stages are written in any case, so `prod` completes too
        if stage.name.casefold().startswith(incomplete.casefold()):
            yield stage.name if stage.name.startswith(incomplete) else incomplete + stage.name[len(incomplete) :]
    yield "None"


def _aliases(registry: Reading, ctx: click.Context, _: str) -> Iterator[str]:
    name = _model(ctx)
    if name:
        yield from registry.model(name).aliases
        return
    yield from sorted({alias for view in registry.models(limit=1000) for alias in view.aliases})


def _requests(registry: Reading, ctx: click.Context, _: str) -> Iterator[str]:
    for view in registry.requests():
        yield view.request


def _numbered(registry: Reading, ctx: click.Context, incomplete: str) -> Iterator[str]:
    name, slash, _ = incomplete.partition("/")
    if not slash:
        yield from _models(registry, ctx, incomplete)
        return
    for view in registry.versions(name):
        yield f"{name}/{view.version}"


def _references(registry: Reading, ctx: click.Context, incomplete: str) -> Iterator[str]:
    name, slash, _ = incomplete.partition("/")
    if slash:
        model = registry.model(name)
        yield from (f"{name}/{stage}" for stage in model.stages)
        yield f"{name}/latest"
        yield from _numbered(registry, ctx, incomplete)
        return
    name, at, _ = incomplete.rpartition("@")
    if at:
        yield from (f"{name}@{alias}" for alias in registry.model(name).aliases)
    yield from _models(registry, ctx, incomplete)


def _uris(registry: Reading, ctx: click.Context, incomplete: str) -> Iterator[str]:
    prefix = "models:/"
    if incomplete.startswith(prefix):
        yield from (prefix + word for word in _references(registry, ctx, incomplete.removeprefix(prefix)))
        return
    yield from (prefix + word for word in _models(registry, ctx, ""))
    yield from _references(registry, ctx, incomplete)


def _comments(registry: Reading, ctx: click.Context, _: str) -> Iterator[str]:
    name, _, version = str(ctx.params.get("version") or "").partition("/")
    for view in registry.comments(name, version):
        yield view.id


def _tags(registry: Reading, ctx: click.Context, _: str) -> Iterator[str]:
    name, slash, version = str(ctx.params.get("target") or "").partition("/")
    yield from registry.version(name, version).tags if slash else registry.model(name).tags


def _environments(registry: Reading, _: click.Context, __: str) -> Iterator[str]:
    yield from dict.fromkeys(view.environment for view in registry.deployments())


def _deployments(registry: Reading, ctx: click.Context, _: str) -> Iterator[str]:
    for view in registry.deployments(environment=str(ctx.params.get("environment") or "")):
        yield view.name


_KINDS: dict[str, Callable[[Reading, click.Context, str], Iterator[str]]] = {
    "models": _models,
    "versions": _versions,
    "stages": _stages,
    "aliases": _aliases,
    "requests": _requests,
    "numbered": _numbered,
    "references": _references,
    "uris": _uris,
    "comments": _comments,
    "environments": _environments,
    "deployments": _deployments,
    "tags": _tags,
}
