"""The one table of routes and the permission that each needs. A route that is not in it keeps the server from starting.

A permission is a scope of the caller's token. What the person may do beyond that is the registry's policy alone: every
write is judged by it (`core.policy`), whichever way it came.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType


class Permission(str, Enum):
    """What a caller must be allowed to do. `PUBLIC` asks nobody for anything."""

    PUBLIC = "public"
    READ = "read"
    WRITE = "write"
    APPROVE = "approve"


# What tokens can be limited to; `APPROVE` also lets one's own direct change count as the approval that a rule wants.
SCOPES = (Permission.READ, Permission.WRITE, Permission.APPROVE)

ROOT_MOUNT = ("",)
OWN_MOUNTS = ("/api/v1",)
DATABRICKS_MOUNTS = ("/api/2.0",)
MLFLOW_MOUNTS = ("/api/2.0/mlflow", "/api/2.0/preview/mlflow", "/ajax-api/2.0/mlflow")

_READ, _WRITE, _APPROVE, _PUBLIC = Permission.READ, Permission.WRITE, Permission.APPROVE, Permission.PUBLIC

# The forms of the pages. What sits at such an address with GET, where no page is, leads to the form's page.
_MODEL = "/models/{name}"
_VERSION = _MODEL + "/versions/{version}"
_FORMS: dict[tuple[str, str], Permission] = {
    ("POST", "/register"): _WRITE,
    ("POST", _MODEL + "/description"): _WRITE,
    ("POST", _MODEL + "/tags"): _WRITE,
    ("POST", _MODEL + "/tags/remove"): _WRITE,
    ("POST", _MODEL + "/aliases"): _WRITE,
    ("POST", _MODEL + "/aliases/remove"): _WRITE,
    ("POST", _MODEL + "/rename"): _WRITE,
    ("POST", _MODEL + "/delete"): _WRITE,
    ("POST", _VERSION + "/stage"): _WRITE,
    ("POST", _VERSION + "/description"): _WRITE,
    ("POST", _VERSION + "/tags"): _WRITE,
    ("POST", _VERSION + "/tags/delete"): _WRITE,
    ("POST", _VERSION + "/comments"): _WRITE,
    ("POST", _VERSION + "/comments/{comment}"): _WRITE,
    ("POST", _VERSION + "/comments/{comment}/delete"): _WRITE,
    ("POST", _VERSION + "/delete"): _WRITE,
    ("POST", _VERSION + "/requests/{request}/approve"): _APPROVE,
    ("POST", _VERSION + "/requests/{request}/reject"): _APPROVE,
    ("POST", _VERSION + "/requests/{request}/cancel"): _WRITE,
    ("POST", _VERSION + "/requests/{request}/refresh"): _WRITE,
    ("POST", "/requests/{request}/approve"): _APPROVE,
    ("POST", "/requests/{request}/reject"): _APPROVE,
    ("POST", "/requests/{request}/cancel"): _WRITE,
    ("POST", "/requests/{request}/refresh"): _WRITE,
    ("POST", "/deployments/{environment}/{name}/pin"): _WRITE,
    ("POST", "/deployments/{environment}/{name}/follow"): _WRITE,
    ("POST", "/deployments/{environment}/{name}/roll"): _WRITE,
}
PAGES: dict[tuple[str, str], Permission] = {
    **{("GET", path): _READ for _, path in _FORMS},
    ("GET", "/"): _READ,
    ("GET", "/models"): _READ,
    ("GET", "/register"): _READ,
    ("GET", "/compare"): _READ,
    ("GET", _VERSION): _READ,
    ("GET", "/requests"): _READ,
    ("GET", "/requests/{request}"): _READ,
    ("GET", "/requests/{request}/pull-request"): _READ,
    ("GET", "/activity"): _READ,
    ("GET", "/deployments"): _READ,
    ("GET", _MODEL): _READ,
    ("GET", "/me"): _READ,
    ("GET", "/sign-in"): _PUBLIC,
    ("POST", "/sign-in"): _PUBLIC,
    ("POST", "/sign-out"): _PUBLIC,
    ("GET", "/events"): _READ,
    ("GET", "/static/{version}/{name}"): _PUBLIC,
    **_FORMS,
}
_ROOT = {
    **PAGES,
    ("GET", "/health"): _PUBLIC,
    ("HEAD", "/health"): _PUBLIC,
    ("GET", "/ready"): _PUBLIC,
    ("GET", "/version"): _PUBLIC,
    ("GET", "/docs"): _PUBLIC,
    ("GET", "/docs/style.css"): _PUBLIC,
    ("GET", "/openapi.json"): _PUBLIC,
    ("GET", "/.well-known/databricks-config"): _PUBLIC,
    ("GET", "/metrics"): _READ,
}
_OWN = {
    ("GET", "/registry"): _READ,
    ("GET", "/models"): _READ,
    ("POST", "/models"): _WRITE,
    ("GET", "/models/{name}"): _READ,
    ("PATCH", "/models/{name}"): _WRITE,
    ("DELETE", "/models/{name}"): _WRITE,
    ("GET", "/models/{name}/versions"): _READ,
    ("POST", "/models/{name}/versions"): _WRITE,
    ("GET", "/models/{name}/versions/{version}"): _READ,
    ("PATCH", "/models/{name}/versions/{version}"): _WRITE,
    ("DELETE", "/models/{name}/versions/{version}"): _WRITE,
    ("POST", "/models/{name}/versions/{version}/stage"): _WRITE,
    ("GET", "/models/{name}/versions/{version}/comments"): _READ,
    ("POST", "/models/{name}/versions/{version}/comments"): _WRITE,
    ("PUT", "/models/{name}/aliases/{alias}"): _WRITE,
    ("DELETE", "/models/{name}/aliases/{alias}"): _WRITE,
    ("GET", "/versions"): _READ,
    ("GET", "/resolve"): _READ,
    ("GET", "/diff"): _READ,
    ("GET", "/activity"): _READ,
    ("GET", "/deployments"): _READ,
    ("GET", "/deployments/{environment}/{name}"): _READ,
    ("GET", "/requests"): _READ,
    ("POST", "/requests"): _WRITE,
    ("GET", "/requests/{request}"): _READ,
    ("GET", "/requests/{request}/diff"): _READ,
    ("POST", "/requests/{request}/approve"): _APPROVE,
    ("POST", "/requests/{request}/reject"): _APPROVE,
    ("POST", "/requests/{request}/cancel"): _WRITE,
    ("POST", "/requests/{request}/refresh"): _WRITE,
    ("POST", "/forge-events"): _PUBLIC,  # the forge signs what it sends
}
_WEBHOOKS = {  # whoever may call them must also manage the models that they are about
    ("POST", "/registry-webhooks/create"): _APPROVE,
    ("PATCH", "/registry-webhooks/update"): _APPROVE,
    ("POST", "/registry-webhooks/test"): _APPROVE,
    ("DELETE", "/registry-webhooks/delete"): _APPROVE,
    ("GET", "/registry-webhooks/list"): _READ,
}
# Each of these is served below all three mount points of MLflow.
_MLFLOW = {
    **_WEBHOOKS,
    ("POST", "/registered-models/create"): _WRITE,
    ("GET", "/registered-models/get"): _READ,
    ("GET", "/registered-models/search"): _READ,
    ("GET", "/registered-models/list"): _READ,
    ("PATCH", "/registered-models/update"): _WRITE,
    ("POST", "/registered-models/rename"): _WRITE,
    ("DELETE", "/registered-models/delete"): _WRITE,
    ("POST", "/registered-models/set-tag"): _WRITE,
    ("DELETE", "/registered-models/delete-tag"): _WRITE,
    ("GET", "/registered-models/get-latest-versions"): _READ,
    ("POST", "/registered-models/get-latest-versions"): _READ,
    ("POST", "/registered-models/alias"): _WRITE,
    ("GET", "/registered-models/alias"): _READ,
    ("DELETE", "/registered-models/alias"): _WRITE,
    ("POST", "/model-versions/create"): _WRITE,
    ("GET", "/model-versions/get"): _READ,
    ("GET", "/model-versions/search"): _READ,
    ("PATCH", "/model-versions/update"): _WRITE,
    ("DELETE", "/model-versions/delete"): _WRITE,
    ("POST", "/model-versions/set-tag"): _WRITE,
    ("DELETE", "/model-versions/delete-tag"): _WRITE,
    ("GET", "/model-versions/get-download-uri"): _READ,
    ("POST", "/model-versions/transition-stage"): _WRITE,
    ("GET", "/model-versions/get-activities"): _READ,
    ("GET", "/databricks/registered-models/get"): _READ,
    ("GET", "/databricks/model-versions/get"): _READ,
    ("POST", "/databricks/model-versions/transition-stage"): _WRITE,
    ("POST", "/transition-requests/create"): _WRITE,
    ("GET", "/transition-requests/list"): _READ,
    ("POST", "/transition-requests/approve"): _APPROVE,
    ("POST", "/transition-requests/reject"): _APPROVE,
    ("DELETE", "/transition-requests/delete"): _WRITE,
    ("PATCH", "/transition-requests/update"): _APPROVE,
    ("POST", "/comments/create"): _WRITE,
    ("PATCH", "/comments/update"): _WRITE,
    ("DELETE", "/comments/delete"): _WRITE,
}
_DATABRICKS = {
    ("GET", "/permissions/registered-models/{id}"): _READ,
    ("GET", "/permissions/registered-models/{id}/permissionLevels"): _READ,
    ("PUT", "/permissions/registered-models/{id}"): _WRITE,
    ("PATCH", "/permissions/registered-models/{id}"): _WRITE,
    ("GET", "/preview/scim/v2/Me"): _READ,
}

TABLE: Mapping[tuple[str, ...], Mapping[tuple[str, str], Permission]] = MappingProxyType(
    {ROOT_MOUNT: _ROOT, OWN_MOUNTS: _OWN, MLFLOW_MOUNTS: _MLFLOW, DATABRICKS_MOUNTS: _DATABRICKS}
)


def needed(mounts: tuple[str, ...], method: str, path: str) -> Permission:
    """What the route at `path` below `mounts` needs. Raises: LookupError: the table does not say it."""
    try:
        return TABLE[mounts][(method, path)]
    except KeyError:
        raise LookupError(f"server/permissions.py does not say what {method} {mounts[0]}{path} needs") from None


def every_route() -> dict[tuple[str, str], Permission]:
    """The whole table with full paths: each route at each of its mount points."""
    return {
        (method, mount + path): permission
        for mounts, routes in TABLE.items()
        for (method, path), permission in routes.items()
        for mount in mounts
    }
