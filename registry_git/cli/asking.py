"""Asking for a change: the request is made, published where that is wanted, and told."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from registry_git.cli import shapes
from registry_git.cli.invocation import Invocation
from registry_git.cli.output import answer, say, say_next
from registry_git.cli.plain import plain
from registry_git.core.errors import RegistryError
from registry_git.registry.telling import asked, besides, who_may
from registry_git.registry.views import RequestView

if TYPE_CHECKING:
    from registry_git.forges.publishing import Published
    from registry_git.registry.facade import Registry


def ask_for(invocation: Invocation, ask: Callable[[Registry], RequestView], *, push: bool = False) -> None:
    """Makes the request with `ask`, opens its pull request if `push`, and prints it. Raises: RegistryError."""
    registry = invocation.write()
    publish = _publisher(registry) if push else None
    view = ask(registry)
    try:
        published = publish(view.request) if publish else None
    except RegistryError as problem:
        problem.message = f"Request {view.request} is made, but no pull request is open for it: {problem.message}"
        problem.hint = f"{problem.hint} Then give the same command again with --id {view.request}".strip()
        raise
    shape = shapes.request_shape(view)
    if published is not None:
        shape["pull_request"] = plain(published.pull)
    answer(invocation, shape, lambda: _print(invocation, view, published))


def _print(invocation: Invocation, view: RequestView, published: Published | None) -> None:
    say(f"Request {view.request} asks to {asked(view)}.")
    for sentence in (who_may(view), *besides(view)):
        say(sentence)
    if published is not None:
        _print_pull(published)
    say_next(invocation, "Approve it with", "request", "approve", view.request)
    say_next(invocation, "See what it changes with", "request", "diff", view.request)


def _publisher(registry: Registry) -> Callable[[str], Published]:
    from registry_git.forges import publishing  # slow to import: it speaks HTTP

    publishing.require_remote(registry)
    return lambda request: publishing.publish(registry, request, environment=os.environ)


def _print_pull(published: Published) -> None:
    if published.pull is not None:
        say(f"Review it at: {published.pull.url}")
        for remark in published.pull.remarks:
            say(remark)
    else:
        say(f"The branch {published.branch} is at {published.remote}.")
        say("The policy names no forge; open a pull request for it by hand, into main, or approve it from here:")
