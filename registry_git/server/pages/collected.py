"""Every page and every form that is served."""

from __future__ import annotations

from registry_git.server.pages import (
    activity,
    compare,
    deployments,
    model,
    model_forms,
    models,
    pull_request,
    register,
    requests,
    sign_in,
    version,
    version_forms,
)

COLLECTIONS = (
    models.pages,
    model.pages,
    model_forms.pages,
    register.pages,
    version.pages,
    version_forms.pages,
    compare.pages,
    requests.pages,
    pull_request.pages,
    activity.pages,
    deployments.pages,
    sign_in.pages,
)
