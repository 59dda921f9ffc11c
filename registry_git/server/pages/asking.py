"""Requests in a few words: what is asked, and how it stands."""

from __future__ import annotations

from dataclasses import dataclass

from registry_git.core.activity import asked_of_deployment
from registry_git.core.model import NO_STAGE
from registry_git.registry.views import RequestView
from registry_git.server.pages.choices import is_open


@dataclass(frozen=True, slots=True)
class Standing:
    """How a request stands: a word, the colour of its badge, and a sentence where there is more to say."""

    word: str
    kind: str
    sentence: str = ""


_DECIDED = {"approved": "good", "rejected": "bad", "cancelled": ""}


def title(view: RequestView) -> str:
    """What is asked, as a heading: `fraud v12: Staging → Production`."""
    record, one = view.record, f"{view.model} v{view.version}" if view.version else view.model
    if view.action == "stage":
        word = "also in" if record.add else f"{view.from_stage or NO_STAGE} →"
        return f"{one}: {word} {view.to_stage or NO_STAGE}"
    if view.action == "alias":
        return f"{view.model}: alias {record.alias} {f'→ v{view.version}' if view.version else 'deleted'}"
    if view.action == "delete":
        return f"{one}: delete {'it' if view.version else 'the model and all its versions'}"
    if view.action == "rename":
        return f"{view.model}: rename to {record.new_name}"
    if view.action == "deployment":
        said = asked_of_deployment(record)
        return said[0].upper() + said[1:]
    return "Registry: change the policy" if view.action == "policy" else f"{one}: {view.action}"


def standing(view: RequestView) -> Standing:
    """How it stands."""
    if view.state != "open":
        return Standing(view.state, _DECIDED.get(view.state, ""))
    if not is_open(view):
        return Standing(
            "landed", "warn", "It is on main, by a merge made elsewhere; who approved it is not written down yet."
        )
    if view.stale:
        return Standing("stale", "warn", f"It no longer fits the registry: {view.stale}.")
    if view.decision.allowed:
        return Standing("ready", "good", "Nothing is missing any more: whoever may approve it makes the change.")
    return Standing("open", "info")
