"""The pull request of a request, as the forge says that it stands: a page, and what a request's page loads into itself.

Here alone something outside is waited for, and never by a thread that others need: see `server/pull_requests.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from registry_git.core.rules import ForgeKind, Policy
from registry_git.forges.addresses import review_address
from registry_git.forges.base import CommitStatus, PullState, StatusState
from registry_git.forges.looking import Sight, linkable
from registry_git.manifests.layout import request_ref
from registry_git.registry.views import RequestView
from registry_git.server.call import Call
from registry_git.server.pages.asking import title
from registry_git.server.pages.choices import is_open
from registry_git.server.pages.links import Links
from registry_git.server.pages.page import Asked, Go, Page, Pages, Wait
from registry_git.server.pull_requests import Told, Wanted, too_late

pages = Pages()
_HEADS = "refs/heads/"
_KINDS = {PullState.OPEN: "info", PullState.MERGED: "good", PullState.CLOSED: "bad"}
_OUTCOMES = {
    StatusState.SUCCESS: ("passed", "good"),
    StatusState.PENDING: ("running", "info"),
    StatusState.FAILURE: ("failed", "bad"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OnForge:
    """Where a request is on the forge: the forge's `name`, `what` it calls it there, and an `address` to look at."""

    name: str
    what: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A check as it is shown; `url` is empty where it has no address of the web."""

    name: str
    word: str
    kind: str
    text: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PullShown:
    """A pull request as it is shown; `moved`: the head that it has on the forge, where the branch's here is another."""

    name: str
    title: str
    url: str
    state: str
    kind: str
    approved: str
    objected: str
    outdated: str
    checks: tuple[Check, ...]
    moved: str
    others: int


def on_forge(policy: Policy, view: RequestView) -> OnForge | None:
    """Where a request is on the forge, without asking it; None where the policy names none."""
    forge = policy.forge
    if forge is None:
        return None
    return OnForge(
        name=urlsplit(forge.url).netloc,
        what="merge request" if forge.kind is ForgeKind.GITLAB else "pull request",
        address=linkable(review_address(forge, _branch(view))),
    )


def shown(sight: Sight, kind: ForgeKind, head: str) -> PullShown:
    """A pull request as it is shown. `head` is the commit of the request's branch here; empty: it is gone."""
    pull = sight.pull
    return PullShown(
        name=f"Merge request !{pull.number}" if kind is ForgeKind.GITLAB else f"Pull request #{pull.number}",
        title=pull.title,
        url=linkable(pull.url),
        state=pull.state.value,
        kind=_KINDS[pull.state],
        approved=", ".join(sight.approved),
        objected=", ".join(sight.objected),
        outdated=", ".join(sight.outdated),
        checks=tuple(_check(one) for one in sight.checks),
        moved=pull.head if head and pull.state is PullState.OPEN and pull.head != head else "",
        others=sight.others,
    )


class Which(Asked):
    """Whose pull request."""

    request: str


def _ask(call: Call, asked: Which) -> Wait | None:
    wanted = _wanted(call, call.reading.request(asked.request))
    if wanted is None:
        return None
    every = call.service.pull_requests
    return Wait(every.ask(wanted), every.seconds)


@pages.show("/requests/{request}/pull-request", takes=Which, first=_ask)
def show_pull_request(call: Call, asked: Which) -> Page | Go:
    """What is known of it by now."""
    if asked.at:  # the forge tells how it stands today
        return Go(Links(asked.at).request(asked.request))
    view = call.reading.request(asked.request)
    policy, wanted = call.reading.policy(), _wanted(call, view)
    told = Told()
    if wanted is not None:
        every = call.service.pull_requests
        told = every.told(wanted) or Told(problem=too_late(wanted, every.seconds))
    return Page(
        "pull_request.html",
        {
            "view": view,
            "heading": title(view),
            "open": is_open(view),
            "forge": on_forge(policy, view),
            "pull": shown(told.sight, policy.forge.kind, wanted.head)
            if told.sight and wanted and policy.forge
            else None,
            "failure": told.problem,
        },
    )


def _wanted(call: Call, view: RequestView) -> Wanted | None:
    policy = call.registry.policy()
    if policy.forge is None:
        return None
    head = view.head if is_open(view) else ""
    return Wanted(policy=policy, origin=call.registry.remote or "", branch=_branch(view), head=head)


def _branch(view: RequestView) -> str:
    return request_ref(view.record.model, view.record.id).removeprefix(_HEADS)


def _check(one: CommitStatus) -> Check:
    word, kind = _OUTCOMES[one.state]
    return Check(name=one.context, word=word, kind=kind, text=one.description, url=linkable(one.url))
