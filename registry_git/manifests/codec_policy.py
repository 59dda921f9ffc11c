"""The policy, `registry.yaml`: value to members of a manifest and back, with all that no schema can say.

A rule that could never be met, or would never be asked, is refused when it is read, not when somebody relies on it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from registry_git.core.frozen import Frozen
from registry_git.core.model import NO_STAGE
from registry_git.core.names import AliasName, StageName, parse_name, parse_tag_key
from registry_git.core.rules import Action, ForgeKind, ForgeSettings, Policy, Rule, Stage
from registry_git.manifests.fields import Fields, sorted_by_key, without_empty

_UNASKED = (Action.REGISTER, Action.EDIT)  # no request can ask for these
_OWNED = (ForgeKind.GITHUB, ForgeKind.GITLAB, ForgeKind.GITEA)  # a repository there belongs to somebody
_NESTED = (ForgeKind.GITLAB, ForgeKind.PAGURE)  # groups in groups; forks


def policy_members(policy: Policy) -> dict[str, Any]:
    """What the manifest of `policy` says, in the order in which it is written."""
    return {
        "name": policy.name,
        "layout": policy.layout,
        "stages": [_stage_members(stage) for stage in policy.stages],
        **without_empty(
            {
                "roles": {role: list(emails) for role, emails in policy.roles.items()},
                "rules": [_rule_members(rule) for rule in policy.rules],
                "keys": {email: list(keys) for email, keys in policy.keys.items()},
                "forge": _forge_members(policy.forge) if policy.forge else {},
            }
        ),
        **({} if policy.observations else {"observations": False}),
        **without_empty({"annotations": sorted_by_key(policy.annotations)}),
    }


def read_policy(fields: Fields) -> Policy:
    """The policy that validated members describe. Raises: Misplaced."""
    spelled = _stage_names(fields)
    roles = fields.value.get("roles", {})
    return Policy(
        name=fields.parse("name", lambda text: parse_name("registry name", text)),
        layout=fields.text("layout", "flat"),
        stages=tuple(_read_stage(stage, spelled) for stage in fields.items("stages")),
        roles=Frozen({role: tuple(dict.fromkeys(email.lower() for email in emails)) for role, emails in roles.items()}),
        rules=tuple(_read_rule(rule, spelled, roles) for rule in fields.items("rules")),
        keys=_read_keys(fields.mapping("keys")),
        forge=_read_forge(fields.mapping("forge")) if "forge" in fields.value else None,
        observations=fields.flag("observations", True),
        annotations=fields.annotations(),
    )


def _stage_names(fields: Fields) -> dict[str, StageName]:
    """The stages by their case-folded names."""
    spelled: dict[str, StageName] = {}
    for stage in fields.items("stages"):
        name = stage.parse("name", StageName.parse)
        twin = spelled.setdefault(name.casefold(), name)
        if twin is not name:
            raise stage.refuse(
                "name", f"The stages {twin!r} and {name!r} are the same: case does not count.", "Rename one of them."
            )
    return spelled


def _stage_members(stage: Stage) -> dict[str, Any]:
    return {
        "name": stage.name,
        **({"exclusive": True} if stage.exclusive else {}),
        **({} if stage.serving else {"serving": False}),
        **({"after": list(stage.after)} if stage.after else {}),
    }


def _read_stage(fields: Fields, spelled: Mapping[str, StageName]) -> Stage:
    name = fields.parse("name", StageName.parse)
    after = _known_stages(fields, "after", spelled)
    if name in after:
        raise fields.refuse("after", f"{name} cannot come after itself.", "Name another stage.")
    return Stage(
        name=name,
        exclusive=fields.flag("exclusive"),
        serving=fields.flag("serving", True),
        after=tuple(StageName(each) for each in after),
    )


def _known_stages(fields: Fields, key: str, spelled: Mapping[str, StageName], *extra: str) -> tuple[str, ...]:
    """The stages in a list, as the policy spells them."""
    found = []
    for name in fields.value.get(key, ()):
        if name in extra:
            found.append(name)
        elif (stage := spelled.get(name.casefold())) is not None:
            found.append(stage)
        else:
            raise fields.refuse(
                key, f"{name!r} is no stage of this registry.", f"Stages: {', '.join(spelled.values())}."
            )
    return tuple(found)


def _rule_members(rule: Rule) -> dict[str, Any]:
    require = without_empty(
        {"tags": list(rule.tags), "min": sorted_by_key(rule.minimum), "max": sorted_by_key(rule.maximum)}
    )
    return {
        "on": rule.on.value,
        **({"to": list(rule.to)} if rule.to else {}),
        "models": list(rule.models),
        **({"approvals": rule.approvals} if rule.approvals else {}),
        **without_empty(
            {
                "by": list(rule.by),
                "four_eyes": rule.four_eyes,
                "signed": rule.signed,
                "require": require,
            }
        ),
    }


def _read_rule(fields: Fields, spelled: Mapping[str, StageName], roles: Mapping[str, object]) -> Rule:
    on = Action(fields.value["on"])
    approvals: int = fields.value.get("approvals", 0)
    by = tuple(fields.value.get("by", ()))
    for role in by:
        if role not in roles:
            known = ", ".join(roles) or "none"
            raise fields.refuse("by", f"{role!r} is no role of this registry.", f"Roles: {known}.")
    if approvals and on in _UNASKED:
        raise fields.refuse(
            "approvals",
            f"A rule on {on.value!r} cannot ask for approvals: no request asks for that change.",
            "Say with `by` who may do it, and leave `approvals` out.",
        )
    for key in ("four_eyes", "signed"):
        if fields.flag(key) and not approvals:
            raise fields.refuse(key, f"`{key}` is about approvals, and this rule asks for none.", "Add `approvals: 1`.")
    require = fields.mapping("require")
    return Rule(
        on=on,
        to=_read_targets(fields, on, spelled),
        models=tuple(fields.value.get("models", ("*",))),
        approvals=approvals,
        by=by,
        four_eyes=fields.flag("four_eyes"),
        signed=fields.flag("signed"),
        tags=require.each("tags", parse_tag_key),
        minimum=_read_bounds(require, "min"),
        maximum=_read_bounds(require, "max"),
    )


def _read_targets(fields: Fields, on: Action, spelled: Mapping[str, StageName]) -> tuple[str, ...]:
    if on is Action.STAGE:
        return _known_stages(fields, "to", spelled, NO_STAGE)
    if on is Action.ALIAS:
        return fields.each("to", AliasName.parse)
    if on is Action.DEPLOYMENT:
        return fields.each("to", lambda text: parse_name("environment", text))
    if fields.value.get("to"):
        raise fields.refuse("to", f"A rule on {on.value!r} has no target.", "Leave `to` out.")
    return ()


def _read_bounds(require: Fields, key: str) -> dict[str, float]:
    bounds = require.tags(key)
    for name, bound in bounds.items():
        if not math.isfinite(float(bound)):
            raise require.refuse(key, f"The bound of {name!r} is not a finite number.")
    return Frozen({name: float(bound) for name, bound in bounds.items()})


def _read_keys(fields: Fields) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for email, keys in fields.value.items():
        if email.lower() in found:
            raise fields.refuse(email, f"The keys of {email.lower()} are there twice: case does not count.")
        found[email.lower()] = tuple(keys)
    return Frozen(found)


def _forge_members(forge: ForgeSettings) -> dict[str, Any]:
    return {
        "kind": forge.kind.value,
        "url": forge.url,
        "repository": forge.repository,
        **without_empty({"people": sorted_by_key(forge.people)}),
    }


def _read_forge(fields: Fields) -> ForgeSettings:
    kind = ForgeKind(fields.value["kind"])
    repository = fields.text("repository")
    parts = repository.count("/") + 1
    if (parts < 2 and kind in _OWNED) or (parts > 2 and kind not in _NESTED):
        raise fields.refuse("repository", f"{repository!r} is no repository on {kind.value}.", "Write owner/name.")
    people: dict[str, str] = {}
    for login, email in fields.mapping("people").value.items():
        if login.lower() in people:
            raise fields.mapping("people").refuse(login, f"{login.lower()} is there twice: case does not count.")
        people[login.lower()] = email.lower()
    return ForgeSettings(kind=kind, url=fields.text("url").rstrip("/"), repository=repository, people=people)
