"""Lists of models: one page, answered by the index, whatever there is to show of them.

What searches takes is imported by the methods: this is a part of all reading, most of which searches nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from registry_git.core.errors import NotFound
from registry_git.core.names import ModelName, StageName, parse_text
from registry_git.gitstore.snapshot import GitSnapshot
from registry_git.manifests.layout import key_of, parse_request_ref
from registry_git.registry.showing import Showing
from registry_git.registry.views import ModelPage, ModelView

if TYPE_CHECKING:
    from registry_git.index.index import Index
    from registry_git.index.listed import Listed, ListedModel, Wanted
    from registry_git.index.queries import Page

_WORDS_MAX = 200  # characters


class ModelListing(ABC):
    """The part of reading that lists models."""

    @property
    @abstractmethod
    def _index(self) -> Index:
        """What answers."""

    @abstractmethod
    def _snapshot(self) -> GitSnapshot:
        """The moment that is shown."""

    @abstractmethod
    def _branches(self) -> dict[str, str]:
        """The branches of open requests."""

    @abstractmethod
    def _last_asked(self, branches: Mapping[str, str], model: ModelName | None = None) -> dict[str, int]:
        """When something last happened on these branches, by model."""

    @abstractmethod
    def _showing(self, snapshot: GitSnapshot, *, many: bool = False) -> Showing:
        """Views from manifests."""

    def models(
        self, *, filter: str = "", order_by: Sequence[str] = (), limit: int | None = None, offset: int = 0
    ) -> list[ModelView]:
        """The registered models that pass a filter, `limit` of them (100 by default, 1,000 at most) from `offset` on.

        Raises:
            Invalid: a filter, order or limit that makes no sense.
        """
        page = _page(limit, offset)
        return list(self._listed(_wanted(filter, "", order_by), page, counted=False).models)

    def model_page(
        self,
        *,
        text: str = "",
        filter: str = "",
        order_by: Sequence[str] = (),
        limit: int | None = None,
        offset: int = 0,
    ) -> ModelPage:
        """A page of the models, and how many there are on all pages.

        Args:
            text: words, each of which is in the name, description, creator or a tag, in upper or lower case.
            filter: as in `models`; both must hold.
            order_by: `name`, `last_activity`, `last_updated_timestamp` or `creation_timestamp`, each with `DESC` behind
                it or not; by name if there is none.
            limit: models on a page (100 by default, 1,000 at most).
            offset: how many models come before the page.

        Raises:
            Invalid: a text, filter, order or limit that makes no sense.
        """
        page = _page(limit, offset)
        return self._listed(_wanted(filter, text, order_by), page, counted=True)

    def _listed(self, wanted: Wanted, page: Page, *, counted: bool) -> ModelPage:
        from registry_git.index.listed import Listed

        snapshot = self._snapshot()
        branches = self._branches()
        models = {branch: key.model for branch in branches if (key := parse_request_ref(branch)) is not None}
        asked = self._last_asked(branches) if wanted.by_activity else {}
        index = Listed(self._index, snapshot.commit)
        found = index.page(wanted.with_asked(asked), page, counted=counted)
        if not wanted.by_activity:
            shown = {one.name for one in found.models}
            asked = self._last_asked({branch: branches[branch] for branch, name in models.items() if name in shown})
        waiting = Counter(models.values())
        order = {stage.name: place for place, stage in enumerate(snapshot.policy().stages)}
        from_git = _unreadable_parts(index, snapshot)
        showing = self._showing(snapshot, many=True)
        views = []
        for one in found.models:
            name = ModelName(one.name)
            if from_git is None or name in from_git:
                with suppress(NotFound):  # the index may be a moment ahead, when somebody writes just now
                    views.append(showing.model(name))
                continue
            views.append(_view(one, order, asked.get(name, 0), waiting[name], found.commit))
        return ModelPage(models=tuple(views), total=found.total or 0, commit=found.commit)


def _page(limit: int | None, offset: int) -> Page:
    from registry_git.core.search import Target, check_max_results
    from registry_git.index.queries import Page

    return Page(limit=check_max_results(limit, Target.MODELS), offset=offset)


def _wanted(filter: str, text: str, order_by: Sequence[str]) -> Wanted:
    from registry_git.core.search import Target, parse_filter, parse_order, without_prompts
    from registry_git.index.listed import Wanted

    return Wanted(
        given=without_prompts(parse_filter(filter, Target.MODELS)),
        words=parse_text("text to look for", text, at_most=_WORDS_MAX),
        orders=parse_order(order_by, Target.MODELS),
    )


def _unreadable_parts(index: Listed, snapshot: GitSnapshot) -> set[ModelName] | None:
    """The models that have manifests which the index leaves out, since they cannot be read; None: it may be any."""
    found = set()
    for path, _ in index.problems():
        key = key_of(path, snapshot.layout)
        if key is None:
            return None
        model = getattr(key, "model", None)
        if model is not None:
            found.add(model)
    return found


def _view(one: ListedModel, order: Mapping[StageName, int], asked: int, waiting: int, commit: str) -> ModelView:
    stages = sorted(one.stages, key=lambda stage: (order.get(StageName(stage), len(order)), stage))
    return ModelView(
        name=one.name,
        description=one.description,
        tags=one.tags,
        created=one.created,
        created_by=one.created_by,
        last_updated=one.updated or one.created,
        last_activity=max(one.active, asked),
        latest_version=one.latest_version,
        versions=one.versions,
        stages={stage: one.stages[stage] for stage in stages},
        aliases=one.aliases,
        open_requests=waiting,
        commit=commit,
    )
