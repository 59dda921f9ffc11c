"""Whether a registry may be laid out anew: not while requests are open, since their branches hold the old paths."""

from __future__ import annotations

from collections.abc import Iterator

from registry_git.core.model import PolicyKey
from registry_git.gitstore.remote import REQUESTS, TRACKED_REQUESTS
from registry_git.registry.entries import entry_problem
from registry_git.registry.judging.changed import Changed
from registry_git.registry.judging.faults import Fault, Rule, fault
from registry_git.registry.request_views import has_landed


def layout_faults(changed: Changed, *, own: str = "") -> Iterator[Fault]:
    """What forbids that a change moves all files to another layout; nothing for a change that moves none.

    `own` is the tip of the branch that brings the change. Open are the requests whose branches are in the repository,
    here or as its remote was last seen.
    """
    if changed.before.layout is changed.after.layout:
        return
    line = changed.line(PolicyKey(), "layout")
    left = left_behind(changed)
    if left:
        new = changed.after.layout.value
        old, where = changed.before.layout.value, min(left)
        stays = f"{len(left)} files stay where {old} has them" if len(left) > 1 else f"a file stays where {old} has it"
        yield fault(
            Rule.MANIFEST,
            changed.path(PolicyKey()),
            f"The layout would be {new}, and {stays}: {where}.",
            f"Move all of them in one commit: registry-git relayout {new}",
            line=line,
        )
    open_ = {
        REQUESTS + name.removeprefix(prefix)
        for prefix in (REQUESTS, TRACKED_REQUESTS)
        for name, tip in changed.repository.refs(prefix).items()
        if tip != own
    }
    waiting = sorted(name.removeprefix("refs/heads/") for name in open_ if not has_landed(changed.before, name))
    if waiting:
        more = f" and {len(waiting) - 3} more" if len(waiting) > 3 else ""
        message = f"All files would move to the layout {changed.after.layout.value}, and requests are open: "
        yield fault(
            Rule.STALE,
            changed.path(PolicyKey()),
            f"{message}{', '.join(waiting[:3])}{more}.",
            "Decide them first: registry-git request list",
            line=line,
        )


def left_behind(changed: Changed) -> frozenset[str]:
    """The files that a change to another layout leaves where the old one had them."""
    old, new = changed.before.layout, changed.after.layout
    if old is new:
        return frozenset()
    there = [(file.path, file.mode, file.after) for file in changed.files if file.after is not None]
    return frozenset(one[0] for one in there if entry_problem(*one, new) and not entry_problem(*one, old))
