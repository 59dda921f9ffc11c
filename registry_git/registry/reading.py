"""Reads: the same for `main` as it is and for any moment of its past."""

from __future__ import annotations

from collections.abc import Sequence

from registry_git.core.activity import Activity, requested, reviewed
from registry_git.core.errors import NotFound
from registry_git.core.model import Policy
from registry_git.core.names import ModelName, parse_version
from registry_git.core.search import Target, check_max_results, parse_filter, parse_order, without_prompts
from registry_git.core.snapshot import Snapshot, find_stage, shown_stage, stages_of
from registry_git.core.uris import Reference, parse_reference
from registry_git.gitstore.snapshot import GitSnapshot
from registry_git.gitstore.store import Store
from registry_git.index.index import Index
from registry_git.index.queries import Page, Queries
from registry_git.manifests.codec import encode
from registry_git.manifests.layout import parse_request_ref
from registry_git.registry.comparison import compare
from registry_git.registry.request_views import RequestReading
from registry_git.registry.views import CommentView, FieldDifference, ModelView, Resolution, VersionView


class Reading(RequestReading):
    """Answers about the registry. Point reads go to git; lists, search and activities to the index."""

    def __init__(self, store: Store, index: Index) -> None:
        self._store = store
        self._index = index

    def _snapshot(self) -> GitSnapshot:
        return self._store.snapshot()

    def _queries(self, snapshot: Snapshot) -> Queries:
        return Queries(self._index.at(snapshot.commit))

    @property
    def commit(self) -> str:
        """The commit that is shown."""
        return self._snapshot().commit

    def policy(self) -> Policy:
        """`registry.yaml`: stages, roles, rules."""
        return self._snapshot().policy()

    def models(
        self, *, filter: str = "", order_by: Sequence[str] = (), limit: int | None = None, offset: int = 0
    ) -> list[ModelView]:
        """The registered models that pass a filter, `limit` of them (100 by default, 1,000 at most) from `offset` on.

        Raises:
            Invalid: a filter, order or limit that makes no sense.
        """
        snapshot = self._snapshot()
        queries = self._queries(snapshot)
        page = Page(limit=check_max_results(limit, Target.MODELS), offset=offset)
        given = without_prompts(parse_filter(filter, Target.MODELS))
        names = queries.models(given, parse_order(order_by, Target.MODELS), page)
        return [self._model_view(snapshot, name, queries) for name in names]

    def search_versions(
        self, filter: str = "", *, order_by: Sequence[str] = (), limit: int | None = None, offset: int = 0
    ) -> list[VersionView]:
        """The versions that pass a filter, `limit` of them (10,000 by default, 200,000 at most) from `offset` on.

        Raises:
            Invalid: a filter, order or limit that makes no sense.
        """
        snapshot = self._snapshot()
        queries = self._queries(snapshot)
        page = Page(limit=check_max_results(limit, Target.VERSIONS), offset=offset)
        given = without_prompts(parse_filter(filter, Target.VERSIONS))
        found = queries.versions(given, parse_order(order_by, Target.VERSIONS), page)
        return [_version_view(snapshot, name, number, queries) for name, number in found]

    def model(self, name: str) -> ModelView:
        """One registered model. Raises: NotFound."""
        snapshot = self._snapshot()
        return self._model_view(snapshot, ModelName.parse(name), self._queries(snapshot))

    def version(self, name: str, version: int | str) -> VersionView:
        """One model version. Raises: NotFound."""
        snapshot = self._snapshot()
        return _version_view(snapshot, ModelName.parse(name), parse_version(version), self._queries(snapshot))

    def versions(self, name: str) -> list[VersionView]:
        """All versions of a model, newest first. Raises: NotFound."""
        snapshot = self._snapshot()
        model = snapshot.model(ModelName.parse(name)).name
        queries = self._queries(snapshot)
        return [_version_view(snapshot, model, number, queries) for number in reversed(snapshot.versions(model))]

    def lookup(self, reference: str) -> VersionView:
        """The version that `fraud/12`, `fraud/Production`, `fraud@champion` or a URI names. Raises: NotFound."""
        snapshot = self._snapshot()
        found = _resolve(snapshot, parse_reference(reference))
        return _version_view(snapshot, ModelName(found.model), found.version, self._queries(snapshot))

    def resolve(self, uri: str) -> Resolution:
        """What a `models:/` URI (or a short reference) names now. Needs no index.

        Raises:
            NotFound: nothing is there; Invalid: it names a model alone, or is no URI.
        """
        return _resolve(self._snapshot(), parse_reference(uri))

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
        found.sort(key=lambda activity: activity.creation_timestamp)
        return found if limit is None else found[-limit:]

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

    def diff(self, left: str, right: str) -> list[FieldDifference]:
        """The fields in which two versions differ. Raises: NotFound."""
        snapshot = self._snapshot()
        sides = []
        for reference in (left, right):
            found = _resolve(snapshot, parse_reference(reference))
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
        return encode(snapshot.version(model.name, _resolve(snapshot, wanted).version)).decode()

    def _asked(self, model: ModelName | None, version: int | None) -> list[Activity]:
        """The activities of open requests, which are on their branches and not yet on `main`."""
        found = []
        for record in self._open_records():
            if (model is None or record.model == model) and (version is None or record.version == version):
                found.append(requested(record))
                found += [reviewed(record, place) for place in range(len(record.reviews))]
        return found

    def _model_view(self, snapshot: Snapshot, name: ModelName, queries: Queries) -> ModelView:
        model = snapshot.model(name)
        numbers = snapshot.versions(name)
        branches = [parse_request_ref(branch) for branch in self._branches()]
        return ModelView(
            name=model.name,
            description=model.description,
            tags=dict(model.tags),
            created=model.created,
            created_by=model.created_by,
            last_updated=queries.model_updated(name) or model.created,
            latest_version=numbers[-1] if numbers else None,
            versions=len(numbers),
            stages={pointer.stage: pointer.versions for pointer in snapshot.stage_pointers(name)},
            aliases={pointer.alias: pointer.version for pointer in snapshot.alias_pointers(name)},
            open_requests=sum(1 for key in branches if key is not None and key.model == name),
            commit=snapshot.commit,
        )


def _version_view(snapshot: Snapshot, name: ModelName, number: int, queries: Queries) -> VersionView:
    version = snapshot.version(name, number)
    stages = stages_of(snapshot.stage_pointers(name), number)
    return VersionView(
        model=version.model,
        version=version.version,
        stage=shown_stage(snapshot.policy(), stages),
        stages=stages,
        aliases=tuple(pointer.alias for pointer in snapshot.alias_pointers(name) if pointer.version == number),
        source=version.source,
        digest=version.digest,
        format=version.format,
        status=version.status.value,
        description=version.description,
        tags=dict(version.tags),
        created=version.created,
        created_by=version.created_by,
        last_updated=queries.version_updated(name, number) or version.created,
        manifest=version,
        commit=snapshot.commit,
    )


def _resolve(snapshot: Snapshot, wanted: Reference) -> Resolution:
    model = wanted.model
    stage = alias = ""
    if wanted.alias is not None:
        alias = wanted.alias
        pointer = snapshot.alias_pointer(model, wanted.alias)
        if pointer is None:
            snapshot.model(model)
            known = ", ".join(snapshot.aliases(model)) or "none"
            raise NotFound(f"{model} has no alias {alias!r}.", hint=f"Its aliases: {known}.")
        number = pointer.version
    elif wanted.stage:
        number, stage = _in_stage(snapshot, model, wanted.stage)
    elif wanted.version is not None:
        number = wanted.version
    else:
        snapshot.model(model)
        numbers = snapshot.versions(model)
        if not numbers:
            raise NotFound(f"{model} has no versions.", hint=f"Register one: registry-git register {model} SOURCE")
        number = numbers[-1]
    version = snapshot.version(model, number)
    return Resolution(
        uri=f"models:/{model}/{number}",
        model=model,
        version=number,
        source=version.source,
        digest=version.digest,
        format=version.format,
        stage=stage,
        alias=alias,
        commit=snapshot.commit,
    )


def _in_stage(snapshot: Snapshot, model: ModelName, text: str) -> tuple[int, str]:
    stage = find_stage(snapshot.policy(), text)
    if stage is None:
        placed = {number for pointer in snapshot.stage_pointers(model) for number in pointer.versions}
        free = [number for number in snapshot.versions(model) if number not in placed]
        if not free:
            snapshot.model(model)
            raise NotFound(f"Every version of {model} is in a stage.")
        return free[-1], ""
    pointer = snapshot.stage_pointer(model, stage.name)
    if pointer is None:
        snapshot.model(model)
        held = ", ".join(f"{p.stage} (v{p.version})" for p in snapshot.stage_pointers(model)) or "none"
        raise NotFound(f"{model} has no version in {stage.name}.", hint=f"Stages that hold one: {held}.")
    return pointer.version, stage.name
