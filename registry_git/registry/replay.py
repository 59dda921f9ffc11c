"""`sync`: what was written offline goes to the remote, decided again where that has moved on meanwhile.

A commit is replayed when every file that it changed is at the remote as it was when the commit was made, and the
numbers in it mean there what they meant here; with it rolls what follows from it there. A registration whose number was
given to somebody else gets the next one. What fits neither way stays on a branch here, by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from registry_git.core.changes.following import with_following
from registry_git.core.changes.proposal import Act, Headline, Proposal
from registry_git.core.changes.registration import NewVersion, register
from registry_git.core.deployed import AUTO, target, used
from registry_git.core.errors import Conflict, Corrupt, Invalid
from registry_git.core.keys import CommentKey, Key, VersionKey
from registry_git.core.model import AliasPointer, Deployment, Entity, ModelVersion, StagePointer
from registry_git.core.names import Id, ModelName
from registry_git.core.snapshot import Overlay
from registry_git.gitstore.commits import Commit
from registry_git.gitstore.following import Following, unsent
from registry_git.gitstore.merge import changed_files
from registry_git.gitstore.refs import ReflogEntry, move_ref
from registry_git.gitstore.remote import REQUESTS, RefMove, tracked
from registry_git.gitstore.repository import MAIN, TRACKED_MAIN
from registry_git.gitstore.session import Session
from registry_git.gitstore.snapshot import GitSnapshot
from registry_git.gitstore.store import Store
from registry_git.manifests.layout import key_of, parse_request_ref
from registry_git.manifests.messages import read_comment, read_forced, read_operation, read_time, write_message
from registry_git.registry.writing import manifest_files, refuse_untrue

UNSYNCED = "refs/heads/unsynced/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Renumbered:
    """A version that was registered offline under a number that somebody else got first."""

    model: str
    old: int
    new: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """What `sync` did. `sent` counts commits; `kept` are the subjects of those that did not fit, on branch `kept_on`.

    `requests_sent` were made offline and are at the remote now; `requests_kept` refer to what did not arrive as it was.
    """

    commit: str
    remote: str
    brought: bool
    sent: int
    renumbered: tuple[Renumbered, ...] = ()
    kept: tuple[str, ...] = ()
    kept_on: str = ""
    requests_sent: tuple[str, ...] = ()
    requests_kept: tuple[str, ...] = ()

    def __str__(self) -> str:
        """What happened, in sentences."""
        said = []
        if self.brought:
            said.append(f"Brought main to {self.commit[:12]} from {self.remote}.")
        if self.sent:
            said.append(f"Sent {self.sent} commit{'s' if self.sent > 1 else ''} to {self.remote}.")
        said += [f"v{one.old} of {one.model} is v{one.new} now: its number was taken." for one in self.renumbered]
        if self.requests_sent:
            said.append(f"Sent the requests {', '.join(self.requests_sent)}.")
        if self.kept:
            said.append(f"Did not fit and stays on the branch {self.kept_on}: {'; '.join(self.kept)}.")
        if self.requests_kept:
            said.append(f"These requests build on that and stay here: {', '.join(self.requests_kept)}.")
        return " ".join(said) or f"Everything is as at {self.remote}."


def sync(store: Store, act: Act) -> Synced:
    """Brings what the remote has here, and sends it what it lacks. The act's id names the branch of what does not fit.

    Raises:
        Invalid: there is no remote, or offline was asked for; Corrupt: its history was rewritten; Unavailable.
        Conflict: edits in the work tree are in the way.
    """
    following = store.following
    if following is None:
        raise Invalid("This registry follows no remote.", hint="Clone one with: registry-git clone URL PATH")
    with store.locked():
        before = store.repository.ref(MAIN)
        following.fetch()
        theirs = store.repository.ref(TRACKED_MAIN)
        waiting = [] if theirs == before else unsent(store.repository)
        straight = theirs is None or (before is not None and store.repository.is_ancestor(theirs, before))
        aside = ""
        if waiting and straight:
            following.publish([RefMove(name=MAIN, old=theirs, new=before)], None)
        elif theirs is not None and theirs != before:
            if waiting:
                # everything stays reachable here until all of it has arrived there
                aside = UNSYNCED + act.id
                move_ref(store.repository.git_dir, aside, old=None, new=before)
            following.show(before, theirs)
    renumbered: list[Renumbered] = []
    kept: list[str] = []
    if aside:
        for oid in waiting:
            commit = store.repository.commit(oid)
            if not _replay(store, commit, renumbered):
                kept.append(commit.message.partition("\n")[0])
        if not kept:
            move_ref(store.repository.git_dir, aside, old=before, new=None)
    sent, left = _send_requests(store, following, {one.model for one in renumbered}, whole=not kept)
    return Synced(
        commit=store.repository.ref(MAIN) or "",
        remote=following.remote.url,
        brought=theirs is not None and theirs != before and not (waiting and straight),
        sent=len(waiting) - len(kept),
        renumbered=tuple(renumbered),
        kept=tuple(kept),
        kept_on=aside.removeprefix("refs/heads/") if kept else "",
        requests_sent=tuple(sent),
        requests_kept=tuple(left),
    )


def _replay(store: Store, commit: Commit, renumbered: list[Renumbered]) -> bool:
    """Makes the commit again on today's `main`; False when it does not fit."""
    repository = store.repository
    if len(commit.parents) != 1:
        return False  # a decision was given to what was on `main` then, and `main` has moved on
    then = repository.tree_of(commit.parents[0])
    edits = changed_files(repository, commit.parents[0], commit.id)
    moved: list[Renumbered] = []

    def plan(session: Session) -> bool:
        moved.clear()
        here = {path: _blob(repository.entry(session.tree_of(session.main), path)) for path in edits}
        if here == edits:
            return True
        if any(here[path] != _blob(repository.entry(then, path)) for path in edits):
            return _register_again(session, commit, list(edits), moved)
        blobs = _with_following(session, commit, edits)
        if blobs is None:
            return False
        tip = session.commit_blobs(
            onto=session.main,
            parents=(session.main,),
            blobs=blobs,
            author=commit.author,
            at_seconds=commit.at,
            message=commit.message,
        )
        session.move(MAIN, old=session.main, new=tip)
        return True

    done = store.transact(plan, describe=_reflog(commit))
    renumbered += moved
    return done


def _with_following(session: Session, commit: Commit, edits: dict[str, str | None]) -> dict[str, str | None] | None:
    """The files of a commit, and those of deployments that follow what it moves here; None when it does not fit.

    A deployment that was declared there meanwhile rolls with a promotion that was made here, and the other way round.
    """
    made, now = GitSnapshot(session.repository, commit.id), session.snapshot()
    keys = [key for path in edits if (key := key_of(path, made.layout)) is not None]
    try:
        entities = {key: made.find(key) for key in keys}
    except Corrupt:
        return edits  # a hand edit that cannot be read goes as it is, and `check` names it
    if _means_others(made, now, entities):
        return None
    if made.layout is not now.layout:
        return edits
    act = Act(
        actor=commit.author,
        at=read_time(commit.message, commit.at),
        id=Id(read_operation(commit.message)),
        comment=read_comment(commit.message),
        force=read_forced(commit.message),
    )
    headline = Headline(sentence=commit.message.partition("\n")[0], action="replay")
    proposal = Proposal(edits=entities, touches=(), headline=headline)
    try:
        followed = with_following(now, proposal, act).edits
        refuse_untrue(Overlay(now, followed), followed)
    except Conflict:
        return None
    more = {key: entity for key, entity in followed.items() if entity != proposal.edits.get(key)}
    files = manifest_files(more, now.layout)
    return edits | {path: None if data is None else session.staging.blob(data) for path, data in files.items()}


def _means_others(made: GitSnapshot, now: GitSnapshot, entities: Mapping[Key, Entity | None]) -> bool:
    """Whether a number in what was written here is another version's there, which registered it first."""
    after = Overlay(now, entities)
    for key, entity in entities.items():
        for version in _versions_in(after, key, entity):
            ours, theirs = made.find(version), now.find(version)
            if isinstance(ours, ModelVersion) and isinstance(theirs, ModelVersion) and ours.id != theirs.id:
                return True
    return False


def _versions_in(after: Overlay, key: Key, entity: Entity | None) -> Iterator[VersionKey]:
    """The versions that an entity names. What a deployment uses by itself is found anew, where it follows something."""
    model: ModelName | None = getattr(key, "model", None)
    numbers: tuple[int | None, ...] = ()
    if isinstance(key, CommentKey):
        numbers = (key.version,)
    elif isinstance(entity, StagePointer):
        numbers = entity.versions
    elif isinstance(entity, AliasPointer):
        numbers = (entity.version,)
    elif isinstance(entity, Deployment) and (entity.follow != AUTO or target(after, entity) is None):
        model, numbers = entity.model, (used(entity),)
    yield from (VersionKey(model=model, version=number) for number in numbers if model and number)


def _register_again(session: Session, commit: Commit, paths: list[str], moved: list[Renumbered]) -> bool:
    """A registration under the next free number; False when the commit is anything else."""
    made = GitSnapshot(session.repository, commit.id)
    now = session.snapshot()
    keys = [key_of(path, made.layout) for path in paths]
    versions = [key for key in keys if isinstance(key, VersionKey)]
    version = made.find(versions[0]) if len(versions) == 1 and None not in keys and len(keys) <= 2 else None
    if not isinstance(version, ModelVersion) or made.layout is not now.layout:
        return False
    if GitSnapshot(session.repository, commit.parents[0]).find(versions[0]) is not None:
        return False  # it says something of a version that was there
    again = Act(actor=version.created_by, at=version.created, id=version.id)
    new = NewVersion(
        source=version.source,
        origin=version.origin,
        digest=version.digest,
        format=version.format,
        flavors=version.flavors,
        signature=version.signature,
        status=version.status,
        status_message=version.status_message,
        description=version.description,
        tags=version.tags,
        lineage=version.lineage,
    )
    proposal = register(now, again, model=version.model, new=new)
    tip = session.commit(
        onto=session.main,
        parents=(session.main,),
        files=manifest_files(proposal.edits, now.layout),
        author=commit.author,
        at_seconds=commit.at,
        message=write_message(proposal.headline, "", version.id),
    )
    session.move(MAIN, old=session.main, new=tip)
    number = proposal.headline.version or 0
    moved.append(Renumbered(model=version.model, old=version.version, new=number))
    return True


def _send_requests(
    store: Store, following: Following, renumbered: set[str], *, whole: bool
) -> tuple[list[str], list[str]]:
    """Pushes request branches that were made offline; gives the ids of those sent, and of those that stay here.

    One that builds on commits which did not arrive as they were could mean another version by the same number.
    """
    sent: list[str] = []
    left: list[str] = []
    main = store.snapshot()
    for branch, tip in store.repository.refs(REQUESTS).items():
        key = parse_request_ref(branch)
        if key is None or store.repository.ref(tracked(branch)) or main.request(key.model, key.request):
            continue
        parents = store.repository.commit(tip).parents
        arrived = all(store.repository.is_ancestor(parent, main.commit) for parent in parents[:1])
        if arrived or (whole and key.model not in renumbered and len(parents) == 1):
            with store.locked():
                following.publish([RefMove(name=branch, old=None, new=tip)], None)
            sent.append(key.request)
        else:
            left.append(key.request)
    return sent, left


def _blob(entry: tuple[str, str] | None) -> str | None:
    return entry[1] if entry else None


def _reflog(commit: Commit) -> ReflogEntry:
    return ReflogEntry(actor=commit.author, at_seconds=commit.at, message="registry-git: sync")
