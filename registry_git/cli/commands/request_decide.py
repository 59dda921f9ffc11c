"""request approve, reject, cancel, refresh: deciding."""

from __future__ import annotations

import click

from registry_git.cli import shapes
from registry_git.cli.arguments import REQUEST
from registry_git.cli.command import RegistryCommand
from registry_git.cli.invocation import Invocation, pass_invocation
from registry_git.cli.output import answer, say, say_next
from registry_git.registry.telling import asked, besides, recorded, rolled, who_may
from registry_git.registry.views import RequestView


@click.command("approve", cls=RegistryCommand, example='registry-git request approve 20261123-7k3m9q -m "Go."')
@click.argument("id_", metavar="ID", type=REQUEST)
@click.option("--comment", "-m", default="", help="Why.")
@pass_invocation
def approve(invocation: Invocation, id_: str, comment: str) -> None:
    """Approve a request; with the approval that suffices, its change is merged."""
    view = invocation.write().approve(id_, comment=comment)

    def show() -> None:
        if view.state == "open":
            say(recorded(view))
            for sentence in besides(view):
                say(sentence)
            return
        say(f"Approved {view.request}: it did {asked(view)}." if view.action != "stage" else _landed(view))
        for line in rolled(view.deployments) if view.action != "deployment" else ():
            say(line)

    answer(invocation, shapes.request_shape(view), show)


@click.command("reject", cls=RegistryCommand, example='registry-git request reject 20261123-7k3m9q -m "AUC too low."')
@click.argument("id_", metavar="ID", type=REQUEST)
@click.option("--comment", "-m", default="", help="Why.")
@pass_invocation
def reject(invocation: Invocation, id_: str, comment: str) -> None:
    """Reject a request; its change does not happen, and the history keeps it."""
    _closed(invocation, invocation.write().reject(id_, comment=comment))


@click.command("cancel", cls=RegistryCommand, example="registry-git request cancel 20261123-7k3m9q")
@click.argument("id_", metavar="ID", type=REQUEST)
@click.option("--comment", "-m", default="", help="Why.")
@pass_invocation
def cancel(invocation: Invocation, id_: str, comment: str) -> None:
    """Cancel a request of your own; its change does not happen."""
    _closed(invocation, invocation.write().cancel(id_, comment=comment))


@click.command("refresh", cls=RegistryCommand, example="registry-git request refresh 20261123-7k3m9q")
@click.argument("id_", metavar="ID", type=REQUEST)
@pass_invocation
def refresh(invocation: Invocation, id_: str) -> None:
    """Decide a stale request again on today's registry; earlier approvals no longer count."""
    view = invocation.write().refresh(id_)

    def show() -> None:
        say(f"Request {view.request} asks to {asked(view)}, on today's registry. {who_may(view)}")
        for sentence in besides(view):
            say(sentence)
        say_next(invocation, "Approve it with", "request", "approve", view.request)

    answer(invocation, shapes.request_shape(view), show)


def _closed(invocation: Invocation, view: RequestView) -> None:
    answer(
        invocation,
        shapes.request_shape(view),
        lambda: say(f"{view.state.capitalize()} {view.request}: it asked to {asked(view)}, and that does not happen."),
    )


def _landed(view: RequestView) -> str:
    stage = "no stage" if view.to_stage == "None" else view.to_stage
    return f"Approved {view.request}: {view.model} v{view.version} is in {stage} now."
