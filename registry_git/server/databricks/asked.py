"""What Databricks' clients send, and the shapes of the 2019 preview, which wrap the same in `model_version`."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from registry_git.core.names import COMMENT_MAX
from registry_git.server.mlflow.asked import Asked

NAME_MAX = 100  # characters, in Databricks' API


class Version(Asked):
    """A model version."""

    name: str = Field(min_length=1, max_length=NAME_MAX, description="The model's name.")
    version: str = Field(description="The version's number, as text.")

    @model_validator(mode="before")
    @classmethod
    def unwrapped(cls, values: Any) -> Any:
        """The 2019 shape `{"model_version": {"registered_model": {"name": …}, "version": …}}` as today's."""
        if isinstance(values, dict) and isinstance(values.get("model_version"), dict):
            return {**unwrapped(values["model_version"]), **values}
        return values


class Stage(Version):
    """A stage for a version."""

    stage: str = Field(description="The stage, in any case.")
    comment: str | None = Field(None, max_length=COMMENT_MAX, description="What there is to say.")


class Transition(Stage):
    """A stage for a version, and what becomes of those that are there."""

    archive_existing_versions: bool | None = Field(None, description="Whether those that are there are archived.")


class Withdrawal(Stage):
    """A request to withdraw."""

    creator: str = Field(description="The email address of who asked.")


def unwrapped(model_version: dict[str, Any]) -> dict[str, Any]:
    """Name and version out of the 2019 shape of a version."""
    model = model_version.get("registered_model")
    name = model.get("name") if isinstance(model, dict) else None
    return {"name": name, "version": model_version.get("version")}
