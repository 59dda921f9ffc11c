"""`models:/NAME/…` URIs and the short references of the command line: NAME/3, NAME/Production, NAME@champion."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from registry_git.core.errors import Invalid
from registry_git.core.names import AliasName, ModelName, parse_version

LATEST = "latest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A model and, at most one of, a version, an alias, a stage (as written) or `latest`."""

    model: ModelName
    version: int | None = None
    alias: AliasName | None = None
    stage: str = ""
    latest: bool = False

    def text(self) -> str:
        """The short form, as `fraud/12`."""
        if self.alias is not None:
            return f"{self.model}@{self.alias}"
        part = self.version or self.stage or (LATEST if self.latest else "")
        return f"{self.model}/{part}" if part else self.model


def parse_reference(text: str) -> Reference:
    """The reference that `text` writes, with or without `models:/`.

    A part after `/` is a version when it is a number, `latest`, or else a stage; `@` names an alias.

    Raises:
        Invalid: no name, a bad name, or more parts than two.
    """
    body = text
    if text.startswith("models:"):
        body = unquote(text.removeprefix("models:").lstrip("/"))
    name, slash, rest = body.partition("/")
    if slash:
        if not rest or "/" in rest:
            raise Invalid(f"{text!r} names no model version.", hint="Write models:/NAME/VERSION, /STAGE or @ALIAS.")
        model = ModelName.parse(name)
        if rest.isascii() and rest.isdigit():
            return Reference(model=model, version=parse_version(rest))
        if rest.casefold() == LATEST:
            return Reference(model=model, latest=True)
        return Reference(model=model, stage=rest)
    name, at, alias = body.rpartition("@")
    if at and name:
        return Reference(model=ModelName.parse(name), alias=AliasName.parse(alias))
    return Reference(model=ModelName.parse(body))
