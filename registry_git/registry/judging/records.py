"""Whether a change without a request may write into a landed request's record: the verdict, once, as it was given."""

from __future__ import annotations

from collections.abc import Iterator

from registry_git.core.model import POLICY_SAID, RequestState, Review, TransitionRequest, Verdict
from registry_git.core.names import Actor
from registry_git.gitstore.commits import Commit
from registry_git.gitstore.history import first_parents
from registry_git.gitstore.snapshot import GitSnapshot
from registry_git.manifests.layout import path_of
from registry_git.registry.judging.changed import Changed
from registry_git.registry.judging.faults import Fault, Rule, fault
from registry_git.registry.verdicts import LANDING, known_reviews, with_verdict

_WRITE = "Let the program write it: registry-git reconcile"
_NAMED = "The account that reconciles may, which the server names: git config registry-git.pushesForOthers"


def record_faults(changed: Changed, onto: str, author: Actor, *, for_others: bool) -> Iterator[Fault]:
    """What is wrong with what is written into records that are on `main`. Closed ones change no more, and are not here.

    Anybody may write down what git itself shows of a merge. What a forge has told is believed from a server that
    pushes for others alone (`for_others`). `onto` is the commit of `main` that changes, `author` who changes it.
    """
    for difference in changed.differences:
        before, after = difference.before, difference.after
        if not (isinstance(before, TransitionRequest) and isinstance(after, TransitionRequest)):
            continue
        if before.state is not RequestState.OPEN or after.reviews[: len(before.reviews)] != before.reviews:
            continue  # a broken promise, which is told elsewhere
        added = after.reviews[len(before.reviews) :]
        why = _wrong(before, after, added)
        landing = None if why else _landing(changed, onto, before)
        if landing is not None and added:
            why = _untrue(changed, landing, before, after, added)
        path = changed.path(after.key)
        if why:
            yield fault(Rule.RECORD, path, f"{why}.", _WRITE, line=changed.line(after.key, "state"))
        elif not for_others and landing is not None:
            known = _known(changed, landing, before)
            for review in added:
                if review not in known:
                    message = f"{author} writes down what {review.by or 'nobody'} is to have said about request "
                    line = changed.line(after.key, "reviews")
                    yield fault(Rule.RECORD, path, f"{message}{after.id}.", _NAMED, line=line)


def _wrong(before: TransitionRequest, after: TransitionRequest, added: tuple[Review, ...]) -> str:
    """Why no landed request ever gets to be like this; empty when it may."""
    if after.state not in (RequestState.OPEN, RequestState.APPROVED):
        return f"Request {after.id} has landed, so nobody can have it {after.state.value}"
    if any(review.verdict is not Verdict.APPROVED for review in added):
        return f"Request {after.id} has landed, and what is added to its record is no approval"
    if bool(added) is not (after.state is RequestState.APPROVED):
        who = "somebody approves" if added else "nobody stands for"
        return f"Request {after.id} is {after.state.value} now, and {who} it in its record"
    return ""


def _untrue(
    changed: Changed, landing: Commit, before: TransitionRequest, after: TransitionRequest, added: tuple[Review, ...]
) -> str:
    """Why what is written beside the reviews is not so; empty when it is."""
    right = with_verdict(changed.repository, before, landing, added)
    if after.annotations.get(LANDING) != landing.id:
        return f"Request {after.id} landed with {landing.id[:12]}, and its record says otherwise"
    if (after.policy_said == "met") is not (right.policy_said == "met"):
        return f"The policy of request {after.id} was {right.policy_said}, and {POLICY_SAID} says otherwise"
    return ""


def _known(changed: Changed, landing: Commit, record: TransitionRequest) -> set[Review]:
    """The reviews that git shows; of what is no merge with its committer or nobody, since either may be right."""
    keys = changed.before.policy().keys
    names = (landing.author,) if len(landing.parents) > 1 else (None, landing.committer)
    return {one for by in names for one in known_reviews(changed.repository, record, landing, by, keys)}


def _landing(changed: Changed, onto: str, record: TransitionRequest) -> Commit | None:
    """The commit that brought the record to `main`; None for one that was there from the beginning."""
    repository, found = changed.repository, None
    for commit in first_parents(repository, onto):
        path = path_of(record.key, GitSnapshot(repository, commit.id).layout)
        if repository.entry(commit.tree, path) is None:
            return found
        found = commit
    return None
