"""The JSON objects of the command line, described in docs/cli.md. They only grow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from registry_git.cli.plain import plain
from registry_git.core.activity import Activity, requested
from registry_git.registry.views import DeploymentView, Done, ModelView, RequestView, VersionView

if TYPE_CHECKING:
    from registry_git.registry.facade import Registry
    from registry_git.registry.observed import Observed

Shape = dict[str, Any]


def model_shape(view: ModelView) -> Shape:
    """A model in a list: its counts as `version_count` and `open_request_count`."""
    shape: Shape = plain(view)
    shape["version_count"] = shape.pop("versions")
    shape["open_request_count"] = shape.pop("open_requests")
    del shape["rolled"]  # told to people by what moved them; `deployment list` has them for programs
    return shape


def version_shape(view: VersionView) -> Shape:
    """A version: the view, and what only its manifest knows."""
    shape: Shape = plain(view)
    manifest = shape.pop("manifest")
    del shape["rolled"]
    for name in ("id", "flavors", "signature", "status_message", "lineage", "annotations"):
        shape[name] = manifest[name]
    return shape


def request_shape(view: RequestView) -> Shape:
    """A request: the fields of an activity, and how it stands."""
    shape: Shape = {**plain(requested(view.record)), **plain(view)}
    record = shape.pop("record")
    for name in ("alias", "add", "archive_existing", "deployment", "new_name", "refreshed", "reviews"):
        shape[name] = record[name]
    for name in ("declaration", "force"):
        shape[name] = record[name]
    shape["decision"]["allowed"] = view.decision.allowed
    return shape


def deployment_shape(view: DeploymentView) -> Shape:
    """A deployment: the view, and what only its manifest knows."""
    shape: Shape = plain(view)
    manifest = shape.pop("manifest")
    for name in ("stage", "alias", "annotations"):
        shape[name] = manifest[name]
    return shape


def activity_shape(activity: Activity) -> Shape:
    """An activity; its times are milliseconds."""
    shape: Shape = plain(activity)
    return shape


def model_sheet(view: ModelView, versions: Sequence[VersionView], requests: Sequence[RequestView]) -> Shape:
    """`show NAME`: the model with its versions, newest first, and its open requests."""
    return {
        **model_shape(view),
        "versions": [version_shape(one) for one in versions],
        "open_requests": [request_shape(one) for one in requests],
    }


def version_sheet(
    view: VersionView, activities: Sequence[Activity], requests: Sequence[RequestView], users: Sequence[Observed]
) -> Shape:
    """`show NAME/VERSION`: the version with its activities, oldest first, its open requests, and who uses it."""
    return {
        **version_shape(view),
        "activities": [activity_shape(one) for one in activities],
        "open_requests": [request_shape(one) for one in requests],
        "observed": [plain(one) for one in users],
    }


def target_shape(view: ModelView | VersionView) -> Shape:
    """A model or a version, whichever was changed."""
    return model_shape(view) if isinstance(view, ModelView) else version_shape(view)


def done_shape(done: Done, **what: Any) -> Shape:
    """What was done: the commit that shows it, and whether anything changed."""
    return {**what, **plain(done)}


def registry_shape(registry: Registry, path: str) -> Shape:
    """A registry: its name, where it is, its commit."""
    policy = registry.policy()
    return {
        "name": policy.name,
        "path": path,
        "layout": policy.layout,
        "stages": [stage.name for stage in policy.stages],
        "commit": registry.commit,
    }
