"""What the forms of a version's page do."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from registry_git.core.errors import NotFound
from registry_git.core.model import NO_STAGE
from registry_git.core.names import COMMENT_MAX, DESCRIPTION_MAX, TAG_KEY_MAX, TAG_VALUE_MAX
from registry_git.server.call import Call
from registry_git.server.pages import deciding
from registry_git.server.pages.deciding import Decided
from registry_git.server.pages.links import quoted
from registry_git.server.pages.page import Form, Go, Pages
from registry_git.server.pages.version import show_version

pages = Pages()
_VERSION = "/models/{name}/versions/{version}"


class OfVersion(Form):
    """A form of a version."""

    name: str
    version: str

    def back(self, said: str) -> Go:
        """To the version's page."""
        return Go(f"/models/{quoted(self.name)}/versions/{quoted(self.version)}", said=said)


class Placed(OfVersion):
    """A move to a stage: `how` is `now` or `ask`, for a request."""

    stage: str = Field(max_length=100)
    how: Literal["now", "ask"]
    comment: str = Field(default="", max_length=COMMENT_MAX)
    archive_existing: bool = False
    add: bool = False
    force: bool = False


class Described(OfVersion):
    """Another description."""

    description: str = Field(default="", max_length=DESCRIPTION_MAX)


class Tagged(OfVersion):
    """A tag and its value."""

    key: str = Field(max_length=TAG_KEY_MAX)
    value: str = Field(default="", max_length=TAG_VALUE_MAX)


class Untagged(OfVersion):
    """A tag that goes."""

    key: str = Field(max_length=TAG_KEY_MAX)


class Said(OfVersion):
    """A comment on the version."""

    text: str = Field(default="", max_length=COMMENT_MAX)


class SaidAnew(Said):
    """Another text for a comment."""

    comment: str = Field(max_length=64)


class Unsaid(OfVersion):
    """A comment that goes."""

    comment: str = Field(max_length=64)


class Deleted(OfVersion):
    """The end of a version: `how` is `now` or `ask`, for a request."""

    how: Literal["now", "ask"]
    comment: str = Field(default="", max_length=COMMENT_MAX)
    leaving: bool = False
    force: bool = False


class DecidedHere(OfVersion, Decided):
    """What somebody says about a request on the version's page."""


@pages.form(_VERSION + "/stage", takes=Placed, page=show_version)
def move(call: Call, asked: Placed) -> Go:
    """Moves the version, or asks for it."""
    registry = call.registry
    if asked.how == "ask":
        view = registry.request_stage(
            asked.name,
            asked.version,
            asked.stage,
            add=asked.add,
            archive_existing=asked.archive_existing,
            comment=asked.comment,
            force=asked.force,
        )
        return asked.back(deciding.made(view))
    moved = registry.transition(
        asked.name,
        asked.version,
        asked.stage,
        add=asked.add,
        archive_existing=asked.archive_existing,
        comment=asked.comment,
        force=asked.force,
    )
    where = "in no stage" if asked.stage.casefold() == NO_STAGE.casefold() else f"in {' and '.join(moved.stages)}"
    rolled = ", ".join(map(str, moved.rolled))
    return asked.back(f"{moved.model} v{moved.version} is {where} now." + (f" Rolled: {rolled}." if rolled else ""))


@pages.form(_VERSION + "/description", takes=Described, page=show_version)
def describe(call: Call, asked: Described) -> Go:
    """Changes the description."""
    call.registry.describe(asked.name, asked.description, version=asked.version)
    return asked.back("The description is changed.")


@pages.form(_VERSION + "/tags", takes=Tagged, page=show_version)
def tag(call: Call, asked: Tagged) -> Go:
    """Sets a tag."""
    call.registry.set_tag(asked.name, asked.key, asked.value, version=asked.version)
    return asked.back(f"The tag {asked.key} is set.")


@pages.form(_VERSION + "/tags/delete", takes=Untagged, page=show_version)
def untag(call: Call, asked: Untagged) -> Go:
    """Removes a tag."""
    call.registry.delete_tag(asked.name, asked.key, version=asked.version)
    return asked.back(f"The tag {asked.key} is removed.")


@pages.form(_VERSION + "/comments", takes=Said, page=show_version)
def comment(call: Call, asked: Said) -> Go:
    """Adds a comment."""
    call.registry.add_comment(asked.name, asked.version, asked.text)
    return asked.back("Your comment is added.")


@pages.form(_VERSION + "/comments/{comment}", takes=SaidAnew, page=show_version)
def change_comment(call: Call, asked: SaidAnew) -> Go:
    """Changes one's own comment."""
    call.registry.edit_comment(asked.name, asked.version, asked.comment, asked.text)
    return asked.back("Your comment is changed.")


@pages.form(_VERSION + "/comments/{comment}/delete", takes=Unsaid, page=show_version)
def delete_comment(call: Call, asked: Unsaid) -> Go:
    """Deletes one's own comment."""
    call.registry.delete_comment(asked.name, asked.version, asked.comment)
    return asked.back("Your comment is deleted; the history keeps it.")


@pages.form(_VERSION + "/delete", takes=Deleted, page=show_version)
def delete(call: Call, asked: Deleted) -> Go:
    """Deletes the version, or asks for it."""
    registry = call.registry
    if asked.how == "ask":
        view = registry.request_delete(asked.name, asked.version, comment=asked.comment, force=asked.force)
        return asked.back(deciding.made(view))
    registry.delete(asked.name, version=asked.version, leaving=asked.leaving, comment=asked.comment, force=asked.force)
    said = f"v{asked.version} of {asked.name} is deleted; its number is never given again, and the history keeps it."
    return Go(f"/models/{quoted(asked.name)}", said=said)


@pages.form(_VERSION + "/requests/{request}/approve", takes=DecidedHere, page=show_version)
def approve(call: Call, asked: DecidedHere) -> Go:
    """Approves a request."""
    said = deciding.decide(call, "approve", asked)
    try:
        call.registry.version(asked.name, asked.version)
    except NotFound:
        return Go(f"/models/{quoted(asked.name)}", said=said)  # it was asked to be deleted
    return asked.back(said)


@pages.form(_VERSION + "/requests/{request}/reject", takes=DecidedHere, page=show_version)
def reject(call: Call, asked: DecidedHere) -> Go:
    """Rejects a request."""
    return asked.back(deciding.decide(call, "reject", asked))


@pages.form(_VERSION + "/requests/{request}/cancel", takes=DecidedHere, page=show_version)
def cancel(call: Call, asked: DecidedHere) -> Go:
    """Takes a request back."""
    return asked.back(deciding.decide(call, "cancel", asked))


@pages.form(_VERSION + "/requests/{request}/refresh", takes=DecidedHere, page=show_version)
def refresh(call: Call, asked: DecidedHere) -> Go:
    """Decides a stale request again."""
    return asked.back(deciding.decide(call, "refresh", asked))
