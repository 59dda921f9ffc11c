"""What every adapter does around a call that must not happen twice, or may fail without harm."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from registry_git.core.errors import Conflict, Invalid, NotFound, PermissionDenied, RegistryError, Unavailable
from registry_git.forges.base import PullRequest, PullState

BASE = "main"
_TRIES = 15
_SECONDS = 1.0


def open_once(find: Callable[[], PullRequest | None], create: Callable[[], PullRequest]) -> PullRequest:
    """What `create` makes; what `find` finds, when somebody was first or the answer was lost on its way."""
    try:
        return create()
    except (Conflict, Invalid, Unavailable):
        found = find()
        if found is None:
            raise
        return found


def merge_once(
    look: Callable[[], PullRequest], send: Callable[[], object], *, expected_head: str, sleep: Callable[[float], None]
) -> PullRequest:
    """The pull request after `send` has merged it, if its head is `expected_head`.

    A forge that is still thinking about whether it can be merged (`TryLater`) is asked again for a while.

    Raises:
        Conflict: the head is another one, it is closed, or the forge refuses.
    """
    before = look()
    if before.state is not PullState.OPEN:
        raise Conflict(f"Pull request {before.number} is {before.state.value} already.", hint=f"See {before.url}")
    if before.head != expected_head:
        raise Conflict(
            f"Pull request {before.number} has moved on: its head is {before.head[:12]}, not {expected_head[:12]}.",
            hint=f"Look at what was added: {before.url}",
        )
    for attempt in range(_TRIES):
        try:
            send()
        except TryLater as problem:
            if attempt == _TRIES - 1:
                raise Conflict(problem.message, hint=f"See {before.url}") from None
            sleep(_SECONDS)
            continue
        except Unavailable:
            after = look()  # the answer was lost: what happened is what counts
            if after.state is not PullState.MERGED:
                raise
            return after
        break
    return look()


def attempt(what: str, act: Callable[[], object]) -> tuple[str, ...]:
    """Nothing, or the sentence that says why `what` could not be done: labels and reviewers are no reason to fail."""
    try:
        act()
    except (Conflict, Invalid, NotFound, PermissionDenied, Unavailable) as problem:
        return (f"{what}: {problem.message}",)
    return ()


def ask_each(opened: PullRequest, logins: Iterable[str], ask: Callable[[str], object]) -> list[str]:
    """Asks for reviews one by one, but not the author: who cannot be asked keeps nobody else from being asked.

    Gives the sentences on who could not be asked. `logins` are in lower case.
    """
    others = sorted(set(logins) - {opened.author.login.lower() if opened.author else ""})
    return [remark for login in others for remark in attempt(f"Reviewer {login}", partial(ask, login))]


class TryLater(RegistryError):
    """The forge has not made up its mind; internal to `forges`."""
