"""The manifests that are read most, in the very form in which they are written: by one expression each.

It matches nothing but what the schema of the kind allows, so what it has read need not be held against that. Whatever
is written in another way, or holds more than texts of one line in ASCII, is left to `yaml_reader` and `schemas`, which
give the very same values for what is read here.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

_SIZE_MAX = 8_000  # bytes; no text is longer then than its schema allows, but for those whose length is said here
_P = r'!"$-9;-~'  # as in `yaml_plain`: behind a letter none of these, and between them no space, has a meaning
_NO_WORD = "(?!(?:true|True|TRUE|false|False|FALSE|null|Null|NULL)[:\n])"
_PLAIN = rf"{_NO_WORD}[A-Za-z_/][{_P}]*(?:[ :][{_P}]+)*"  # can only be a text
_KEY = rf"{_NO_WORD}[A-Za-z_][A-Za-z0-9_./-]{{0,120}}"
_NUMBER = "[1-9][0-9]{0,8}"
_DIGEST = "[a-z][a-z0-9-]{0,30}:[0-9a-f]{1,250}"
_MEMBER = rf"  ({_KEY}): ('[ -&(-~]*'|{_PLAIN})\n"
_MEMBERS = re.compile(_MEMBER)
_FLAVORS = rf"flavors:\n(?P<flavors>(?:- (?:'[ -&(-~]{{1,250}}'|(?=.{{1,250}}\n){_PLAIN})\n)+)"
_DIGITS = frozenset("123456789")
_LINEAGE = frozenset(
    ("run_id", "run_name", "run_link", "run_user", "experiment_id", "experiment_name", "model_id", "git_commit")
)
_ACTOR = re.compile(r"[^<>]*[^<>\s]\s*<[^<>\s]+>")


def _line(key: str, value: str) -> str:
    return rf"{key}: (?P<{key.strip()}>{value})\n"


def _text(key: str, least: int = 0, most: int = _SIZE_MAX) -> str:
    short = rf"(?=.{{1,{most}}}\n)" if most < _SIZE_MAX else ""
    return _line(key, rf"'[ -&(-~]{{{least},{most}}}'|{short}{_PLAIN}")


def _id(key: str) -> str:
    return _line(key, rf"'[0-9A-Za-z][0-9A-Za-z_-]{{3,63}}'|{_NO_WORD}[A-Za-z][0-9A-Za-z_-]{{3,63}}")


def _perhaps(line: str) -> str:
    return f"(?:{line})?"


def _members(key: str) -> str:
    inner = _MEMBER.replace(f"({_KEY})", _KEY).replace("('", "(?:'")
    return _perhaps(rf"{key}:\n(?P<{key}>(?:{inner})+)")


def _whole(kind: str, *lines: str) -> str:
    return rf"apiVersion: registry-git\.dev/v1\nkind: {kind}\n{''.join(lines)}"


def _pointer(kind: str, name: str, *versions: str) -> str:
    return _whole(
        kind,
        "metadata:\n",
        _line("  name", rf"'[a-z0-9](?:[a-z0-9-]{{0,61}}[a-z0-9])?'|{_NO_WORD}[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?"),
        r"  annotations:\n    config\.kubernetes\.io/local-config: 'true'\n",
        _text("model", 1, 255) + name + _line("version", f"'{_NUMBER}'"),
        _text("source", 1) + _text("format", 0, 250) + _line("digest", f"''|{_DIGEST}"),
        *versions,
        _perhaps(_line("previous", f"'{_NUMBER}'")) + _id("request"),
    )


_MADE = (
    _line("created", r"'[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z'")
    + _text("created_by", 0, 1_000)
    + _text("description")
    + _members("tags")
)
_FORMS = {
    "StagePointer": _pointer(
        "StagePointer", _text("stage", 1, 64), _line("versions", rf"\[{_NUMBER}(?:, {_NUMBER})*\]")
    ),
    "AliasPointer": _pointer("AliasPointer", _text("alias", 1, 255)),
    "ModelVersion": _whole(
        "ModelVersion",
        _text("model", 1, 255) + _line("version", _NUMBER) + _id("id") + _text("source", 1),
        _perhaps(_text("origin", 1)) + _perhaps(_line("digest", _DIGEST)) + _perhaps(_text("format", 0, 250)),
        _perhaps(_FLAVORS) + _perhaps(_text("signature")),
        _line("status", "READY|PENDING_REGISTRATION|FAILED_REGISTRATION") + _MADE + _members("lineage"),
    ),
    "RegisteredModel": _whole(
        "RegisteredModel",
        _text("name", 1, 255) + _id("id") + _MADE + _perhaps(_line("last_deleted", _NUMBER)),
    ),
}


@cache
def _expression(kind: str) -> re.Pattern[str] | None:
    """What matches manifests of a kind. It takes some 2 ms to compile, and most commands read one or two kinds."""
    form = _FORMS.get(kind)
    return None if form is None else re.compile(form)


def read_usual(kind: str, data: bytes) -> dict[str, Any] | None:
    """The mapping that a valid manifest of this kind holds; None where it is not as usual, or not valid."""
    expression = _expression(kind)
    if expression is None or len(data) > _SIZE_MAX or not data.isascii():
        return None
    found = expression.fullmatch(data.decode("ascii"))
    if found is None:
        return None
    value: dict[str, Any] = {"apiVersion": "registry-git.dev/v1", "kind": kind}
    for key, text in found.groupdict().items():
        if text is None:
            continue
        first = text[0]
        if first == "'":
            value[key] = text[1:-1]
        elif first == " ":
            members = value[key] = {name: one[1:-1] if one[0] == "'" else one for name, one in _MEMBERS.findall(text)}
            if len(members) < text.count("\n") or (key == "lineage" and not _LINEAGE.issuperset(members)):
                return None
        elif first == "-":
            value[key] = [one[3:-1] if one[2] == "'" else one[2:] for one in text.split("\n")[:-1]]
        elif first == "[":
            numbers = value[key] = list(map(int, text[1:-1].split(", ")))
            if len(set(numbers)) < len(numbers):
                return None
        else:
            value[key] = int(text) if first in _DIGITS else text
    if "created_by" in value:
        return value if _ACTOR.match(value["created_by"]) else None
    value["metadata"] = {
        "name": value.pop("name"),
        "annotations": {"config.kubernetes.io/local-config": "true"},
    }
    return value
