"""request list, show, diff: looking at requests."""

from __future__ import annotations

import click

from registry_git.cli import shapes
from registry_git.cli.arguments import MODEL, REQUEST
from registry_git.cli.command import RegistryCommand
from registry_git.cli.invocation import Invocation, pass_invocation
from registry_git.cli.output import answer, say, say_next
from registry_git.core.model import RequestState
from registry_git.registry.telling import against_policy, asked, how, who_may
from registry_git.registry.views import RequestView

_STATES = (*(state.value for state in RequestState), "all")


@click.command(
    "list",
    cls=RegistryCommand,
    reads=True,
    example="registry-git request list\nregistry-git request list fraud --state all",
)
@click.argument("name", type=MODEL, required=False)
@click.option("--state", type=click.Choice(_STATES), default="open", show_default=True, help="Which requests.")
@pass_invocation
def list_(invocation: Invocation, name: str | None, state: str) -> None:
    """List the requests for the model NAME, or for all models, oldest first."""
    views = invocation.read().requests(name, state=state)

    def show() -> None:
        from registry_git.cli.listings import show_requests

        show_requests(views)

    answer(invocation, [shapes.request_shape(view) for view in views], show)


@click.command("show", cls=RegistryCommand, reads=True, example="registry-git request show 20261123-7k3m9q")
@click.argument("id_", metavar="ID", type=REQUEST)
@pass_invocation
def show(invocation: Invocation, id_: str) -> None:
    """Show a request: what it asks, the decision so far, what a merge would change."""
    view = invocation.read().request(id_)
    answer(invocation, shapes.request_shape(view), lambda: _print(invocation, view))


@click.command("diff", cls=RegistryCommand, reads=True, example="registry-git request diff 20261123-7k3m9q")
@click.argument("id_", metavar="ID", type=REQUEST)
@pass_invocation
def diff(invocation: Invocation, id_: str) -> None:
    """Show what a request changes in the registry, as a unified diff of its manifests."""
    text = invocation.read().request_diff(id_)

    def show() -> None:
        from registry_git.cli.tables import show_diff

        show_diff(text)

    answer(invocation, {"request": id_, "diff": text}, show)


def _print(invocation: Invocation, view: RequestView) -> None:
    from registry_git.cli.listings import state
    from registry_git.cli.sheets import show_facts, show_heading, when
    from registry_git.cli.tables import show_table

    word = state(view)
    waits = word in ("open", "stale")
    told = {
        "stale": f"open, stale: {view.stale}",
        "landed": "landed on main, and who approved it is not written down yet",
    }
    show_facts(
        (
            ("request", view.request),
            ("asks to", asked(view)),
            ("state", told.get(word, word)),
            ("requester", view.requester),
            ("created", f"{when(view.created)} UTC"),
            ("comment", view.comment),
            ("forced", "yes: also where a deployment is in the way" if view.record.force else ""),
            ("branch", view.branch),
            ("approvals", f"{view.decision.given} of {view.decision.needed}" if waits else ""),
            ("policy", against_policy(view)),
        )
    )
    if view.record.reviews:
        show_heading("Decisions")
        rows = [
            (when(one.at), one.by or "unknown", one.verdict.value, one.comment, how(one.source))
            for one in view.record.reviews
        ]
        show_table(("!WHEN (UTC)", "BY", "VERDICT", "COMMENT", "SOURCE"), rows, empty="")
    if not waits:
        if word == "landed":
            say_next(invocation, "Write it down with", "reconcile")
        return
    if view.decision.unmet:
        show_heading("What is missing")
        for unmet in view.decision.unmet:
            say(f"  {unmet.rule}: {unmet.why}. {unmet.satisfy}".rstrip())
    show_heading("What a merge would change")
    for path, change in view.changes.items():
        say(f"  {change:<8} {path}")
    if view.deployments:
        show_heading("Deployments that would follow")
        for roll in view.deployments:
            say(f"  {roll}")
    say("")
    if view.stale:
        say_next(invocation, "Decide it again on today's registry with", "request", "refresh", view.request)
        return
    say(who_may(view))
    say_next(invocation, "Approve it with", "request", "approve", view.request)
