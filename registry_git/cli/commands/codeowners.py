"""codeowners: who a forge asks for a review."""

from __future__ import annotations

import click

from registry_git.cli.command import RegistryCommand
from registry_git.cli.invocation import Invocation, pass_invocation
from registry_git.cli.output import answer, say


@click.command("codeowners", cls=RegistryCommand, example="registry-git codeowners --write")
@click.option("--forge", type=click.Choice(("github", "gitlab", "gitea")), help="Default: what registry.yaml names.")
@click.option("--write", "write", is_flag=True, help="Write the file CODEOWNERS at the top of the work tree.")
@pass_invocation
def codeowners(invocation: Invocation, forge: str | None, write: bool) -> None:
    """Make a CODEOWNERS file from the roles and rules of the policy."""
    registry = invocation.now()
    if not write:
        text = registry.codeowners(forge=forge or "")
        answer(invocation, {"text": text}, lambda: click.echo(text, nl=False))
        return
    path, changed = registry.write_codeowners(forge=forge or "")
    sentence = f"Wrote {path}; commit it." if changed else f"{path} is as it should be."
    answer(invocation, {"path": str(path), "changed": changed}, lambda: say(sentence))
