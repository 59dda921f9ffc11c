"""list and search: models and versions, many at once."""

from __future__ import annotations

from collections.abc import Sequence

import click

from registry_git.cli import shapes
from registry_git.cli.arguments import MODEL
from registry_git.cli.command import RegistryCommand
from registry_git.cli.invocation import Invocation, pass_invocation
from registry_git.cli.left_out import warn_unreadable
from registry_git.cli.output import answer
from registry_git.registry.reading import Reading
from registry_git.registry.views import ModelView, VersionView

_PAGE = 1000  # the most models that one question can ask for


@click.command("list", cls=RegistryCommand, reads=True, example="registry-git list\nregistry-git list fraud")
@click.argument("name", type=MODEL, required=False)
@click.option("--limit", type=click.IntRange(min=1), help="At most so many.")
@pass_invocation
def list_(invocation: Invocation, name: str | None, limit: int | None) -> None:
    """List the models, or the versions of the model NAME, newest first."""
    registry = invocation.read()
    if name is None:
        _answer_models(invocation, _models(registry, "", (), limit))
    else:
        _answer_versions(invocation, registry.versions(name)[:limit])
    warn_unreadable(registry)


@click.command(
    "search",
    cls=RegistryCommand,
    reads=True,
    example="registry-git search \"name = 'fraud' AND tags.auc = '0.91'\"\n"
    "registry-git search --models \"name LIKE 'fraud%'\"",
)
@click.argument("filter_", metavar="FILTER")
@click.option("--models", is_flag=True, help="Search models instead of versions.")
@click.option("--order-by", "order", multiple=True, metavar="FIELD [ASC|DESC]", help="As version_number DESC.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many.")
@pass_invocation
def search(invocation: Invocation, filter_: str, models: bool, order: tuple[str, ...], limit: int | None) -> None:
    """Search versions (or models) by name, run_id, source_path, version_number and tags, as MLflow does."""
    registry = invocation.read()
    if models:
        _answer_models(invocation, _models(registry, filter_, order, limit))
    else:
        _answer_versions(invocation, registry.search_versions(filter_, order_by=order, limit=limit))
    warn_unreadable(registry)


def _models(registry: Reading, chosen: str, order: Sequence[str], limit: int | None) -> list[ModelView]:
    """All models, page by page, or the first `limit`."""
    found: list[ModelView] = []
    while limit is None or len(found) < limit:
        size = _PAGE if limit is None else min(_PAGE, limit - len(found))
        page = registry.models(filter=chosen, order_by=order, limit=size, offset=len(found))
        found += page
        if len(page) < size:
            break
    return found


def _answer_models(invocation: Invocation, views: list[ModelView]) -> None:
    def show() -> None:
        from registry_git.cli.sheets import when
        from registry_git.cli.tables import show_table

        rows = [
            (
                view.name,
                str(view.latest_version or ""),
                "  ".join(f"{stage} {_numbers(numbers)}" for stage, numbers in view.stages.items()),
                "  ".join(f"@{alias} v{number}" for alias, number in view.aliases.items()),
                str(view.open_requests or ""),
                when(view.last_updated),
            )
            for view in views
        ]
        columns = ("!MODEL", ">LATEST", "STAGES", "ALIASES", ">REQUESTS", "!UPDATED (UTC)")
        show_table(columns, rows, empty="No models.")

    answer(invocation, [shapes.model_shape(view) for view in views], show)


def _answer_versions(invocation: Invocation, views: list[VersionView]) -> None:
    def show() -> None:
        from registry_git.cli.listings import show_versions

        show_versions(views)

    answer(invocation, [shapes.version_shape(view) for view in views], show)


def _numbers(numbers: Sequence[int]) -> str:
    return ",".join(f"v{number}" for number in numbers)
