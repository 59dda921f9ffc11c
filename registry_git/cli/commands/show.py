"""show: one model or one version, with all that is known about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from registry_git.cli import shapes
from registry_git.cli.arguments import REFERENCE
from registry_git.cli.command import RegistryCommand
from registry_git.cli.invocation import Invocation, pass_invocation
from registry_git.cli.left_out import warn_unreadable
from registry_git.cli.output import answer
from registry_git.core.uris import Reference, parse_reference

if TYPE_CHECKING:
    from registry_git.core.activity import Activity
    from registry_git.registry.observed import Observed
    from registry_git.registry.reading import Reading
    from registry_git.registry.views import ModelView, RequestView, VersionView


@click.command(
    "show",
    cls=RegistryCommand,
    reads=True,
    example="registry-git show fraud/12\nregistry-git show fraud/Production --at 2026-03-01",
)
@click.argument("reference", metavar="NAME[/VERSION|@ALIAS|/STAGE]", type=REFERENCE)
@click.option("--manifest", is_flag=True, help="Print the stored YAML instead.")
@pass_invocation
def show(invocation: Invocation, reference: str, manifest: bool) -> None:
    """Show a model, or the version that a number, an alias or a stage names."""
    registry = invocation.read()
    wanted = parse_reference(reference)
    if manifest:
        text = registry.manifest(reference)
        answer(invocation, {"manifest": text}, lambda: click.echo(text, nl=False))
    elif wanted == Reference(model=wanted.model):
        _show_model(invocation, registry, wanted.model)
    else:
        _show_version(invocation, registry, registry.lookup(reference))


def _show_model(invocation: Invocation, registry: Reading, name: str) -> None:
    view, versions, requests = registry.model(name), registry.versions(name), registry.requests(name)
    answer(
        invocation,
        lambda: shapes.model_sheet(view, versions, requests),
        lambda: _print_model(view, versions, requests),
    )
    if len(versions) < view.versions:
        warn_unreadable(registry)


def _show_version(invocation: Invocation, registry: Reading, view: VersionView) -> None:
    activities = registry.activity(view.model, view.version)
    requests = [one for one in registry.requests(view.model) if one.version == view.version]
    from registry_git.registry.present import Present

    # who uses it is known of today alone
    users = registry.observations(view.model, view.version) if isinstance(registry, Present) else []
    answer(
        invocation,
        lambda: shapes.version_sheet(view, activities, requests, users),
        lambda: _print_version(view, activities, requests, users),
    )


def _print_model(view: ModelView, versions: Sequence[VersionView], requests: Sequence[RequestView]) -> None:
    from registry_git.cli.listings import show_requests, show_versions
    from registry_git.cli.sheets import show_facts, show_heading, when

    stages = [f"{stage} {', '.join(f'v{number}' for number in numbers)}" for stage, numbers in view.stages.items()]
    show_facts(
        (
            ("model", view.name),
            ("description", view.description),
            ("stages", "\n".join(stages)),
            ("aliases", "\n".join(f"@{alias} v{number}" for alias, number in view.aliases.items())),
            ("tags", _tags(view)),
            ("created", f"{when(view.created)} UTC by {view.created_by}"),
            ("updated", f"{when(view.last_updated)} UTC"),
        )
    )
    show_heading("Versions")
    show_versions(versions)
    if requests:
        show_heading("Open requests")
        show_requests(requests)


def _print_version(
    view: VersionView, activities: Sequence[Activity], requests: Sequence[RequestView], users: Sequence[Observed]
) -> None:
    from registry_git.cli.listings import show_activities, show_observed, show_requests
    from registry_git.cli.sheets import show_facts, show_heading, when

    lineage = view.manifest.lineage
    run = " ".join(filter(None, (lineage.run_name, lineage.run_id)))
    show_facts(
        (
            ("version", f"{view.model} v{view.version}"),
            ("description", view.description),
            ("stages", ", ".join(view.stages) or "None"),
            ("aliases", ", ".join(f"@{alias}" for alias in view.aliases)),
            ("source", view.source),
            ("digest", view.digest),
            ("format", view.format),
            ("status", " ".join(filter(None, (view.status, view.manifest.status_message)))),
            ("tags", _tags(view)),
            ("run", run),
            ("run link", lineage.run_link),
            ("experiment", " ".join(filter(None, (lineage.experiment_name, lineage.experiment_id)))),
            ("code", lineage.git_commit),
            ("data", "\n".join(f"{one.name} {one.digest}".rstrip() for one in lineage.datasets)),
            ("registered", f"{when(view.created)} UTC by {view.created_by}"),
        )
    )
    if requests:
        show_heading("Open requests")
        show_requests(requests)
    if users:
        show_heading("Used by")
        show_observed(users)
    show_heading("Activity")
    show_activities(activities)


def _tags(view: ModelView | VersionView) -> str:
    return "\n".join(f"{key} = {value}" for key, value in view.tags.items())
