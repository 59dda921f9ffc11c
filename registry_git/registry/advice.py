"""What to type next: the command that asks for what a policy does not let one do."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from registry_git.core.changes.proposal import Proposal
from registry_git.core.model import Action, Deployment, DeploymentKey


def request_command(proposal: Proposal) -> str:
    """The command that asks for the same; empty where no request can."""
    headline = proposal.headline
    if headline.action == "relayout":
        return ""
    action = proposal.touches[0].action
    if action is Action.DEPLOYMENT:
        return shlex.join(["registry-git", "deployment", *_deployment(proposal), "--request"])
    words = ["registry-git", "request", "create"]
    if headline.action == "rename-model":
        return shlex.join([*words, proposal.touches[0].model or "", "--rename", headline.model or ""])
    if action is Action.POLICY:
        return shlex.join([*words, "--policy", "registry.yaml"])
    words.append(headline.model or "")
    if headline.version:
        words.append(str(headline.version))
    if action is Action.STAGE:
        words.append(headline.to_stage)
    elif action is Action.ALIAS:
        words += ["--alias", proposal.touches[0].target]
    else:
        words.append("--delete")
    return shlex.join([*words, *(["--force"] if headline.forced else [])])


def _deployment(proposal: Proposal) -> Iterator[str]:
    """The words after `deployment` that do what the proposal does."""
    verb = proposal.headline.action.removesuffix("-deployment")
    key, after = next((key, entity) for key, entity in proposal.edits.items() if isinstance(key, DeploymentKey))
    yield from (verb, key.environment, key.name)
    if not isinstance(after, Deployment):
        return
    if verb == "pin":
        yield str(after.version)
    if verb == "add":
        yield from ("--model", after.model, f"--{after.workload}", "--owner", after.owner)
        if after.version is not None:
            yield from ("--version", str(after.version))
    if verb in ("add", "follow") and after.version is None:
        yield from ("--alias", after.alias) if after.alias else ("--stage", after.stage or "")
        yield from ("--follow" if verb == "add" else "--by", after.follow)
