"""Jinja templates out of the registry: sandboxed, strict about names, and told with file and line when they fail.

A template is written by whoever may edit the registry and runs wherever `render` does, in CI for one. So it sees plain
values alone, can change none of them, and reaches nothing of this process.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from registry_git.core.errors import Invalid, NotFound
from registry_git.core.names import dns_label
from registry_git.manifests.layout import TEMPLATES
from registry_git.registry.tree import Tree

if TYPE_CHECKING:
    from jinja2.sandbox import ImmutableSandboxedEnvironment

SUFFIX = ".yaml.j2"
_SIZE_MAX = 1024 * 1024  # characters; a loop that went wrong should not fill the disk


def template_path(name: str) -> str:
    """Where the template of that name lies."""
    return f"{TEMPLATES}/{name}{SUFFIX}"


def fill_template(tree: Tree, path: str, values: Mapping[str, Any]) -> str:
    """The text that the template at `path` makes of `values`.

    Raises:
        NotFound: there is no such template; Invalid: it cannot be read, names what is not there, or fails; the message
        says in which line.
    """
    from jinja2 import TemplateError, TemplateSyntaxError

    text = _source(tree, path)
    if text is None:
        known = [one for one in tree.below(TEMPLATES) if one.endswith(SUFFIX)]
        hint = f"There are {', '.join(known)}." if known else f"Write one: Jinja that makes YAML, in {TEMPLATES}/."
        raise NotFound(f"The registry has no template {path}.", hint=hint)
    try:
        pieces: list[str] = []
        size = 0
        for piece in _environment(tree).get_template(path).generate(values):
            pieces.append(piece)
            size += len(piece)
            if size > _SIZE_MAX:
                raise Invalid(f"{path} makes more than {_SIZE_MAX:,} characters.", hint="Look at its loops.")
        return "".join(pieces)
    except TemplateSyntaxError as problem:
        place = f"{problem.name or path}:{problem.lineno}"
        raise Invalid(f"{place}: {_sentence(problem.message or 'It is no template')}", hint="Correct it.") from None
    except (TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as problem:
        raise Invalid(
            f"{path}:{_line(problem, path)}: {_sentence(str(problem))}",
            hint="A template sees deployment, model, version and registry; docs/gitops.md lists their fields.",
        ) from None
    except (OverflowError, RecursionError, MemoryError):
        raise Invalid(f"{path} never comes to an end.", hint="Look at its loops.") from None


def _environment(tree: Tree) -> ImmutableSandboxedEnvironment:
    from jinja2 import FunctionLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def load(name: str) -> tuple[str, str, None] | None:
        # what one template includes is found beside it, and nowhere else
        path = name if name.startswith(f"{TEMPLATES}/") else f"{TEMPLATES}/{name}"
        text = _source(tree, path)
        return None if text is None else (text, path, None)

    found = ImmutableSandboxedEnvironment(
        loader=FunctionLoader(load),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    found.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)  # quotes a value for YAML
    found.globals = {"dns_label": lambda *parts: dns_label(*map(str, parts)), "range": found.globals["range"]}
    return found


def _source(tree: Tree, path: str) -> str | None:
    data = tree.read(path)
    if data is None:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Invalid(f"{path} is not UTF-8 text.", hint="Save it as UTF-8.") from None


def _line(problem: BaseException, path: str) -> int:
    """The line of the template where it failed; Jinja leaves it in the traceback."""
    line, at = 0, problem.__traceback__
    while at is not None:
        if at.tb_frame.f_code.co_filename == path:
            line = at.tb_lineno
        at = at.tb_next
    return line


def _sentence(text: str) -> str:
    first = text.strip().partition("\n")[0].rstrip(".")
    return f"{first[:1].upper()}{first[1:]}."
