"""Which versions run: deployments as they are declared, beside what their jobs and services were seen to use."""

from __future__ import annotations

from dataclasses import dataclass

from registry_git.core.errors import Invalid
from registry_git.core.names import ModelName, parse_name, parse_version
from registry_git.core.running import Declared, Running, Seen, joined
from registry_git.core.times import Timestamp
from registry_git.registry.observing import Observing
from registry_git.registry.views import DeploymentView


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningView:
    """A consumer and a model: `declared`, which its deployment is to use, and `observed`, which it asked for last.

    `drift` is `none`, `drifted`, `unseen` (nothing was observed) or `undeclared` (there is no deployment of that name
    for this model; then `workload`, `owner`, `reference` and `follow` are empty). `asked`, `first` and `last` say how
    it asked for the observed version, first and last when.
    """

    consumer: str
    model: str
    declared: int | None
    observed: int | None
    drift: str
    workload: str
    owner: str
    reference: str
    follow: str
    asked: str
    first: Timestamp | None
    last: Timestamp | None
    commit: str


class RunningReads(Observing):
    """The part of the registry that joins what is declared with what was observed."""

    def running(
        self,
        *,
        environment: str | None = None,
        workload: str | None = None,
        model: str | None = None,
        version: int | str | None = None,
    ) -> list[RunningView]:
        """Deployments and consumers of which all that is given is true, by name and model.

        A consumer is the deployment `ENVIRONMENT/NAME` that is called as it is. `version` (with `model`) finds whoever
        is declared to use it, or was seen to use it last. `workload` leaves out consumers without a deployment.

        Raises:
            Invalid: no such workload, a bad name, or a version without its model; NotFound: no such model.
        """
        if version is not None and model is None:
            raise Invalid("A version is asked for, and no model.", hint="Name both, as fraud/12.")
        number = None if version is None else parse_version(version)
        name = None if model is None else ModelName.parse(model)
        inside = "" if environment is None else f"{parse_name('environment', environment)}/"
        views = {
            (f"{view.environment}/{view.name}", view.model): view
            for view in self.deployments(environment=environment, workload=workload, model=model)
        }
        declared = [Declared(consumer=who, model=what, version=view.version) for (who, what), view in views.items()]
        seen = [
            Seen(
                consumer=one.consumer,
                model=one.model,
                version=one.version,
                asked=one.asked,
                first=one.first,
                last=one.last,
            )
            for one in self.observations(name)
            if one.current and one.consumer.startswith(inside)
        ]
        commit = self.commit
        found = []
        for one in joined(declared, seen):
            view = views.get((one.consumer, one.model))
            if workload is not None and view is None:
                continue
            versions = {one.declared.version if one.declared else None, one.seen.version if one.seen else None}
            if number is None or number in versions:
                found.append(_view(one, view, commit))
        return found


def _view(one: Running, view: DeploymentView | None, commit: str) -> RunningView:
    seen = one.seen
    return RunningView(
        consumer=one.consumer,
        model=one.model,
        declared=one.declared.version if one.declared else None,
        observed=seen.version if seen else None,
        drift=one.drift.value,
        workload=view.workload if view else "",
        owner=view.owner if view else "",
        reference=view.reference if view else "",
        follow=view.follow if view else "",
        asked=seen.asked if seen else "",
        first=seen.first if seen else None,
        last=seen.last if seen else None,
        commit=commit,
    )
