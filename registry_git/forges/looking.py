"""How the pull request of a request stands on the forge, for people: it is looked at, and nothing is believed of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from registry_git.forges.base import (
    CommitStatus,
    Forge,
    ForgeReview,
    PullRequest,
    PullState,
    ReviewVerdict,
    standing,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """A pull request as it stands.

    Attributes:
        pull: the pull request.
        approved, objected: who said yes, and who asked for changes, by name.
        outdated: who said yes to an earlier head.
        checks: the outcome of each check at its head.
        others: how many further pull requests the branch had.
    """

    pull: PullRequest
    approved: tuple[str, ...]
    objected: tuple[str, ...]
    outdated: tuple[str, ...]
    checks: tuple[CommitStatus, ...]
    others: int


def look(forge: Forge, branch: str, head: str) -> Sight | None:
    """How the pull request of a branch stands; None when there is none.

    Where a branch had several, it is the open one, else the one with this head, else the newest.

    Args:
        forge: where it is.
        branch: short, `request/…`; it may be gone.
        head: the branch's commit here; empty: not known.

    Raises:
        RegistryError: as the calls of `Forge`.
    """
    found = forge.find_by_branch(branch)
    if not found:
        return None
    pull = _wanted(found, head)
    said = standing(forge.reviews(pull.number))
    return Sight(
        pull=pull,
        approved=_names(one for one in said if _holds(one, pull.head)),
        objected=_names(one for one in said if one.verdict is ReviewVerdict.CHANGES_REQUESTED and not one.dismissed),
        outdated=_names(
            one
            for one in said
            if one.verdict is ReviewVerdict.APPROVED and not one.dismissed and not _holds(one, pull.head)
        ),
        checks=forge.checks(pull.head) if pull.head else (),
        others=len(found) - 1,
    )


def linkable(url: str) -> str:
    """`url` if a page may link to it, being one of the web; else empty. A forge may answer with anything."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in ("http", "https") and parts.netloc else ""


def _wanted(found: Sequence[PullRequest], head: str) -> PullRequest:
    for one in found:
        if one.state is PullState.OPEN:
            return one
    return next((one for one in found if head and one.head == head), found[0])


def _holds(review: ForgeReview, head: str) -> bool:
    """Whether it is a yes that stands, to this head or to one that the forge does not tell."""
    settled = not review.dismissed and not review.stale
    return review.verdict is ReviewVerdict.APPROVED and settled and review.commit in ("", head)


def _names(reviews: Iterable[ForgeReview]) -> tuple[str, ...]:
    return tuple(one.by.name or one.by.login for one in reviews)
