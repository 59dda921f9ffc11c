"""comment: what people say about versions."""

from __future__ import annotations

import click

from registry_git.cli import shapes
from registry_git.cli.arguments import COMMENT, NUMBERED, one_version, text_or_stdin
from registry_git.cli.command import LazyGroup, RegistryCommand
from registry_git.cli.invocation import Invocation, pass_invocation
from registry_git.cli.output import answer, say
from registry_git.registry.commenting import Commenting


@click.group("comment", cls=LazyGroup)
def comment() -> None:
    """Write, change, delete and list comments on versions."""


@comment.command("add", cls=RegistryCommand, example='registry-git comment add fraud/12 "Drifts on weekends."')
@click.argument("version", metavar="NAME/VERSION", type=NUMBERED)
@click.argument("text")
@click.option("--id", "identity", help="An id of your own: a retry with the same id comments only once.")
@pass_invocation
def add(invocation: Invocation, version: str, text: str, identity: str | None) -> None:
    """Comment on a version with TEXT (- reads standard input)."""
    name, number = one_version(version)
    view = invocation.part(Commenting).add_comment(name, number, text_or_stdin(text), id=identity)
    answer(invocation, view, lambda: say(f"Comment {view.id} is on {name} v{number} now."))


@comment.command(
    "edit", cls=RegistryCommand, example='registry-git comment edit fraud/12 20261123-7k3m9q "Drifts on Sundays."'
)
@click.argument("version", metavar="NAME/VERSION", type=NUMBERED)
@click.argument("comment", metavar="COMMENT_ID", type=COMMENT)
@click.argument("text")
@pass_invocation
def edit(invocation: Invocation, version: str, comment: str, text: str) -> None:
    """Give a comment of your own another TEXT (- reads standard input)."""
    name, number = one_version(version)
    view = invocation.part(Commenting).edit_comment(name, number, comment, text_or_stdin(text))
    answer(invocation, view, lambda: say(f"Comment {view.id} is changed."))


@comment.command("delete", cls=RegistryCommand, example="registry-git comment delete fraud/12 20261123-7k3m9q")
@click.argument("version", metavar="NAME/VERSION", type=NUMBERED)
@click.argument("comment", metavar="COMMENT_ID", type=COMMENT)
@pass_invocation
def delete(invocation: Invocation, version: str, comment: str) -> None:
    """Delete a comment of your own; the history keeps it."""
    name, number = one_version(version)
    done = invocation.part(Commenting).delete_comment(name, number, comment)
    answer(invocation, shapes.done_shape(done, id=comment), lambda: say(f"Comment {comment} is deleted."))


@comment.command("list", cls=RegistryCommand, reads=True, example="registry-git comment list fraud/12")
@click.argument("version", metavar="NAME/VERSION", type=NUMBERED)
@pass_invocation
def list_(invocation: Invocation, version: str) -> None:
    """List the comments on a version, oldest first."""
    views = invocation.read().comments(*one_version(version))

    def show() -> None:
        from registry_git.cli.sheets import when, who
        from registry_git.cli.tables import show_table

        rows = [
            (view.id, when(view.created), who(view.author), "edited" if view.updated != view.created else "", view.text)
            for view in views
        ]
        show_table(("!COMMENT", "!WHEN (UTC)", "BY", "", "TEXT"), rows, empty="No comments.")

    answer(invocation, views, show)
