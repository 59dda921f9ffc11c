"""Reads: the same for `main` as it is and for any moment of its past.

What only some of them ask is imported by those: most commands are one read or one write, and begin with these imports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from registry_git.core.activity import Activity, requested, reviewed
from registry_git.core.errors import Corrupt, NotFound
from registry_git.core.keys import VersionKey
from registry_git.core.model import Policy, TransitionRequest
from registry_git.core.names import Id, ModelName, parse_version
from registry_git.core.snapshot import Snapshot, find_stage
from registry_git.core.uris import Reference, parse_reference
from registry_git.gitstore.revisions import find_revision
from registry_git.gitstore.snapshot import GitSnapshot
from registry_git.gitstore.store import Store
from registry_git.manifests.codec import encode
from registry_git.manifests.layout import POLICY_PATH, model_directory, path_of
from registry_git.registry.deployed import DeploymentReading
from registry_git.registry.inbox import Inbox
from registry_git.registry.listing import ModelListing
from registry_git.registry.resolving import Resolution, resolve
from registry_git.registry.showing import Showing
from registry_git.registry.story import Story
from registry_git.registry.views import CommentView, ModelView, VersionView

if TYPE_CHECKING:
    from registry_git.core.stays import Stays
    from registry_git.index.entries import AtHand, Entries
    from registry_git.index.index import Index
    from registry_git.index.told import Told
    from registry_git.registry.comparison import FieldDifference
    from registry_git.registry.finding import Finding
    from registry_git.registry.tree import Tree


class Reading(Inbox, Story, DeploymentReading, ModelListing):
    """Answers about the registry. Point reads go to git; lists, search and activities to the index."""

    def __init__(self, store: Store, index: Index | None = None) -> None:
        """`index`: by default the one beside the repository, from when something is asked of it."""
        self._store = store
        self._known_index = index

    @property
    def _index(self) -> Index:
        if self._known_index is None:
            from registry_git.index.index import Index

            self._known_index = Index(self._store.repository)
        return self._known_index

    def _snapshot(self) -> GitSnapshot:
        return self._store.snapshot()

    def _look_again(self) -> None:
        self._store.refresh_to_read()

    def _queries(self, snapshot: Snapshot) -> Told:
        from registry_git.index.told import Told

        return Told(self._index, snapshot.commit)

    @property
    def commit(self) -> str:
        """The commit that is shown."""
        return self._snapshot().commit

    @property
    def committed(self) -> int:
        """When the commit that is shown was made, in milliseconds."""
        return self._store.repository.commit(self.commit).at * 1000

    def snapshot(self) -> Snapshot:
        """The registry as it is now, for reads that belong together. Raises: NotFound when there is none."""
        return self._snapshot()

    def entries(self, of: ModelName | None = None) -> Entries:
        """The index, brought to what is there now, for searches that answer with whole entries.

        `of`: for what it knows of this model alone; then it need not have heard of what happened elsewhere since.
        """
        from registry_git.index.entries import Entries

        snapshot = self._snapshot()
        if of is None:
            return Entries(self._index, snapshot.commit)
        paths = (POLICY_PATH, model_directory(of, snapshot.layout))
        return Entries(self._index, self._index.as_good_as(snapshot.commit, paths))

    def at_hand(self, commit: str) -> AtHand | None:
        """What the index knows if it shows this commit already: a read of one thing does not wait for it."""
        from registry_git.index.entries import AtHand

        db = self._index.at_hand()
        return None if db is None else AtHand(db, commit)

    def tree(self, revision: str = "") -> Tree:
        """The registry with all its files, also those that it does not keep itself: as it is shown, or at a revision.

        `revision` is a branch or commit, as `HEAD` in a pull request's checkout. Raises: Invalid, NotFound.
        """
        from registry_git.registry.tree import Tree

        repository = self._store.repository
        if not revision:
            return Tree(snapshot=self._snapshot(), repository=repository)
        return Tree(snapshot=GitSnapshot(repository, find_revision(repository, revision)), repository=repository)

    def policy(self) -> Policy:
        """`registry.yaml`: stages, roles, rules."""
        return self._snapshot().policy()

    def search_versions(
        self,
        filter: str = "",
        *,
        order_by: Sequence[str] = (),
        limit: int | None = None,
        offset: int = 0,
        prompts: bool = False,
    ) -> list[VersionView]:
        """The versions that pass a filter, `limit` of them (10,000 by default, 200,000 at most) from `offset` on.

        Those that MLflow keeps as prompts are left out, as in its own searches, unless the filter asks for them or
        `prompts` is true.

        Raises:
            Invalid: a filter, order or limit that makes no sense.
        """
        from registry_git.core.search import Target, check_max_results, parse_filter, parse_order, without_prompts
        from registry_git.index.queries import Page

        snapshot = self._snapshot()
        page = Page(limit=check_max_results(limit, Target.VERSIONS), offset=offset)
        given = parse_filter(filter, Target.VERSIONS)
        given = given if prompts else without_prompts(given)
        places = self._queries(snapshot).versions(given, parse_order(order_by, Target.VERSIONS), page)
        showing = self._showing(snapshot, many=True)
        found = []
        for name, number, updated in places:
            with suppress(NotFound):  # the index may be a moment ahead, when somebody writes just now
                found.append(showing.version(name, number, updated=updated))
        return found

    def model(self, name: str) -> ModelView:
        """One registered model. Raises: NotFound."""
        return self._showing(self._snapshot()).model(ModelName.parse(name))

    def version(self, name: str, version: int | str) -> VersionView:
        """One model version. Raises: NotFound."""
        return self._showing(self._snapshot()).version(ModelName.parse(name), parse_version(version))

    def unreadable(self) -> list[Finding]:
        """The manifests that lists leave out, since they cannot be read; `check` says more."""
        from registry_git.registry.finding import Finding

        queries = self._queries(self._snapshot())
        return [Finding(level="error", path=path, message=message) for path, message in queries.problems()]

    def versions(self, name: str) -> list[VersionView]:
        """All versions of a model, newest first; without those that cannot be read (`unreadable`). Raises: NotFound."""
        snapshot = self._snapshot()
        model = snapshot.model(ModelName.parse(name)).name
        showing = self._showing(snapshot, many=True)
        updated = self._queries(snapshot).versions_updated(model)
        found = []
        for number in reversed(snapshot.versions(model)):
            try:
                found.append(showing.version(model, number, updated=updated.get(number, 0)))
            except Corrupt as problem:
                # one broken manifest must not hide the others; a damaged repository is never passed over
                if problem.path != path_of(VersionKey(model=model, version=number), snapshot.layout):
                    raise
        return found

    def lookup(self, reference: str) -> VersionView:
        """The version that `fraud/12`, `fraud/Production`, `fraud@champion` or a URI names. Raises: NotFound."""
        snapshot = self._snapshot()
        found = resolve(snapshot, parse_reference(reference))
        return self._showing(snapshot).version(ModelName(found.model), found.version)

    def resolve(self, uri: str) -> Resolution:
        """What a `models:/` URI (or a short reference) names now. Needs no index.

        Raises:
            NotFound: nothing is there; Invalid: it names a model alone, or is no URI.
        """
        return resolve(self._snapshot(), parse_reference(uri))

    def activity(
        self, name: str | None = None, version: int | str | None = None, *, limit: int | None = None, after: int = 0
    ) -> list[Activity]:
        """What happened, oldest first: of everything, one model or one version; the newest `limit` of it.

        Open requests are part of it. `after` is a cursor from `activity_cursor`: only what came later.

        Raises:
            NotFound: a model that neither exists nor ever did.
        """
        snapshot = self._snapshot()
        queries = self._queries(snapshot)
        number = None if version is None else parse_version(version)
        model = None if name is None else ModelName.parse(name)
        found = queries.activities(model, number, limit=limit, after=after)
        if not after:
            found += self._asked(model, number)
        if not found and model is not None:
            snapshot.model(model)
            if number is not None:
                snapshot.version(model, number)
        # commits know whole seconds only: within one, the order of the history is the order of events
        found.sort(key=lambda activity: activity.creation_timestamp // 1000)
        return found if limit is None else found[-limit:]

    def stays(self, name: str, *, limit: int = 200) -> Stays:
        """Which version was in which stage of a model, from when until when; those that began last, `limit` of them.

        Raises:
            NotFound: no such model.
        """
        from registry_git.index.stayed import Stayed

        snapshot = self._snapshot()
        model = snapshot.model(ModelName.parse(name)).name
        return Stayed(self._index, snapshot.commit).stays(model, limit=limit)

    def committed_at(self) -> int:
        """When the commit that is shown was made, in milliseconds, by the whole second."""
        return self._store.repository.commit(self._snapshot().commit).at * 1000

    def activity_cursor(self) -> int:
        """The place behind the newest activity."""
        return self._queries(self._snapshot()).cursor()

    def comments(self, name: str, version: int | str) -> list[CommentView]:
        """The comments on a version, oldest first. Raises: NotFound."""
        snapshot = self._snapshot()
        found = snapshot.version(ModelName.parse(name), parse_version(version))
        ids = snapshot.comments(found.model, found.version)
        comments = [c for one in ids if (c := snapshot.comment(found.model, found.version, one))]
        comments.sort(key=lambda comment: (comment.created, comment.id))
        return [CommentView.of(comment, snapshot.commit) for comment in comments]

    def comment(self, id: str) -> CommentView:
        """A comment, wherever it is. Raises: NotFound."""
        snapshot = self._snapshot()
        wanted = Id.parse(id)
        for model, version in self._queries(snapshot).places_of_comment(wanted):
            found = snapshot.comment(model, version, wanted)
            if found is not None:
                return CommentView.of(found, snapshot.commit)
        raise NotFound(f"There is no comment {wanted}.", hint="It may have been deleted; the history has it.")

    def model_named(self, id: str) -> ModelName:
        """The name of the model with an id. Raises: NotFound."""
        wanted = Id.parse(id)
        for name in self._queries(self._snapshot()).names_of(wanted):
            return name
        raise NotFound(f"No model has the id {wanted}.", hint="databricks/registered-models/get tells a model's id.")

    def diff(self, left: str, right: str) -> list[FieldDifference]:
        """The fields in which two versions differ. Raises: NotFound."""
        from registry_git.registry.comparison import compare

        snapshot = self._snapshot()
        sides = []
        for reference in (left, right):
            found = resolve(snapshot, parse_reference(reference))
            sides.append(snapshot.version(ModelName(found.model), found.version))
        return compare(*sides)

    def manifest(self, reference: str) -> str:
        """The YAML text of a manifest: a model's, a version's, or a stage's or alias's pointer. Raises: NotFound."""
        snapshot = self._snapshot()
        wanted = parse_reference(reference)
        model = snapshot.model(wanted.model)
        if wanted.alias is not None and (alias := snapshot.alias_pointer(model.name, wanted.alias)):
            return encode(alias).decode()
        if wanted.stage and (stage := find_stage(snapshot.policy(), wanted.stage)):
            pointer = snapshot.stage_pointer(model.name, stage.name)
            if pointer is not None:
                return encode(pointer).decode()
        if wanted == Reference(model=wanted.model):
            return encode(model).decode()
        return encode(snapshot.version(model.name, resolve(snapshot, wanted).version)).decode()

    def check(self, progress: Callable[[int], None] | None = None) -> list[Finding]:
        """What is wrong with the manifests; empty when all is well. `progress` is told of each file."""
        from registry_git.registry.checking import check

        return list(check(self._store.repository, self._snapshot(), progress))

    def _asked(self, model: ModelName | None, version: int | None) -> list[Activity]:
        """The activities of open requests, which are on their branches and not yet on `main`."""
        found = []
        for record in self._open_records(self._branches(), model):
            if (model is None or record.model == model) and (version is None or record.version == version):
                found += _told(record)
        return found

    def _last_asked(self, branches: Mapping[str, str], model: ModelName | None = None) -> dict[str, int]:
        found: dict[str, int] = {}
        for record in self._open_records(branches, model):
            if record.model is not None:
                newest = max(activity.creation_timestamp for activity in _told(record))
                found[record.model] = max(newest, found.get(record.model, 0))
        return found

    def _showing(self, snapshot: Snapshot, *, many: bool = False) -> Showing:
        return Showing(snapshot, lambda: self._queries(snapshot), self._branches, self._last_asked, many=many)


def _told(record: TransitionRequest) -> list[Activity]:
    return [requested(record), *(reviewed(record, place) for place in range(len(record.reviews)))]
