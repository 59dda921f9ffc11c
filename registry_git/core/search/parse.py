"""Reads a filter as MLflow's registry does: comparisons joined by AND."""

from __future__ import annotations

import re

from registry_git.core.errors import Invalid
from registry_git.core.model import Status
from registry_git.core.names import parse_tag_key, parse_text
from registry_git.core.search.like import PATTERN_MAX
from registry_git.core.search.terms import OPERATORS, Attribute, Condition, Field, Filter, Operator, Target

FILTER_MAX = 20_000  # characters
CONDITIONS_MAX = 100  # SQLite refuses expressions that nest deeper than 1,000
_INT64 = 2**63

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    | (?P<single>'(?:[^']|'')*')
    | (?P<double>"(?:[^"]|"")*")
    | (?P<backtick>`(?:[^`]|``)*`)
    | (?P<number>-[0-9]+|[0-9]+(?![\w]))
    | (?P<word>\w+)
    | (?P<operator>[<>=!]+)
    | (?P<mark>[(),.])""",
    re.VERBOSE,
)
_TAG_PREFIXES = ("tag", "tags")


def parse_filter(text: str, target: Target) -> Filter:
    """The conditions of a filter, all of which must hold; none for an empty text.

    Args:
        text: as `name LIKE 'fraud%' AND tags.team = 'risk'`. Texts stand in single or double quotes (a doubled quote
            is one), identifiers may stand in backticks or double quotes. Keywords in any case, fields as written.
        target: what is searched; it decides which fields and operators there are.

    Raises:
        Invalid: it is no such filter, or over 20,000 characters or 100 conditions; the hint names what is allowed.
    """
    if not isinstance(text, str):
        raise Invalid(f"The filter {text!r} is not text.", hint=_fields(target))
    parse_text("filter", text, at_most=FILTER_MAX)
    return _Parser(text, target).filter()


def _fields(target: Target) -> str:
    """A hint: what can be searched, and how."""
    listed = (
        f"{attribute.value + ('.<key>' if attribute is Attribute.TAG else '')} ({' '.join(operators)})"
        for attribute, operators in OPERATORS[target].items()
    )
    return f"Join comparisons by AND; {target.value} can be searched by {', '.join(listed)}."


class _Parser:
    """One pass over the tokens of one filter, with one token of lookahead."""

    def __init__(self, text: str, target: Target) -> None:
        self._target = target
        self._tokens: list[tuple[str, str, int]] = []
        self._next = 0
        at = 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                what = "opens a quote that nothing closes" if text[at] in "'\"`" else "means nothing here"
                raise self._invalid(f"{text[at : at + 20]!r} at character {at + 1} {what}.")
            if found.lastgroup != "space":
                self._tokens.append((str(found.lastgroup), found[0], at))
            at = found.end()

    def filter(self) -> Filter:
        conditions: list[Condition] = []
        while self._next < len(self._tokens):
            if conditions and not self._keyword("AND"):
                raise self._unexpected("AND")
            conditions.append(self._condition())
            if len(conditions) > CONDITIONS_MAX:
                raise Invalid(f"The filter has over {CONDITIONS_MAX} conditions.", hint="Use IN for a list of values.")
        return tuple(conditions)

    def _condition(self) -> Condition:
        field = self._field()
        operator = self._operator(field)
        if operator in (Operator.IN, Operator.NOT_IN):
            return Condition(field=field, operator=operator, value=self._list(field))
        if field.attribute is Attribute.VERSION_NUMBER:
            return Condition(field=field, operator=operator, value=self._whole_number())
        value = self._text(field)
        if operator in (Operator.LIKE, Operator.ILIKE) and len(value) > PATTERN_MAX:
            raise Invalid(
                f"The {operator.value} pattern has {len(value):,} characters; {PATTERN_MAX:,} are allowed.",
                hint="Shorten it, or compare with =.",
            )
        return Condition(field=field, operator=operator, value=value)

    def _field(self) -> Field:
        name = self._identifier("a field")
        attributes = OPERATORS[self._target]
        if self._mark("."):
            if name in _TAG_PREFIXES:
                return Field(attribute=Attribute.TAG, key=parse_tag_key(self._tag_key()))
            if name != "attribute":
                raise self._invalid(f"{_cut(name)} has no fields.")
            name = self._identifier("a field")
        for attribute in attributes:
            if attribute.value == name and attribute is not Attribute.TAG:
                return Field(attribute=attribute)
        raise self._invalid(f"{self._target.value.capitalize()} cannot be searched by {_cut(name)}.")

    def _identifier(self, wanted: str) -> str:
        kind, text, _at = self._peek()
        if kind not in ("word", "double", "backtick"):
            raise self._unexpected(wanted)
        self._next += 1
        return text if kind == "word" else _unquoted(text)

    def _tag_key(self) -> str:
        kind, text, _at = self._peek()
        if kind in ("single", "double", "backtick"):
            self._next += 1
            return _unquoted(text)
        parts = []
        while True:
            kind, text, _at = self._peek()
            if kind not in ("word", "number") or text.startswith("-"):
                raise self._unexpected("a tag's key")
            parts.append(text)
            self._next += 1
            if not self._mark("."):
                break
        kind, text, _at = self._peek()
        if kind == "number" and text.startswith("-"):
            raise self._invalid(f"{_cut('.'.join(parts) + text)} needs backticks.")
        return ".".join(parts)

    def _operator(self, field: Field) -> Operator:
        kind, text, _at = self._peek()
        self._next += 1
        written = text.upper() if kind in ("word", "operator") else ""
        if written == "NOT":
            written += " " + self._peek()[1].upper()
            self._next += 1
        allowed = OPERATORS[self._target][field.attribute]
        for operator in allowed:
            if operator.value == written:
                return operator
        what = f"{_cut(written or text)} is no operator for {field}" if text else f"Nothing is compared with {field}"
        raise Invalid(f"{what}.", hint=f"{field} takes {' '.join(allowed)}.")

    def _list(self, field: Field) -> tuple[str, ...]:
        if not self._mark("("):
            raise self._unexpected("a list as ('a', 'b')")
        values = [self._text(field)]
        while self._mark(","):
            if self._peek()[1] == ")":
                break
            values.append(self._text(field))
        if not self._mark(")"):
            raise self._unexpected("the ')' of the list")
        return tuple(values)

    def _text(self, field: Field) -> str:
        kind, text, _at = self._peek()
        if kind not in ("single", "double"):
            raise self._unexpected("a text in quotes")
        self._next += 1
        value = _unquoted(text)
        if field.attribute is Attribute.STATUS and value not in [status.value for status in Status]:
            raise Invalid(f"{_cut(value)} is no status.", hint=f"It is {' or '.join(one.value for one in Status)}.")
        return value

    def _whole_number(self) -> int:
        kind, text, _at = self._peek()
        written = _unquoted(text) if kind in ("single", "double") else text
        if not re.fullmatch(r"-?[0-9]{1,19}", written) or not -_INT64 <= int(written) < _INT64:
            raise self._unexpected("a whole number of 64 bits")
        self._next += 1
        return int(written)

    def _peek(self) -> tuple[str, str, int]:
        return self._tokens[self._next] if self._next < len(self._tokens) else ("end", "", -1)

    def _mark(self, text: str) -> bool:
        found = self._peek()[:2] == ("mark", text)
        self._next += found
        return found

    def _keyword(self, text: str) -> bool:
        kind, written, _at = self._peek()
        found = kind == "word" and written.upper() == text
        self._next += found
        return found

    def _unexpected(self, wanted: str) -> Invalid:
        kind, text, at = self._peek()
        found = "the end of the filter" if kind == "end" else f"{_cut(text)} at character {at + 1}"
        return self._invalid(f"Instead of {found}, {wanted} was expected.")

    def _invalid(self, message: str) -> Invalid:
        return Invalid(f"{message[0].upper()}{message[1:]}", hint=_fields(self._target))


def _unquoted(text: str) -> str:
    quote = text[0]
    return text[1:-1].replace(quote + quote, quote)


def _cut(text: str) -> str:
    """User text for a message: quoted, at most 40 characters of it."""
    return repr(text) if len(text) <= 40 else f"{text[:40]!r}…"
