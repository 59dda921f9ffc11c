"""Templates, and what every one of them can use."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from registry_git import __version__
from registry_git.app import now
from registry_git.core.times import Timestamp
from registry_git.registry.waiting import Waiting
from registry_git.server.identity import Identity
from registry_git.server.pages import comparing, links, telling, wording
from registry_git.server.pages.assets import STYLES, asset
from registry_git.server.pages.links import Links
from registry_git.server.pages.moments import Past, kept
from registry_git.server.permissions import Permission

_TEMPLATES = Environment(
    loader=PackageLoader("registry_git.server.pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.globals.update(
    asset=asset,
    styles=STYLES,
    version_of_program=__version__,
    person=wording.person,
    markdown=wording.markdown,
    plain=wording.plain,
    exact=wording.exact,
    told=telling.told,
    moment=telling.moment,
    difference=comparing.difference,
)
_TEMPLATES.filters["present"] = links.present
_TEMPLATES.filters["kept"] = kept
_TEMPLATES.filters["shell"] = shlex.quote


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a form was refused."""

    message: str
    hint: str
    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What surrounds a page.

    Attributes:
        me: who looks; None: nobody has signed in.
        session: whether somebody signed in here, and so can sign out.
        here: the page's own address, with its query.
        proof: what its forms send along.
        tag: the state of the registry that it shows.
        past: the moment that it shows; None: the present.
        said: what the last form did.
        waiting: how many requests wait for whoever looks; None: that is not told.
        problem, typed: why the form was refused, and the fields that were filled in.
    """

    me: Identity | None
    session: bool
    here: str
    proof: str
    tag: str
    past: Past | None = None
    said: str = ""
    waiting: Waiting | None = None
    problem: Problem | None = None
    typed: Mapping[str, str] = field(default_factory=dict)


def render(template: str, values: Mapping[str, object], setting: Setting) -> str:
    """The HTML of a page."""
    moment = now()
    surroundings: dict[str, object] = {
        "me": setting.me,
        "can": _permitted(setting),
        "session": setting.session,
        "here": setting.here,
        "tag": setting.tag,
        "past": setting.past,
        "said": setting.said,
        "waiting": setting.waiting,
        "today": Timestamp.of(moment).text()[:10],
        "problem": setting.problem,
        "typed": _Typed(setting.typed),
        "to": Links(setting.past.at if setting.past else ""),
        "when": partial(wording.when, now=moment),
        "csrf_field": lambda: Markup('<input type="hidden" name="csrf" value="{}">').format(setting.proof),
    }
    return _TEMPLATES.get_template(template).render({**surroundings, **values})


def render_alone(template: str, **values: object) -> str:
    """The HTML of a page that is not in the layout."""
    return _TEMPLATES.get_template(template).render(values)


class _Typed(dict[str, str]):
    """What was typed; a field that was not sent is empty."""

    def __missing__(self, name: str) -> str:
        return ""


def _permitted(setting: Setting) -> Callable[[str], bool]:
    """Whether the visitor's token is for a scope (`write`), and the page is not one of the past."""

    def can(scope: str) -> bool:
        return setting.past is None and setting.me is not None and Permission(scope) in setting.me.scopes

    return can
