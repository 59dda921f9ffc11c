"""Who may what: permission levels of models, and who the caller is. They follow from roles and rules of the policy."""

from __future__ import annotations

from pydantic import Field

from registry_git.core.errors import Invalid
from registry_git.core.levels import DESCRIPTIONS, Level, roles_of
from registry_git.registry.facade import Registry
from registry_git.server.call import Call
from registry_git.server.endpoints import Endpoints
from registry_git.server.mlflow.answers import Json
from registry_git.server.mlflow.asked import Asked
from registry_git.server.permissions import DATABRICKS_MOUNTS

access = Endpoints(DATABRICKS_MOUNTS, tag="Databricks: permissions")
_ROOT = "/registered-models/"  # what levels are inherited from: the policy holds for the registry as a whole


class ModelId(Asked):
    """A registered model, by the id that databricks/registered-models/get tells."""

    id: str = Field(description="The model's id.")


class Access(Asked):
    """A level for a person or a group."""

    user_name: str | None = Field(None, description="A person's email address.")
    group_name: str | None = Field(None, description="A role of the policy, or `users` for everybody.")
    service_principal_name: str | None = Field(None, description="A machine's email address.")
    permission_level: Level = Field(description="The level.")


class AccessList(ModelId):
    """Levels for people and groups."""

    access_control_list: list[Access] | None = Field(None, description="Who is to have which level.")


@access.add("GET", "/permissions/registered-models/{id}", takes=ModelId)
def get_permissions(call: Call, asked: ModelId) -> Json:
    """The levels that roles, and everybody, have on a model."""
    return _levels_json(call.registry, asked.id)


@access.add("GET", "/permissions/registered-models/{id}/permissionLevels", takes=ModelId)
def get_permission_levels(call: Call, asked: ModelId) -> Json:
    """The levels that there are, and what they let people do."""
    call.registry.model_named(asked.id)
    return {
        "permission_levels": [
            {"permission_level": level.value, "description": text} for level, text in DESCRIPTIONS.items()
        ]
    }


@access.add("PATCH", "/permissions/registered-models/{id}", takes=AccessList)
def update_permissions(call: Call, asked: AccessList) -> Json:
    """Give people levels by putting them into roles of the policy, which judges that; nobody loses one."""
    return _given(call.registry, asked, replacing=False)


@access.add("PUT", "/permissions/registered-models/{id}", takes=AccessList)
def set_permissions(call: Call, asked: AccessList) -> Json:
    """Give people levels with the whole list. Whoever has one and is left out would lose it, and that is refused."""
    return _given(call.registry, asked, replacing=True)


@access.add("GET", "/preview/scim/v2/Me")
def me(call: Call, asked: object) -> Json:
    """Who you are here, and your roles."""
    actor = call.actor
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": actor.email,
        "userName": actor.email,
        "displayName": actor.name,
        "active": True,
        "emails": [{"value": actor.email, "type": "work", "primary": True}],
        "groups": [{"display": role} for role in sorted(roles_of(call.registry.policy(), actor.email))],
    }


def _given(registry: Registry, asked: AccessList, *, replacing: bool) -> Json:
    people: dict[str, Level] = {}
    groups: dict[str, Level] = {}
    for entry in asked.access_control_list or ():
        person = entry.user_name or entry.service_principal_name
        if bool(person) is bool(entry.group_name):
            raise Invalid("An entry names one person or one group.", hint="Give user_name or group_name.")
        if person:
            people[person] = entry.permission_level
        else:
            groups[entry.group_name or ""] = entry.permission_level
    registry.give_levels(registry.model_named(asked.id), people, groups, replacing=replacing)
    return _levels_json(registry, asked.id)


def _levels_json(registry: Registry, id: str) -> Json:
    levels = registry.levels(registry.model_named(id))
    people = [_entry("user_name", email, level) for email, level in levels.people.items()]
    groups = [_entry("group_name", group, level) for group, level in levels.groups.items()]
    return {"object_id": f"{_ROOT}{id}", "object_type": "registered-model", "access_control_list": people + groups}


def _entry(kind: str, name: str, level: Level) -> Json:
    held = {"permission_level": level.value, "inherited": True, "inherited_from_object": [_ROOT]}
    return {kind: name, "all_permissions": [held]}
