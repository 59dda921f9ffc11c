"""What requests to the own API are made of: fields that several endpoints take, and the base of what they ask."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(description="The model's name.")]
Version = Annotated[str, Field(description="The version's number.", pattern="^[1-9][0-9]{0,8}$")]
Comment = Annotated[str, Field(description="What to say about it; it is kept with the change.", max_length=65_535)]
Description = Annotated[str, Field(description="What it is, in words.", max_length=100_000)]
Tags = Annotated[dict[str, str], Field(description="Tags: key to value.", max_length=1000)]
Mark = Annotated[
    str | None, Field(description="An id of your own: a retry with the same id is done once.", max_length=64)
]
At = Annotated[
    str, Field(description="The registry as it was: a date, a commit, or as a preview a request's id.", max_length=300)
]
Limit = Annotated[int | None, Field(description="How many at most.", ge=1, le=1000)]
Token = Annotated[str, Field(description="From the answer before: what comes after it.", max_length=100)]


class Asked(BaseModel):
    """What an endpoint is asked. A field that it does not know is refused, since it would be a typing error."""

    model_config = ConfigDict(extra="forbid")


class Then(Asked):
    """A question that can be put to the past."""

    at: At = ""
