"""Comments on versions. They are addressed by their id alone."""

from __future__ import annotations

from pydantic import Field

from registry_git.core.names import COMMENT_MAX
from registry_git.server.call import Call
from registry_git.server.databricks.answers import comment_json
from registry_git.server.databricks.asked import Version
from registry_git.server.endpoints import Endpoints
from registry_git.server.mlflow.answers import Json
from registry_git.server.mlflow.asked import Asked
from registry_git.server.permissions import MLFLOW_MOUNTS

comments = Endpoints(MLFLOW_MOUNTS, tag="Databricks: comments")


class NewComment(Version):
    """A comment on a version."""

    comment: str = Field(min_length=1, max_length=COMMENT_MAX, description="What there is to say.")


class ById(Asked):
    """A comment."""

    id: str = Field(description="The comment's id.")


class NewText(ById):
    """Another text for a comment."""

    comment: str = Field(min_length=1, max_length=COMMENT_MAX, description="What it is to say.")


@comments.add("POST", "/comments/create", takes=NewComment)
def create_comment(call: Call, asked: NewComment) -> Json:
    """Comment on a version."""
    made = call.registry.add_comment(asked.name, asked.version, asked.comment)
    return {"comment": comment_json(made, call.caller)}


@comments.add("PATCH", "/comments/update", takes=NewText)
def update_comment(call: Call, asked: NewText) -> Json:
    """Change the text of one's own comment."""
    registry = call.registry
    known = registry.comment(asked.id)
    changed = registry.edit_comment(known.model, known.version, known.id, asked.comment)
    return {"comment": comment_json(changed, call.caller)}


@comments.add("DELETE", "/comments/delete", takes=ById)
def delete_comment(call: Call, asked: ById) -> Json:
    """Remove one's own comment; the history keeps it."""
    registry = call.registry
    known = registry.comment(asked.id)
    registry.delete_comment(known.model, known.version, known.id)
    return {}
