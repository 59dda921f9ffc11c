"""The first page: the registered models, searched, sorted, fifty at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from registry_git.core.errors import Invalid
from registry_git.core.names import parse_tag_key
from registry_git.registry.views import ModelPage, ModelView
from registry_git.server.call import Call
from registry_git.server.pages.links import Links
from registry_git.server.pages.page import Asked, Go, Page, Pages

pages = Pages()
ON_A_PAGE = 50
_PAGES_MAX = 1_000_000
_ORDERS = {
    "name": "name",
    "last_activity": "last_activity",
    "created": "creation_timestamp",
    "updated": "last_updated_timestamp",
}
Sort = Literal["", "name", "-name", "last_activity", "-last_activity", "created", "-created", "updated", "-updated"]
_NEWEST_FIRST: Sort = "-last_activity"
_Text = Annotated[str, Field(max_length=400)]


class Searched(Asked):
    """Which models, in which order (`-` before it: the other way round), and which page of them, counted from 1.

    `tag` is a key, or `key=value`; `alias` and `stage` are what one of the model's versions has.
    """

    text: _Text = ""
    stage: _Text = ""
    alias: _Text = ""
    tag: Annotated[str, Field(max_length=2000)] = ""
    sort: Sort = ""
    page: int = Field(default=1, ge=1, le=_PAGES_MAX)

    def asks(self) -> dict[str, str]:
        """What is looked for, as the address says it."""
        said = {"text": self.text.strip(), "stage": self.stage, "alias": self.alias.strip(), "tag": self.tag.strip()}
        return {name: value for name, value in said.items() if value}

    def where(self, **other: object) -> str:
        """The address of this search, with something else in it; what is as ever is left out."""
        said: dict[str, object] = {**self.asks(), "sort": self.sort, "page": self.page, **other}
        if said["page"] == 1:
            del said["page"]
        return Links(self.at).path(**said)


@dataclass(frozen=True, slots=True)
class Column:
    """A column by which the list is sorted, or can be by going to `link`; `aria` is what it says of itself."""

    name: str
    link: str
    aria: str


@pages.show("/", takes=Searched)
def models(call: Call, asked: Searched) -> Page:
    """The models."""
    reading = call.reading
    unclear, found = None, ModelPage(models=(), total=0, commit="")
    try:
        found = reading.model_page(
            text=asked.text.strip(),
            filter=_filter(asked),
            order_by=[_order(asked.sort or _NEWEST_FIRST)],
            limit=ON_A_PAGE,
            offset=(asked.page - 1) * ON_A_PAGE,
        )
    except Invalid as error:  # what was typed so far; the fields stay, to type on
        unclear = error
    first = (asked.page - 1) * ON_A_PAGE + 1
    return Page(
        "models.html",
        {
            "found": found,
            "unclear": unclear,
            "asked": asked,
            "asks": asked.asks(),
            "stages": _stages(call, asked),
            "columns": {key: _column(asked, key, name) for key, name in _COLUMNS.items()},
            "owner": owner,
            "first": first,
            "last": first + len(found.models) - 1,
            "back": asked.where(page=min(asked.page - 1, -(-found.total // ON_A_PAGE))) if asked.page > 1 else "",
            "on": asked.where(page=asked.page + 1) if asked.page * ON_A_PAGE < found.total else "",
        },
        status=400 if unclear else 200,
    )


@pages.show("/models", takes=Searched)
def models_by_another_name(call: Call, asked: Searched) -> Go:
    """The same, for those who expect it there."""
    return Go(asked.where())


_COLUMNS: Mapping[str, str] = {"name": "Model", "last_activity": "Last activity", "created": "Created"}


def owner(model: ModelView) -> str:
    """Who answers for a model: who its tag `owner` names, else who created it."""
    return model.tags.get("owner") or model.created_by


def _column(asked: Searched, key: str, name: str) -> Column:
    """The first click sorts names from A, and times from the newest; the next one turns that round."""
    now = asked.sort or _NEWEST_FIRST
    usual = key if key == "name" else f"-{key}"
    other = key if usual != key else f"-{key}"
    aria = "ascending" if now == key else "descending" if now == f"-{key}" else ""
    return Column(name, asked.where(sort=other if now == usual else usual, page=1), aria)


def _order(sort: str) -> str:
    return f"{_ORDERS[sort.removeprefix('-')]}{' DESC' if sort.startswith('-') else ''}"


def _stages(call: Call, asked: Searched) -> list[str]:
    stages = [str(stage.name) for stage in call.reading.policy().stages]
    return [*stages, asked.stage] if asked.stage and asked.stage not in stages else stages


def _filter(asked: Searched) -> str:
    """What is asked for, in the language of searches. Raises: Invalid: a tag's key that none can have."""
    return " AND ".join(_conditions(asked))


def _conditions(asked: Searched) -> Iterator[str]:
    if asked.stage:
        yield f"stage = {quoted_text(asked.stage)}"
    if asked.alias.strip():
        yield f"alias = {quoted_text(asked.alias.strip())}"
    if asked.tag.strip():
        key, equals, value = asked.tag.partition("=")
        field = f"tags.`{parse_tag_key(key.strip())}`"
        yield f"{field} = {quoted_text(value.strip())}" if equals else f"{field} LIKE '%'"


def quoted_text(text: str) -> str:
    """A text as filters write it."""
    return "'" + text.replace("'", "''") + "'"
