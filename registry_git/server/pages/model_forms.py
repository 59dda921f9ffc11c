"""What the forms of a model's page do."""

from __future__ import annotations

from functools import partial
from typing import Literal

from pydantic import Field

from registry_git.core.errors import Invalid
from registry_git.core.names import COMMENT_MAX, DESCRIPTION_MAX, TAG_VALUE_MAX
from registry_git.registry import telling
from registry_git.registry.views import RequestView
from registry_git.server.call import Call
from registry_git.server.pages.links import quoted
from registry_git.server.pages.model import show_model
from registry_git.server.pages.offers import ASK, chosen
from registry_git.server.pages.page import Form, Go, Pages

pages = Pages()
_MODEL = "/models/{name}"
_LINE = 1000  # characters; names, keys and aliases are shorter, and say so themselves


class OfModel(Form):
    """A form of a model."""

    name: str

    def back(self, said: str, part: str = "") -> Go:
        """To the model's page."""
        return Go(f"/models/{quoted(self.name)}{part}", said=said)


class Described(OfModel):
    """Another description."""

    description: str = Field(default="", max_length=DESCRIPTION_MAX)


class Tagged(OfModel):
    """A tag and its value."""

    key: str = Field(max_length=_LINE)
    value: str = Field(default="", max_length=TAG_VALUE_MAX)


class Untagged(OfModel):
    """A tag that goes."""

    key: str = Field(max_length=_LINE)


class Explained(OfModel):
    """What the policy may want approvals for. `how`: `now`, `ask` for a request, or empty for what leads on."""

    how: Literal["", "now", "ask"] = ""
    comment: str = Field(default="", max_length=COMMENT_MAX)


class Aliased(Explained):
    """Which version an alias is to name: `12` or `v12`."""

    alias: str = Field(max_length=_LINE)
    version: str = Field(max_length=_LINE)


class Unaliased(Explained):
    """An alias that goes."""

    alias: str = Field(max_length=_LINE)


class Renamed(Explained):
    """Another name."""

    new_name: str = Field(max_length=_LINE)


class Deleted(Explained):
    """The end of a model. `confirmed` is its name, typed once more."""

    confirmed: str = Field(default="", max_length=_LINE)


@pages.form(_MODEL + "/description", takes=Described, page=show_model)
def describe(call: Call, asked: Described) -> Go:
    """Changes the description."""
    call.registry.describe(asked.name, asked.description.strip())
    return asked.back("The description is changed.")


@pages.form(_MODEL + "/tags", takes=Tagged, page=show_model)
def set_tag(call: Call, asked: Tagged) -> Go:
    """Sets a tag."""
    key = asked.key.strip()
    call.registry.set_tag(asked.name, key, asked.value)
    return asked.back(f"The tag {key} is set.", "#tags")


@pages.form(_MODEL + "/tags/remove", takes=Untagged, page=show_model)
def remove_tag(call: Call, asked: Untagged) -> Go:
    """Removes a tag."""
    call.registry.delete_tag(asked.name, asked.key)
    return asked.back(f"The tag {asked.key} is removed.", "#tags")


@pages.form(_MODEL + "/aliases", takes=Aliased, page=show_model)
def set_alias(call: Call, asked: Aliased) -> Go:
    """Points an alias to a version, or asks for it."""
    registry = call.registry
    alias, version = asked.alias.strip().removeprefix("@"), asked.version.strip().lstrip("vV")
    how = chosen(asked.how, partial(registry.foresee_alias, asked.name, alias, version))
    if how == ASK:
        return _asked(registry.request_alias(asked.name, alias, version, comment=asked.comment))
    view = registry.set_alias(asked.name, alias, version, comment=asked.comment)
    rolled = f" Rolled: {', '.join(map(str, view.rolled))}." if view.rolled else ""
    return asked.back(f"The alias {alias} names v{version} now.{rolled}", "#aliases")


@pages.form(_MODEL + "/aliases/remove", takes=Unaliased, page=show_model)
def remove_alias(call: Call, asked: Unaliased) -> Go:
    """Removes an alias, or asks for it."""
    registry = call.registry
    how = chosen(asked.how, partial(registry.foresee_alias, asked.name, asked.alias, None))
    if how == ASK:
        return _asked(registry.request_alias(asked.name, asked.alias, None, comment=asked.comment))
    registry.delete_alias(asked.name, asked.alias, comment=asked.comment)
    return asked.back(f"The alias {asked.alias} is removed.", "#aliases")


@pages.form(_MODEL + "/rename", takes=Renamed, page=show_model)
def rename(call: Call, asked: Renamed) -> Go:
    """Gives the model another name, or asks for it."""
    registry, new = call.registry, asked.new_name.strip()
    how = chosen(asked.how, partial(registry.foresee_rename, asked.name, new))
    if how == ASK:
        return _asked(registry.request_rename(asked.name, new, comment=asked.comment))
    registry.rename(asked.name, new, comment=asked.comment)
    return Go(f"/models/{quoted(new)}", said=f"{asked.name} is called {new} now.")


@pages.form(_MODEL + "/delete", takes=Deleted, page=show_model)
def delete(call: Call, asked: Deleted) -> Go:
    """Deletes the model, or asks for it."""
    registry = call.registry
    if asked.confirmed.strip() != asked.name:
        raise Invalid("The name that you typed is not the model's.", hint=f"Type {asked.name} to delete it.")
    how = chosen(asked.how, partial(registry.foresee_delete, asked.name))
    if how == ASK:
        return _asked(registry.request_delete(asked.name, None, comment=asked.comment))
    registry.delete(asked.name, comment=asked.comment)
    return Go("/", said=f"{asked.name} is deleted; the history keeps it.")


def _asked(view: RequestView) -> Go:
    """To the request, with a sentence about it."""
    said = f"The policy wants approvals for this, so request {view.id} asks to {telling.asked(view)}."
    return Go(f"/requests/{quoted(view.id)}", said=said)
