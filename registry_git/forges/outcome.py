"""The outcome of the gate, shown at the commit on the forge: for runners that the forge knows nothing of."""

from __future__ import annotations

from collections.abc import Mapping

from registry_git.core.errors import Invalid
from registry_git.core.rules import ForgeSettings
from registry_git.forges.base import CommitStatus, Forge, StatusState
from registry_git.forges.settings import speak_to
from registry_git.forges.token import find_token
from registry_git.registry.judging.gate import GateReport

CONTEXT = "registry-git/check"
_MAX = 140  # characters: what GitHub takes, and GitLab takes little more
# Where a runner says which page shows its job.
_PAGES = ("CI_JOB_URL", "BUILD_URL", "CI_PIPELINE_URL")


def forge_of_base(forge: ForgeSettings | None, *, environment: Mapping[str, str], origin: str) -> Forge:
    """The forge that the base's policy names, with the token that is found for it. Raises: Invalid: it names none.

    Args:
        forge: of the base; never that of the branch, which could send the token anywhere.
        environment: the variables of this process.
        origin: the URL that the registry was cloned from, "" when it was not.
    """
    if forge is None:
        raise Invalid(
            "The policy of the base names no forge to show the outcome on.",
            hint="Leave out --status, or say in registry.yaml where the registry is reviewed: forge.",
        )
    return speak_to(forge, find_token(forge, environment=environment, origin=origin))


def show_outcome(forge: Forge, report: GateReport, *, environment: Mapping[str, str]) -> CommitStatus:
    """Shows at the head whether anything forbids the merge, in place of what was shown before; gives what is shown.

    Raises:
        PermissionDenied, NotFound, Unavailable: the forge does not take it.
    """
    errors = [one.message for one in report.faults if one.level == "error"]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    said = f"{_shortened(errors[0], _MAX - len(more))}{more}" if errors else "Nothing forbids the merge."
    page = next((environment[name] for name in _PAGES if environment.get(name)), "")
    state = StatusState.FAILURE if errors else StatusState.SUCCESS
    status = CommitStatus(state=state, context=CONTEXT, description=said, url=page)
    forge.status(report.head, status)
    return status


def _shortened(text: str, at_most: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= at_most else f"{line[: at_most - 1]}…"
