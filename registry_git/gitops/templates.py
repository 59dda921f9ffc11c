"""Jinja templates out of the registry: sandboxed, strict about names, and told with file and line when they fail.

A template is written by whoever may edit the registry and runs wherever `render` does, in CI for one. So it sees plain
values alone, can change none of them, and reaches nothing of the process that fills it, which is one of its own
(`filling.py`): a template may still want more time or memory than there is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from registry_git.core.errors import Invalid, NotFound
from registry_git.core.names import dns_label
from registry_git.manifests.layout import TEMPLATES

if TYPE_CHECKING:
    from jinja2.sandbox import ImmutableSandboxedEnvironment

SUFFIX = ".yaml.j2"
_SIZE_MAX = 1024 * 1024  # characters; a loop that went wrong should not fill the disk


class OutOfTime(Exception):
    """A template has used up its time. It is raised from outside, wherever the template is just then.

    `place` is the line, as `:12`, where that is known.
    """

    place = ""


def template_path(name: str) -> str:
    """Where the template of that name lies."""
    return f"{TEMPLATES}/{name}{SUFFIX}"


def fill_template(templates: Mapping[str, bytes], path: str, values: Mapping[str, Any]) -> str:
    """The text that the template at `path` makes of `values`; `templates` are the files below `templates/`, by path.

    Raises:
        NotFound: there is no such template; Invalid: it cannot be read, names what is not there, or fails; the message
        says in which line. OutOfTime: as it came, with that line.
    """
    from jinja2 import TemplateError, TemplateSyntaxError

    if path not in templates:
        known = sorted(one for one in templates if one.endswith(SUFFIX))
        hint = f"There are {', '.join(known)}." if known else f"Write one: Jinja that makes YAML, in {TEMPLATES}/."
        raise NotFound(f"The registry has no template {path}.", hint=hint)
    try:
        pieces: list[str] = []
        size = 0
        for piece in _environment(templates).get_template(path).generate(values):
            pieces.append(piece)
            size += len(piece)
            if size > _SIZE_MAX:
                raise Invalid(f"{path} makes more than {_SIZE_MAX:,} characters.", hint="Look at its loops.")
        return "".join(pieces)
    except OutOfTime as problem:
        problem.place = f":{_line(problem, path)}"
        raise
    except TemplateSyntaxError as problem:
        place = f"{problem.name or path}:{problem.lineno}"
        raise Invalid(f"{place}: {_sentence(problem.message or 'It is no template')}", hint="Correct it.") from None
    except OverflowError as problem:
        place = f"{path}:{_line(problem, path)}"
        raise Invalid(f"{place}: {_sentence(str(problem))}", hint="Look at its loops.") from None
    except (TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as problem:
        raise Invalid(
            f"{path}:{_line(problem, path)}: {_sentence(str(problem))}",
            hint="A template sees deployment, model, version and registry; docs/gitops.md lists their fields.",
        ) from None
    except RecursionError:
        raise Invalid(
            f"{path} includes or calls itself without end.", hint="Look at its macros and includes."
        ) from None


def _environment(templates: Mapping[str, bytes]) -> ImmutableSandboxedEnvironment:
    from jinja2 import FunctionLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def load(name: str) -> tuple[str, str, None] | None:
        # what one template includes is found beside it, and nowhere else
        path = name if name.startswith(f"{TEMPLATES}/") else f"{TEMPLATES}/{name}"
        return (_text(templates[path], path), path, None) if path in templates else None

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


def _text(data: bytes, path: str) -> str:
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
