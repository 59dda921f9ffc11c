"""How every write goes: decide on a snapshot, judge by the policy that is there, commit; again if it lost a race."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from registry_git.core.changes.following import with_following
from registry_git.core.changes.proposal import Act, Proposal
from registry_git.core.decision import Decision
from registry_git.core.errors import Conflict, PermissionDenied
from registry_git.core.integrity import disagreements
from registry_git.core.model import Entity, Key, Policy
from registry_git.core.names import Actor, Id
from registry_git.core.policy import Change, evaluate
from registry_git.core.snapshot import Edits, Overlay, Snapshot
from registry_git.core.times import Timestamp
from registry_git.gitstore.refs import ReflogEntry
from registry_git.gitstore.repository import MAIN
from registry_git.gitstore.session import Session
from registry_git.gitstore.store import Store
from registry_git.manifests.codec import files, files_as_read
from registry_git.manifests.layout import Layout, path_of
from registry_git.manifests.messages import write_message
from registry_git.registry.advice import request_command
from registry_git.registry.recording import Recorder

Decide: TypeAlias = Callable[[Snapshot], Proposal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What comes from outside: who acts, what time it is, and fresh ids (for records; for models and versions).

    `tracking_uri` is the MLflow tracking store that is asked about the run of a registered model; empty for none.
    `state` is where to keep what must outlive the repository, when that is a clone in a cache; else None.
    `recorder` notes who uses which version; None for nobody. `approves`: whether the actor has the right to approve,
    so that a direct change counts as an approval.
    """

    actor: Actor
    clock: Callable[[], Timestamp]
    record_id: Callable[[Timestamp], Id]
    version_id: Callable[[Timestamp], Id]
    tracking_uri: str = ""
    state: Path | None = None
    recorder: Recorder | None = None
    approves: bool = True

    def act(self, *, comment: str = "", id: str | None = None, version: bool = False) -> Act:
        """An act of the actor, now, under the given id or a fresh one. Raises: Invalid for a bad id."""
        at = self.clock()
        fresh = self.version_id if version else self.record_id
        chosen = Id.parse(id) if id else fresh(at)
        return Act(actor=self.actor, at=at, id=chosen, comment=comment, approves=self.approves)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The proof of a write: the commit that shows it, and its time.

    `changed` is False when everything was so already.
    """

    commit: str
    at: Timestamp
    changed: bool
    proposal: Proposal


@dataclass(frozen=True, slots=True, kw_only=True)
class Bringer:
    """Who brings what others did elsewhere: the committer, by whose rights the policy judges.

    `at` is when; None: the commits bear the times of the acts themselves.
    """

    actor: Actor
    at: Timestamp | None


def apply(store: Store, act: Act, decide: Decide) -> Written:
    """Makes one change directly on `main`.

    Raises:
        PermissionDenied: a rule is not met.
        Whatever `decide` refuses; Conflict, Unavailable from the store. Nothing was changed then.
    """
    return apply_all(store, [(act, decide)])[0]


def apply_all(store: Store, changes: Sequence[tuple[Act, Decide]], *, bringer: Bringer | None = None) -> list[Written]:
    """Makes changes one after the other, a commit each, published together: all of them or none.

    With a `bringer` the acts are of other people and times, who are the commits' authors.
    """

    def plan(session: Session) -> list[Written]:
        snapshot = session.snapshot()
        layout = snapshot.layout
        overlay: Overlay | None = None  # what the changes so far have made of it
        tip = session.main
        written = []
        for act, decide in changes:
            here = overlay or snapshot
            proposal = with_following(here, decide(here), act)
            at = bringer.at if bringer and bringer.at is not None else act.at
            if proposal.edits:
                require_allowed(proposal, here.policy(), bringer.actor if bringer else act.actor, approves=act.approves)
                after = Overlay(here, proposal.edits)
                refuse_untrue(after, proposal.edits)
                found = {key: files_as_read(key, entity, layout) for key, entity in proposal.edits.items()}
                tip = session.commit(
                    onto=tip,
                    parents=[tip],
                    files={path: data for files, _ in found.values() for path, data in files.items()},
                    author=act.actor,
                    committer=bringer.actor if bringer else None,
                    at_seconds=at // 1000,
                    authored_seconds=act.at // 1000 if bringer else None,
                    message=write_message(proposal.headline, act.comment, act.id, at),
                )
                if overlay is None:
                    overlay = after
                else:
                    overlay.add(proposal.edits)
                _remember(session, found, layout)
            written.append(Written(commit=tip, at=at, changed=bool(proposal.edits), proposal=proposal))
        if tip != session.main:
            session.move(MAIN, old=session.main, new=tip)
        return written

    first = changes[0][0]
    actor, seconds = (bringer.actor, (bringer.at or first.at) // 1000) if bringer else (first.actor, first.at // 1000)
    entry = ReflogEntry(actor=actor, at_seconds=seconds, message="registry-git")
    return store.transact(plan, describe=entry)


def _remember(
    session: Session, written: Mapping[Key, tuple[Mapping[str, bytes | None], Entity | None]], layout: Layout
) -> None:
    """Spares the next read from decoding what has just been encoded."""
    for key, (content, entity) in written.items():
        path = path_of(key, layout)
        data = content[path]
        if entity is not None and data is not None:
            session.repository.remember(session.staging.blob(data), path, entity)


def manifest_files(edits: Edits, layout: Layout) -> dict[str, bytes | None]:
    """The files that edits write (path to content) and remove (None)."""
    found: dict[str, bytes | None] = {}
    for key, entity in edits.items():
        found.update(files(key, entity, layout))
    return found


def refuse_untrue(after: Snapshot, edits: Edits) -> None:
    """Returns when the edited manifests agree with the others. Raises: Conflict."""
    for _, sentence in disagreements(after, [key for key, entity in edits.items() if entity is not None]):
        raise Conflict(f"This would leave the registry untrue: {sentence}.", hint="Refresh, and ask again.")


def require_allowed(proposal: Proposal, policy: Policy, actor: Actor, *, approves: bool = True) -> None:
    """Returns when the policy lets `actor` make the change directly, which `approves` counts as an approval of.

    Raises:
        PermissionDenied: naming the rule, and what would satisfy it.
    """
    change = Change(touches=proposal.touches, requester=actor, requested=False, approves=approves)
    decision = evaluate(change, policy, ())
    if not decision.allowed:
        raise denied(proposal, decision)


def denied(proposal: Proposal, decision: Decision) -> PermissionDenied:
    """The refusal: the first rule that is not met, and the command that leads further."""
    # a gate stands before any approval, so its command is the more useful one
    unmet = min(decision.unmet, key=lambda one: one.by_approval)
    more = f" (and {len(decision.unmet) - 1} more)" if len(decision.unmet) > 1 else ""
    command = request_command(proposal)
    if not unmet.by_approval:
        hint = unmet.satisfy
    elif command:
        hint = f"Ask for it with: {command}"
    else:
        hint = "No request can ask for this: change the rule first, with a request for another policy."
    return PermissionDenied(f"The policy does not allow this: {unmet.rule}: {unmet.why}{more}.", hint=hint)
