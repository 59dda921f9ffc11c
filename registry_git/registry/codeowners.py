"""CODEOWNERS out of the policy: a forge then asks those to review who may approve.

It is a courtesy for people: a forge knows neither four eyes nor gates, so the gate in CI stays the judge.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from registry_git.core.errors import Invalid
from registry_git.core.model import NO_STAGE, Policy, Rule
from registry_git.core.names import encode
from registry_git.core.policy import describe_rule
from registry_git.core.rules import Action
from registry_git.gitstore.disk import explained
from registry_git.manifests.layout import DEPLOY, DEPLOYMENTS, MODELS, POLICY_PATH, TEMPLATES, Layout

FORGES = ("github", "gitlab", "gitea")
# What guards the registry is guarded by the rule on its policy.
_GUARDS = (
    f"/{POLICY_PATH}",
    "/CODEOWNERS",
    "/.github/",
    "/.gitlab-ci.yml",
    "/.gitea/",
    "/.forgejo/",
    "/.woodpecker/",
)
_WILD = re.compile(r"\*|\?|\[[^\]]*\]")


def codeowners(policy: Policy, forge: str = "") -> str:
    """The text of the file, for one forge. Raises: Invalid for a forge that is not known."""
    kind = forge or (policy.forge.kind.value if policy.forge else "github")
    if kind not in FORGES:
        raise Invalid(f"{kind!r} has no CODEOWNERS that is known here.", hint=f"There are {', '.join(FORGES)}.")
    logins = {email: login for login, email in (policy.forge.people if policy.forge else {}).items()}
    lines = [
        f"# Made from {POLICY_PATH} by: registry-git codeowners --forge {kind} --write",
        "# Change the roles and rules there, and make it again.",
    ]
    if kind == "gitlab":
        lines += _sections(policy, logins)
    else:
        lines += _plain(policy, logins, gitea=kind == "gitea")
    return "\n".join(lines) + "\n"


def write_codeowners(top: Path | None, text: str) -> tuple[Path, bool]:
    """Writes the file at the top of a work tree; gives it, and whether it was changed. Raises: Invalid, Unavailable."""
    if top is None:
        raise Invalid(
            "This repository has no work tree to write into.",
            hint="Write it elsewhere: registry-git codeowners > CODEOWNERS",
        )
    path = top / "CODEOWNERS"
    with explained(f"write {path}"):
        changed = not path.is_file() or path.read_bytes() != text.encode()
        if changed:
            path.write_bytes(text.encode())
    return path, changed


def _sections(policy: Policy, logins: Mapping[str, str]) -> Iterator[str]:
    """GitLab asks for an approval in each section, so every rule is one, with its own number of approvals."""
    for number, rule in enumerate(policy.rules, 1):
        owners, _ = _owners(rule, policy, logins, mail=True)
        patterns = _patterns(rule, policy)
        if owners and patterns:
            name = re.sub(r"[\[\]]", " ", f"{number} {describe_rule(rule)}")
            yield ""
            yield f"[{name}][{max(rule.approvals, 1)}] {' '.join(owners)}"
            yield from patterns


def _plain(policy: Policy, logins: Mapping[str, str], *, gitea: bool) -> Iterator[str]:
    """One line a pattern. The last line that matches counts, so later lines name the owners of the earlier ones too."""
    found: dict[str, dict[str, None]] = {}
    unknown: dict[str, None] = {}
    for rule in sorted(policy.rules, key=lambda rule: (_breadth(rule), rule.on is Action.POLICY)):
        owners, missing = _owners(rule, policy, logins, mail=not gitea)
        unknown.update(dict.fromkeys(missing))
        for pattern in _patterns(rule, policy) if owners else ():
            kept = found.setdefault(pattern, {})
            kept.update(dict.fromkeys(owners))
    for email in unknown:
        yield f"# {email} has no login in {POLICY_PATH} (forge.people), so this file cannot name them."
    yield ""
    for pattern, owners_of in found.items():
        yield f"{_regex(pattern) if gitea else pattern} {' '.join(owners_of)}"


def _breadth(rule: Rule) -> int:
    """0 for rules that match most: what is narrower comes later in the file."""
    return (rule.models != ("*",)) * 2 + bool(rule.to)


def _owners(rule: Rule, policy: Policy, logins: Mapping[str, str], *, mail: bool) -> tuple[list[str], list[str]]:
    owners: dict[str, None] = {}
    missing = []
    for email in dict.fromkeys(one for role in rule.by for one in policy.roles.get(role, ())):
        if email in logins:
            owners[f"@{logins[email]}"] = None
        elif mail and not re.search(r"\s|#", email):
            owners[email] = None
        else:
            missing.append(email)
    return list(owners), missing


def _patterns(rule: Rule, policy: Policy) -> list[str]:
    if rule.on is Action.POLICY:
        return list(_GUARDS)
    if rule.on is Action.DEPLOYMENT:
        return [f"/{DEPLOYMENTS}/{encode(one)}/" for one in rule.to] or [f"/{DEPLOYMENTS}/"]
    top = f"/{MODELS}/*" if Layout(policy.layout) is Layout.FANOUT else f"/{MODELS}"
    below: list[str] = []
    beside: list[str] = []
    if rule.on is Action.STAGE:
        below = [f"stages/{encode(stage)}/" for stage in rule.to if stage != NO_STAGE] if rule.to else ["stages/"]
    elif rule.on is Action.ALIAS:
        below = [f"aliases/{encode(alias)}/" for alias in rule.to] if rule.to else ["aliases/"]
    elif rule.on in (Action.REGISTER, Action.DELETE):
        below = ["versions/"]
    elif rule.on is Action.EDIT:
        below = ["model.yaml", "versions/"]
        beside = [f"/{DEPLOY}/", f"/{TEMPLATES}/"] if "*" in rule.models else []  # as the rule on all models judges
    return [*(f"{top}/{model_pattern(model)}/{path}" for model in rule.models for path in below), *beside]


def model_pattern(pattern: str) -> str:
    """A shell pattern for names as a pattern for the directories that these names are written as."""
    out = []
    at = 0
    for found in [*_WILD.finditer(pattern), None]:
        end = found.start() if found else len(pattern)
        piece = pattern[at:end]
        if piece:
            # a character at an edge is encoded otherwise, and only the pattern's own edges are edges
            left, right = "x" if at else "", "x" if found else ""
            out.append(encode(left + piece + right)[len(left) : -1 if right else None])
        if found:
            out.append("?" if found[0] == "?" else "*")  # CODEOWNERS has no sets of characters
            at = found.end()
    return "".join(out)


def _regex(pattern: str) -> str:
    """The same pattern for Gitea, which takes regular expressions for whole paths."""
    text = re.escape(pattern.lstrip("/")).replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
    return f"{text}.*" if pattern.endswith("/") else text
