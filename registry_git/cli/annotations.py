"""Findings in the formats that CI systems show beside the lines of a change."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from registry_git import __version__
from registry_git.registry.judging.faults import DESCRIPTIONS, Fault, Rule

# What XML 1.0 cannot hold in any spelling.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_GITHUB = {"error": "error", "warning": "warning", "note": "notice"}
_GITLAB = {"error": "critical", "warning": "minor", "note": "info"}
# What only a push can break: a branch has no pusher yet.
_OF_PUSHES = (Rule.AUTHOR, Rule.REFERENCE)
_SARIF = {"error": "error", "warning": "warning", "note": "note"}
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"


def github(faults: Sequence[Fault]) -> str:
    """Workflow commands: `::error file=…,line=…::…`, one a line."""
    lines = []
    for one in faults:
        properties = {"file": one.path, "line": str(max(one.line, 1)), "title": f"registry-git: {one.rule.value}"}
        shown = ",".join(f"{key}={_property(value)}" for key, value in properties.items() if value)
        lines.append(f"::{_GITHUB[one.level]} {shown}::{_data(_said(one))}\n")
    return "".join(lines)


def gitlab(faults: Sequence[Fault]) -> str:
    """A code quality report."""
    found: list[dict[str, Any]] = [
        {
            "description": _said(one),
            "check_name": one.rule.value,
            "fingerprint": _fingerprint(one),
            "severity": _GITLAB[one.level],
            "location": {"path": one.path, "lines": {"begin": max(one.line, 1)}},
        }
        for one in faults
    ]
    return json.dumps(found, indent=2) + "\n"


def junit(faults: Sequence[Fault]) -> str:
    """JUnit XML: a test case for each rule on branches that is kept, and one for each finding."""
    from xml.sax.saxutils import escape, quoteattr

    errors = [one for one in faults if one.level == "error"]
    others = [one for one in faults if one.level != "error"]
    broken = {one.rule for one in errors}
    cases = [
        f"    <testcase classname={quoteattr(rule.value)} name={quoteattr(DESCRIPTIONS[rule])}/>"
        for rule in Rule
        if rule not in broken and rule not in _OF_PUSHES
    ]
    for one in errors:
        name = quoteattr(_xml(_where(one)))
        cases.append(
            f"    <testcase classname={quoteattr(one.rule.value)} name={name} file={quoteattr(_xml(one.path))}>\n"
            f"      <failure type={quoteattr(one.rule.value)} message={quoteattr(_xml(one.message))}>"
            f"{escape(_xml(f'{_where(one)}: {_said(one)}'))}</failure>\n"
            "    </testcase>"
        )
    said = "".join(f"{one.level}: {_where(one)}: {_said(one)}\n" for one in others)
    counts = f'tests="{len(cases)}" failures="{len(errors)}" errors="0"'
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<testsuites name="registry-git" {counts}>\n'
        f'  <testsuite name="registry-git check" {counts}>\n'
        + "\n".join(cases)
        + f"\n    <system-out>{escape(_xml(said))}</system-out>\n  </testsuite>\n</testsuites>\n"
    )


def sarif(faults: Sequence[Fault]) -> str:
    """SARIF 2.1.0, as code scanning takes it."""
    rules = list(Rule)
    results = [
        {
            "ruleId": one.rule.value,
            "ruleIndex": rules.index(one.rule),
            "level": _SARIF[one.level],
            "message": {"text": _said(one)},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": _uri(one.path), "uriBaseId": "%SRCROOT%"},
                        "region": {"startLine": max(one.line, 1)},
                    }
                }
            ],
            "partialFingerprints": {"registryGit/v1": _fingerprint(one)},
        }
        for one in faults
    ]
    driver = {
        "name": "registry-git",
        "version": __version__,
        "rules": [
            {"id": rule.value, "shortDescription": {"text": DESCRIPTIONS[rule]}, "help": {"text": DESCRIPTIONS[rule]}}
            for rule in rules
        ],
    }
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


FORMATS: Mapping[str, Callable[[Sequence[Fault]], str]] = {
    "github": github,
    "gitlab": gitlab,
    "junit": junit,
    "sarif": sarif,
}


def _said(one: Fault) -> str:
    return f"{one.message} {one.fix}".strip()


def _where(one: Fault) -> str:
    return f"{one.path}:{one.line}" if one.line else one.path


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)


def _uri(path: str) -> str:
    from urllib.parse import quote

    return quote(path)


def _fingerprint(one: Fault) -> str:
    return sha256(f"{one.rule.value}\0{one.path}\0{one.message}".encode("utf-8", "surrogatepass")).hexdigest()
