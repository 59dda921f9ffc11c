"""The form that registers a version, or a model that has none yet."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from registry_git.core.errors import Invalid, NotFound, RegistryError
from registry_git.core.model import Lineage
from registry_git.core.names import COMMENT_MAX, DESCRIPTION_MAX
from registry_git.registry.facade import Registry
from registry_git.server.call import Call
from registry_git.server.pages.links import Links, quoted
from registry_git.server.pages.models import quoted_text
from registry_git.server.pages.page import Asked, Form, Go, Page, Pages
from registry_git.server.permissions import Permission

pages = Pages()
_NAMES = 20  # that are offered
_TAGS_MAX = 1_000_000  # characters
_Line = Annotated[str, Field(max_length=5000)]


class Prefilled(Asked):
    """What the form is filled in with."""

    model: _Line = ""
    source: _Line = ""


class Registered(Form):
    """A version to register. Without a `source` it is a model without versions. `tags` are lines of `key=value`."""

    model: _Line = ""
    source: _Line = ""
    description: str = Field(default="", max_length=DESCRIPTION_MAX)
    tags: str = Field(default="", max_length=_TAGS_MAX)
    digest: _Line = ""
    run_id: _Line = ""
    comment: str = Field(default="", max_length=COMMENT_MAX)


@pages.show("/register", takes=Prefilled)
def register_page(call: Call, asked: Prefilled) -> Page | Go:
    """The form, and the names that begin to look like what was typed."""
    if asked.at:
        return Go(Links().path("register", model=asked.model, source=asked.source))  # nothing is registered in the past
    may = call.identity is not None and Permission.WRITE in call.identity.scopes
    return Page("register.html", {"asked": asked, "known": _known(call.registry, asked.model), "may": may})


@pages.form("/register", takes=Registered, page=register_page)
def register(call: Call, asked: Registered) -> Go:
    """Registers a version, or creates a model."""
    registry, name, source = call.registry, asked.model.strip(), asked.source.strip()
    tags = read_tags(asked.tags)
    known = _exists(registry, name)
    if not source:
        return _model_alone(registry, name, asked, tags, known=known)
    view = registry.register(
        name,
        source,
        description=asked.description.strip(),
        tags=tags,
        digest=asked.digest.strip(),
        lineage=Lineage(run_id=asked.run_id.strip()),
        comment=asked.comment,
        read=False,
    )
    said = f"{view.model} v{view.version} is registered." if known else f"The model {view.model} is created, with v1."
    return Go(f"/models/{quoted(view.model)}/versions/{view.version}", said=said)


def read_tags(text: str) -> dict[str, str]:
    """The tags that lines of `key=value` write; what stands behind the first `=` is the value. Raises: Invalid."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        key, equals, value = line.partition("=")
        key = key.strip()
        if not equals:
            raise Invalid(
                f"Line {number} of the tags, {line.strip()[:60]!r}, assigns nothing.",
                hint="Write one tag on each line, as key=value.",
            )
        if key in found:
            raise Invalid(f"Line {number} of the tags gives {key!r} again.", hint="A tag has one value.")
        found[key] = value.strip()
    return found


def _model_alone(registry: Registry, name: str, asked: Registered, tags: dict[str, str], *, known: bool) -> Go:
    if known or asked.digest.strip() or asked.run_id.strip():
        raise Invalid(
            "A version needs the source of its files.",
            hint="Give it; only a new model can be created without, and then it has neither digest nor run.",
        )
    view = registry.create_model(name, description=asked.description.strip(), tags=tags, comment=asked.comment)
    return Go(f"/models/{quoted(view.name)}", said=f"The model {view.name} is created; it has no version yet.")


def _exists(registry: Registry, name: str) -> bool:
    try:
        registry.model(name)
    except NotFound:
        return False
    return True


def _known(registry: Registry, typed: str) -> list[str]:
    """Names of models in which what was typed is, as far as it makes sense."""
    try:
        found = registry.model_page(filter=f"name ILIKE {quoted_text(f'%{typed.strip()}%')}", limit=_NAMES)
    except RegistryError:
        return []
    return [model.name for model in found.models]
