"""Values as people read them: how long ago, who, and text that its writer formatted."""

from __future__ import annotations

from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup, escape

from registry_git.core.times import Timestamp

_STEPS = (("year", 31_536_000), ("month", 2_592_000), ("day", 86_400), ("hour", 3600), ("minute", 60))
_MARKDOWN = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])
_BLOCKS = {"blockquote", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "ul"}
_TABLES = {"table", "tbody", "td", "th", "thead", "tr"}
_WORDS = {"a", "br", "code", "del", "em", "s", "strong"}
_SHOWN = 4096  # texts whose HTML is kept


def ago(milliseconds: int, now: int) -> str:
    """How long before `now`: `3 hours ago`, `just now`."""
    seconds = (now - milliseconds) // 1000
    for name, length in _STEPS:
        count = abs(seconds) // length
        if count:
            text = f"{count} {name}{'s' if count > 1 else ''}"
            return f"{text} ago" if seconds > 0 else f"in {text}"
    return "just now"


def exact(milliseconds: int) -> str:
    """The time in UTC, to the second: `2026-11-23 06:14:11 UTC`."""
    return Timestamp.of(milliseconds).text()[:19].replace("T", " ") + " UTC"


def when(milliseconds: int, now: int) -> Markup:
    """How long ago, with the exact time on hover."""
    written = Timestamp.of(milliseconds).text()
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        written, exact(milliseconds), ago(milliseconds, now)
    )


def person(actor: str) -> Markup:
    """Who it is, by name, with the address on hover; of nobody that is known: `unknown`."""
    name, _, rest = actor.partition(" <")
    email = rest.rstrip(">")
    if not email:
        return Markup('<span class="person">{}</span>').format(name or "unknown")
    return Markup('<span class="person" title="{}">{}</span>').format(email, name)


@lru_cache(_SHOWN)
def markdown(text: str) -> Markup:
    """CommonMark as HTML, without whatever could do more than be read: no HTML of the writer's, no images."""
    made = _MARKDOWN.render(text)
    for level in (4, 3, 2, 1):  # the page has headings of its own above these
        made = made.replace(f"<h{level}>", f"<h{level + 2}>").replace(f"</h{level}>", f"</h{level + 2}>")
    clean = nh3.clean(
        made,
        tags=_BLOCKS | _TABLES | _WORDS,
        attributes={"a": {"href", "title"}, "ol": {"start"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    return Markup(clean)  # noqa: S704 - this is what has just been cleaned


def plain(text: object) -> Markup:
    """Text that keeps its line ends."""
    return Markup("<br>").join(escape(line) for line in str(text).splitlines())
