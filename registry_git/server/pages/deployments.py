"""Deployments: what is declared to use what, what was seen to, and the forms to pin one or make it follow again."""

from __future__ import annotations

from pydantic import Field

from registry_git.core.decision import Decision
from registry_git.core.deployed import REQUEST
from registry_git.core.errors import Invalid, NotFound
from registry_git.core.names import COMMENT_MAX
from registry_git.registry.deploying import DeploymentSpec
from registry_git.registry.running import RunningView
from registry_git.registry.telling import asked as asks_to
from registry_git.registry.telling import who_may
from registry_git.registry.views import DeploymentView, RequestView
from registry_git.server.call import Call
from registry_git.server.pages.links import quoted
from registry_git.server.pages.page import Asked, Form, Go, Page, Pages
from registry_git.server.pages.running import by_environment, strangers
from registry_git.server.permissions import Permission

pages = Pages()
_ON_A_PAGE = 100


class Wanted(Asked):
    """Which deployments."""

    environment: str = Field(default="", max_length=300)
    model: str = Field(default="", max_length=300)
    page: int = Field(default=1, ge=1, le=100_000)


@pages.show("/deployments", takes=Wanted)
def show_deployments(call: Call, asked: Wanted) -> Page:
    """The deployments by environment. What was seen is known of the present alone."""
    environment, model = asked.environment.strip() or None, asked.model.strip() or None
    reading = call.reading
    seen: list[RunningView] = []
    missing = ""
    try:
        views = reading.deployments(environment=environment, model=model)
        if not asked.at:
            seen = call.registry.running(environment=environment, model=model)
    except NotFound as problem:
        views, missing = [], problem.message
    snapshot = reading.snapshot()
    start = (asked.page - 1) * _ON_A_PAGE
    shown = views[start : start + _ON_A_PAGE]
    return Page(
        "deployments.html",
        {
            "environment": environment or "",
            "model": model or "",
            "environments": sorted({key.environment for key in snapshot.deployments()}),
            "missing": missing,
            "total": len(views),
            "number": asked.page,
            "pages": max(1, -(-len(views) // _ON_A_PAGE)),
            "sections": by_environment(shown, seen),
            "strangers": strangers(seen) if asked.page == 1 else [],
            "how": {} if asked.at else _how(call, shown),
            "followable": _followable(call, shown),
        },
    )


def _how(call: Call, views: list[DeploymentView]) -> dict[tuple[str, str], Decision]:
    """What the policy says of changes of deployments, by environment and model; empty for a token that only reads."""
    if call.identity is None or Permission.WRITE not in call.identity.scopes:
        return {}
    pairs = {(view.environment, view.model) for view in views}
    return {pair: call.registry.foresee_deployment(*pair) for pair in pairs}


def _followable(call: Call, views: list[DeploymentView]) -> dict[str, list[str]]:
    """What a deployment of each model can follow: `stage Production`, `alias champion`."""
    snapshot = call.reading.snapshot()
    stages = [f"stage {stage.name}" for stage in snapshot.policy().stages if stage.serving]
    models = {view.manifest.model for view in views}
    return {name: [*stages, *(f"alias {alias}" for alias in snapshot.aliases(name))] for name in models}


class Changed(Form):
    """A change of a deployment. `ask`: it is asked for, and others approve it."""

    environment: str
    name: str
    ask: bool = False
    comment: str = Field(default="", max_length=COMMENT_MAX)


class Pinned(Changed):
    """To which version; empty: the one that it uses."""

    version: str = Field(default="", max_length=20)


class Followed(Changed):
    """What it is to follow (`stage Production`), and how."""

    what: str = Field(max_length=300)
    follow: str = Field(default="", max_length=20)


@pages.form("/deployments/{environment}/{name}/pin", takes=Pinned, page=show_deployments)
def pin(call: Call, asked: Pinned) -> Go:
    """Fixes it to a version."""
    version = asked.version.strip().removeprefix("v") or None
    if asked.ask:
        spec = DeploymentSpec(version=version)
        made = call.registry.request_deployment(asked.environment, asked.name, "pin", spec, comment=asked.comment)
        return _asked(made)
    return _changed(call.registry.pin_deployment(asked.environment, asked.name, version, comment=asked.comment))


@pages.form("/deployments/{environment}/{name}/follow", takes=Followed, page=show_deployments)
def follow(call: Call, asked: Followed) -> Go:
    """Makes it follow a stage or an alias."""
    kind, _, name = asked.what.partition(" ")
    if kind not in ("stage", "alias") or not name:
        raise Invalid(f"{asked.what!r} cannot be followed.", hint="Choose a stage or an alias.")
    stage, alias = (name, "") if kind == "stage" else ("", name)
    if asked.ask:
        spec = DeploymentSpec(stage=stage, alias=alias, follow=asked.follow)
        made = call.registry.request_deployment(asked.environment, asked.name, "follow", spec, comment=asked.comment)
        return _asked(made)
    return _changed(
        call.registry.follow_deployment(
            asked.environment, asked.name, stage=stage, alias=alias, follow=asked.follow, comment=asked.comment
        )
    )


@pages.form("/deployments/{environment}/{name}/roll", takes=Changed, page=show_deployments)
def roll(call: Call, asked: Changed) -> Go:
    """Brings one that follows on request to what it follows."""
    if asked.ask:
        made = call.registry.request_deployment(asked.environment, asked.name, "roll", comment=asked.comment)
        return _asked(made)
    return _changed(call.registry.roll_deployment(asked.environment, asked.name, comment=asked.comment))


def _asked(made: RequestView) -> Go:
    return Go(f"/requests/{quoted(made.request)}", said=f"It asks to {asks_to(made)}. {who_may(made)}")


def _changed(view: DeploymentView) -> Go:
    uses = f"uses v{view.version}" if view.version else "uses nothing yet"
    by = " on request" if view.follow == REQUEST else ""
    does = f"is pinned to {view.reference}" if view.follow == "pinned" else f"follows {view.reference}{by}"
    return Go(
        f"/deployments?environment={quoted(view.environment)}#{quoted(view.name)}",
        said=f"{view.environment}/{view.name} {does} and {uses}.",
    )
