"""What a pull request says about a request: what changes, how the versions compare, why, and who may approve."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from registry_git.core.activity import asked_of_deployment
from registry_git.core.model import NO_STAGE, Action
from registry_git.forges.base import NewPullRequest
from registry_git.forges.markdown import code, fenced, link, plain, quoted, table
from registry_git.registry.reading import Reading
from registry_git.registry.views import RequestView, RollView, VersionView

_TITLE_MAX = 200
_LABEL_MAX = 50
_ROWS_MAX = 60
_LABEL = "model registry"


def describe(registry: Reading, id: str) -> NewPullRequest:
    """The pull request for an open request.

    Args:
        registry: where the request is; its `main` says what it is compared with.
        id: the request's.

    Raises:
        NotFound: no such request, or the version that it is about is gone.
    """
    view = registry.request(id)
    asked = registry.version(view.model, view.version) if view.model and view.version else None
    now = _now(registry, view)
    parts = [_what(view, now)]
    if view.action == Action.POLICY.value:
        parts.append(fenced(registry.request_diff(id), "diff"))
    if asked is not None and view.action in (Action.STAGE.value, Action.ALIAS.value, Action.DEPLOYMENT.value):
        parts += _comparison(asked, now, view)
    if view.deployments or view.action in (Action.STAGE.value, Action.ALIAS.value):
        parts += _follow(view.deployments)
    if view.record.force:
        parts.append("**Forced:** a deployment is in the way, and this is to be done nevertheless.")
    if asked is not None:
        parts += _lineage(asked)
    if view.comment:
        parts += ["### Comment", quoted(view.comment)]
    parts += [_approval(view), _closing(registry, view)]
    return NewPullRequest(
        title=_title(view),
        body="\n\n".join(parts) + "\n",
        branch=view.branch,
        labels=_labels(view),
        reviewers=tuple(email for email in view.decision.may_approve if email != view.record.requester.email),
    )


def _now(registry: Reading, view: RequestView) -> VersionView | None:
    """The version that the request would take the place of."""
    if not view.model:
        return None
    model = registry.model(view.model)
    held: tuple[int, ...] = ()
    if view.action == Action.STAGE.value:
        held = model.stages.get(view.to_stage, ())
    elif view.action == Action.DEPLOYMENT.value:
        held = tuple(roll.before for roll in view.deployments if roll.before is not None)
    elif view.record.alias is not None and view.record.alias in model.aliases:
        held = (model.aliases[view.record.alias],)
    others = [number for number in held if number != view.version]
    return registry.version(view.model, max(others)) if others else None


def _title(view: RequestView) -> str:
    # A verb stands first: "Draft:" and "WIP:" in a name must not make it a draft.
    if view.action == Action.STAGE.value:
        target = f"to {view.to_stage}" if view.to_stage != NO_STAGE else "out of its stages"
        title = f"Move {view.model} v{view.version} {target}"
    elif view.action == Action.ALIAS.value:
        alias = f"{view.model}@{view.record.alias}"
        title = f"Point {alias} to v{view.version}" if view.version else f"Remove {alias}"
    elif view.action == Action.DELETE.value:
        title = f"Delete {view.model}{f' v{view.version}' if view.version else ''}"
    elif view.action == Action.RENAME.value:
        title = f"Rename {view.model} to {view.record.new_name}"
    elif view.action == Action.DEPLOYMENT.value:
        asked = asked_of_deployment(view.record)
        title = f"{asked[0].upper()}{asked[1:]}"
    else:
        title = "Change the policy"
    return title if len(title) <= _TITLE_MAX else f"{title[: _TITLE_MAX - 1]}…"


def _what(view: RequestView, now: VersionView | None) -> str:
    subject = plain(view.model) if view.model else "the registry"
    version = f"v{view.version}" if view.version else ""
    if view.action == Action.STAGE.value:
        place = (plain(view.from_stage), plain(view.to_stage), f"v{now.version}" if now else "")
        return table(("model", "version", "from", "to", "in its place now"), [(subject, version, *place)])
    if view.action == Action.ALIAS.value:
        change = (f"v{now.version}" if now else "", version or "removed")
        return table(("model", "alias", "from", "to"), [(subject, plain(view.record.alias or ""), *change)])
    if view.action == Action.DELETE.value:
        return table(("model", "deleted"), [(subject, version or "the whole model")])
    if view.action == Action.RENAME.value:
        return table(("model", "new name"), [(subject, plain(view.record.new_name or ""))])
    files = [(code(path), kind) for path, kind in list(view.changes.items())[:_ROWS_MAX]]
    return table(("file", "change"), files)


def _comparison(asked: VersionView, now: VersionView | None, view: RequestView) -> list[str]:
    """Both versions side by side: tags first, metrics among them with their difference."""
    before = dict(now.tags) if now else {}
    rows = []
    for key in sorted({*before, *asked.tags})[:_ROWS_MAX]:
        old, new = before.get(key, ""), asked.tags.get(key, "")
        rows.append((plain(key), code(old, at_most=100), code(new, at_most=100), _difference(old, new)))
    for name in ("source", "format", "digest", "created_by"):
        old, new = (str(getattr(now, name)) if now else ""), str(getattr(asked, name))
        if old or new:
            rows.append((name.replace("_", " "), code(old), code(new), ""))
    if now is None:
        where = view.to_stage or view.record.deployment or f"@{view.record.alias}"
        heading = f"### v{asked.version} (nothing is in {plain(where)} now)"
        return [heading, table(("", f"v{asked.version}"), [(name, new) for name, _, new, _ in rows])]
    heading = f"### v{asked.version} compared with v{now.version}"
    return [heading, table(("", f"v{now.version} (now)", f"v{asked.version}", "difference"), rows)]


def _difference(old: str, new: str) -> str:
    try:
        left, right = float(old), float(new)
    except ValueError:
        return "" if old == new else "changed"
    if not (isfinite(left) and isfinite(right)) or left == right:
        return ""
    return f"{right - left:+.6g}"


def _follow(rolls: Sequence[RollView]) -> list[str]:
    heading = "### Deployments that would follow"
    rows = [
        (
            code(f"{roll.environment}/{roll.name}"),
            f"v{roll.before}" if roll.before else "",
            f"v{roll.after}",
            "by a request of its own" if roll.asked else "with this merge",
        )
        for roll in rolls[:_ROWS_MAX]
    ]
    if not rows:
        return [heading, "None that this registry knows of."]
    more = [f"and {len(rolls) - _ROWS_MAX} more"] if len(rolls) > _ROWS_MAX else []
    return [heading, table(("deployment", "from", "to", ""), rows), *more]


def _lineage(asked: VersionView) -> list[str]:
    lineage = asked.manifest.lineage
    rows = [
        ("experiment", plain(lineage.experiment_name or lineage.experiment_id)),
        ("run", link(lineage.run_name or lineage.run_id or "run", lineage.run_link) if lineage.run_link else ""),
        ("run id", code(lineage.run_id)),
        ("code", code(lineage.git_commit)),
        *(("data", f"{plain(data.name)} {code(data.digest)}".strip()) for data in lineage.datasets[:_ROWS_MAX]),
    ]
    known = [row for row in rows if row[1]]
    return ["### Lineage", table(("", f"v{asked.version}"), known)] if known else []


def _approval(view: RequestView) -> str:
    decision = view.decision
    rows = [("requested by", plain(view.requester))]
    if decision.needed:
        rows.append(("approvals", f"{decision.given} of {decision.needed}"))
        who = "anybody" if decision.anyone else ", ".join(plain(email) for email in decision.may_approve[:_ROWS_MAX])
        rows.append(("may approve", who or "nobody"))
    rows += [("not met", plain(f"{unmet.rule}: {unmet.why}")) for unmet in decision.unmet if not unmet.by_approval]
    if view.stale:
        rows.append(("stale", plain(view.stale)))
    return "### Approval\n\n" + table(("", ""), rows)


def _closing(registry: Reading, view: RequestView) -> str:
    return (
        f"Request {code(view.request)} of the registry {plain(registry.policy().name)}. "
        "Merging approves it, closing rejects it; either is written into its record."
    )


def _labels(view: RequestView) -> tuple[str, ...]:
    what = {
        Action.STAGE.value: f"stage: {view.to_stage}",
        Action.ALIAS.value: f"alias: {view.record.alias}",
    }.get(view.action, view.action)
    return (_LABEL, what[:_LABEL_MAX])
