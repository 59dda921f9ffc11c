"""Deployments as methods: declared, pinned, made to follow, removed."""

from __future__ import annotations

from dataclasses import dataclass

from registry_git.core.changes import deployments
from registry_git.core.changes.deployments import Followed
from registry_git.core.changes.proposal import Act, Proposal
from registry_git.core.deployed import AUTO, PINNED, REQUEST, WORKLOADS, reference, target, written
from registry_git.core.errors import Conflict, Invalid
from registry_git.core.model import Action, Declaration, DeploymentChange, DeploymentKey
from registry_git.core.names import Actor, AliasName, ModelName, StageName, parse_version
from registry_git.core.snapshot import Snapshot, find_stage
from registry_git.registry.asking import Asking
from registry_git.registry.deployed import deployment_key
from registry_git.registry.rolling import Rolls
from registry_git.registry.views import DeploymentView, Done, RequestView


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentSpec:
    """What a change of a deployment sets, as `add_deployment`, `pin_deployment` and `follow_deployment` take it.

    `add` takes all of it, `pin` the version, `follow` a stage or alias and the mode `follow`, `roll` and `remove` none.
    `model`, where it is given, must be the deployment's.
    """

    model: str = ""
    stage: str = ""
    alias: str = ""
    version: int | str | None = None
    workload: str = "service"
    owner: str = ""
    follow: str = ""


class Deploying(Asking):
    """The part of the registry that knows which jobs and services follow what."""

    def add_deployment(
        self,
        environment: str,
        name: str,
        *,
        model: str,
        stage: str = "",
        alias: str = "",
        version: int | str | None = None,
        workload: str = "service",
        owner: str = "",
        follow: str = "",
        comment: str = "",
    ) -> DeploymentView:
        """Declares that a `job` or `service` follows a stage or an alias, or is pinned to a version of a model.

        `follow` is `auto` (the default: it gets another version in the commit that moves the pointer), `request` (that
        opens a request) or `pinned` (the default for a version). `owner` answers for it; by default, who declares it.

        Raises:
            NotFound: no such model or version; AlreadyExists; Invalid; PermissionDenied.
        """
        key, kind = deployment_key(environment, name), _one_of(workload, WORKLOADS, "workload")
        followed = parse_followed(stage, alias, version)
        mode = follow or (PINNED if followed.version is not None else AUTO)
        _one_of(mode, (AUTO, REQUEST, PINNED), "mode")
        answers = Actor.parse(owner) if owner else None
        subject = ModelName.parse(model)
        self._apply(
            self._act(comment),
            lambda snapshot, act: deployments.add_deployment(
                snapshot,
                act,
                key=key,
                workload=kind,
                owner=answers or act.actor,
                model=subject,
                followed=followed,
                follow=mode,
            ),
        )
        return self.deployment(environment, name)

    def pin_deployment(
        self, environment: str, name: str, version: int | str | None = None, *, comment: str = ""
    ) -> DeploymentView:
        """Fixes a deployment to a version; by default to the one that it uses. Raises: NotFound, PermissionDenied."""
        key, number = deployment_key(environment, name), None if version is None else parse_version(version)
        self._apply(
            self._act(comment),
            lambda snapshot, act: deployments.pin_deployment(snapshot, act, key=key, version=number),
        )
        return self.deployment(environment, name)

    def follow_deployment(
        self, environment: str, name: str, *, stage: str = "", alias: str = "", follow: str = "", comment: str = ""
    ) -> DeploymentView:
        """Makes a deployment follow a stage or an alias, by `auto` or on `request`; what is left out stays as it is.

        Raises:
            NotFound; Invalid: it is pinned, and nothing is named to follow; PermissionDenied.
        """
        key = deployment_key(environment, name)
        followed = parse_followed(stage, alias, None) if stage or alias else Followed()
        if follow:
            _one_of(follow, (AUTO, REQUEST), "mode of following")
        self._apply(
            self._act(comment),
            lambda snapshot, act: deployments.follow_deployment(
                snapshot, act, key=key, followed=followed, follow=follow
            ),
        )
        return self.deployment(environment, name)

    def remove_deployment(self, environment: str, name: str, *, comment: str = "") -> Done:
        """Removes a deployment; history keeps it. Raises: NotFound, PermissionDenied."""
        key = deployment_key(environment, name)
        written = self._apply(
            self._act(comment), lambda snapshot, act: deployments.remove_deployment(snapshot, act, key=key)
        )
        return Done(commit=written.commit, changed=written.changed)

    def roll_deployment(self, environment: str, name: str, *, comment: str = "") -> DeploymentView:
        """Brings a deployment that follows on request to what its reference resolves to, without a request.

        Raises:
            NotFound; Invalid: it does not follow on request; Conflict: its reference holds nothing; PermissionDenied.
        """
        key = deployment_key(environment, name)

        def decide(snapshot: Snapshot, act: Act) -> Proposal:
            return deployments.roll_deployment(snapshot, act, key=key, version=_rolled_to(snapshot, key))

        self._apply(self._act(comment), decide)
        return self.deployment(environment, name)

    def request_deployment(
        self,
        environment: str,
        name: str,
        change: str,
        spec: DeploymentSpec | None = None,
        *,
        comment: str = "",
        id: str | None = None,
    ) -> RequestView:
        """Asks for a change of a deployment: `add`, `pin`, `follow`, `roll` or `remove`; `spec` says what it sets.

        Raises:
            NotFound; AlreadyExists; Invalid: it is so already, or makes no sense; Conflict.
        """
        key, said = deployment_key(environment, name), spec or DeploymentSpec()
        wanted = DeploymentChange(_one_of(change, tuple(one.value for one in DeploymentChange), "change"))
        self._store.refresh()
        snapshot = self._snapshot()
        declaration = Declaration(change=wanted)
        number = None if said.version is None else parse_version(said.version)
        if wanted is DeploymentChange.ADD:
            subject, declaration = ModelName.parse(said.model), _added(snapshot, said)
        else:
            known = deployments.find_deployment(snapshot, key)
            subject = known.model
            if said.model and ModelName.parse(said.model) != subject:
                raise Invalid(
                    f"{environment}/{name} is a deployment of {subject}, not of {said.model}.", hint="Name that."
                )
            if wanted is DeploymentChange.FOLLOW:
                declaration = _followed(snapshot, said)
            elif wanted is DeploymentChange.PIN and number is None:
                number = deployments.pinned_to(known)
            elif wanted is DeploymentChange.ROLL:
                number = _rolled_to(snapshot, key)
        return self._ask(
            Action.DEPLOYMENT,
            comment,
            id,
            model=subject,
            version=number,
            deployment=written(key),
            declaration=declaration,
        )

    def ask_for_rolls(self, *, environment: str | None = None, model: str | None = None) -> list[RequestView]:
        """Opens the requests that are missing for deployments that follow on request and are behind; gives these.

        Requests that another version has overtaken are cancelled. Running it again changes nothing.

        Raises:
            PermissionDenied, Unavailable: the remote says no; what was opened before that stays.
        """
        self._store.refresh()
        snapshot = self._snapshot()
        keys = snapshot.deployments_naming(ModelName.parse(model)) if model is not None else snapshot.deployments()
        rolls = Rolls(self._store, self._surroundings)
        opened = [rolls.ask(key) for key in keys if environment in (None, key.environment)]
        return [self.request(one) for one in opened if one is not None]


def _added(snapshot: Snapshot, said: DeploymentSpec) -> Declaration:
    followed = parse_followed(said.stage, said.alias, said.version)
    mode = said.follow or (PINNED if followed.version is not None else AUTO)
    return Declaration(
        change=DeploymentChange.ADD,
        workload=_one_of(said.workload, WORKLOADS, "workload"),
        owner=Actor.parse(said.owner) if said.owner else None,
        stage=_spelled(snapshot, said.stage),
        alias=followed.alias,
        follow=_one_of(mode, (AUTO, REQUEST, PINNED), "mode"),
    )


def _followed(snapshot: Snapshot, said: DeploymentSpec) -> Declaration:
    followed = parse_followed(said.stage, said.alias, None) if said.stage or said.alias else Followed()
    return Declaration(
        change=DeploymentChange.FOLLOW,
        stage=_spelled(snapshot, said.stage),
        alias=followed.alias,
        follow=_one_of(said.follow, (AUTO, REQUEST), "mode of following") if said.follow else "",
    )


def _rolled_to(snapshot: Snapshot, key: DeploymentKey) -> int:
    """The version that a deployment's reference resolves to. Raises: NotFound; Conflict: to none."""
    one = deployments.find_deployment(snapshot, key)
    wanted = target(snapshot, one)
    if wanted is None:
        raise Conflict(f"{reference(one)} holds nothing now.", hint="Wait until it does, or pin the deployment.")
    return wanted


def _spelled(snapshot: Snapshot, stage: str) -> StageName | None:
    """The stage as the registry spells it; None where none is named. Raises: Invalid."""
    found = find_stage(snapshot.policy(), stage) if stage else None
    if stage and found is None:
        raise Invalid("The stage None cannot be followed: it holds nothing.", hint="Name another stage.")
    return found.name if found else None


def parse_followed(stage: str, alias: str, version: int | str | None) -> Followed:
    """What is to be followed. Raises: Invalid: not exactly one of the three."""
    if sum((bool(stage), bool(alias), version is not None)) != 1:
        raise Invalid(
            "A deployment follows one thing: a stage, an alias or a version.",
            hint="Give exactly one of --stage, --alias and --version.",
        )
    return Followed(
        stage=stage,
        alias=AliasName.parse(alias) if alias else None,
        version=None if version is None else parse_version(version),
    )


def _one_of(word: str, known: tuple[str, ...], what: str) -> str:
    if word not in known:
        raise Invalid(f"{word!r} is no {what}.", hint=f"There are {', '.join(known)}.")
    return word
