"""What MLflow's clients send. All may be missing: MLflow's rules say what must be there, in MLflow's words."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from registry_git.core.errors import Invalid


class Asked(BaseModel):
    """Numbers are taken for texts where texts are wanted: people write `"version": 1`."""

    model_config = ConfigDict(coerce_numbers_to_str=True)


class ByName(Asked):
    """A registered model."""

    name: str | None = Field(None, description="The model's name.")


class ByVersion(ByName):
    """A model version."""

    version: str | None = Field(None, description="The version's number, as text.")


class Tag(Asked):
    """A tag."""

    key: str | None = Field(None, description="The tag's key.")
    value: str | None = Field(None, description="The tag's value.")


class Search(Asked):
    """A search."""

    filter: str | None = Field(None, description="As `name LIKE 'fraud%' AND tags.team = 'risk'`.")
    max_results: int | None = Field(None, description="How many at most on one page.")
    order_by: list[str] | None = Field(None, description="As `name DESC`; may be repeated.")
    page_token: str | None = Field(None, description="The page, from `next_page_token` of the one before.")


def pairs(tags: list[Tag] | None) -> tuple[tuple[str | None, str | None], ...]:
    """Tags as MLflow's rules take them."""
    return tuple((tag.key, tag.value) for tag in tags or ())


def required(value: str | None, parameter: str) -> str:
    """The value of a parameter that has to be there. Raises: Invalid."""
    if not value:
        raise Invalid(f"Missing value for required parameter '{parameter}'.")
    return value
