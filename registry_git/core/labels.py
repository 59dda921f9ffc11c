"""Whether a model's name can be the name of Kubernetes objects, and is nobody else's there.

Where a registry holds a `deploy/` tree, its pointers become objects named `<model>-<stage>`. `dns_label` gives every
pointer some valid name, with a hash where it must; a new model is held to a name that people recognise.
"""

from __future__ import annotations

import re

from registry_git.core.errors import Invalid
from registry_git.core.keys import ModelKey
from registry_git.core.names import Id, ModelName, dns_label
from registry_git.core.snapshot import Snapshot

# 63 is what DNS allows, and controllers add endings of their own to the name of an object.
LABEL_MAX = 63 - len("-predictor-00001")
_VALUE_MAX = 63  # characters of a label's value


def label_problem(snapshot: Snapshot, model: ModelName) -> tuple[str, str] | None:
    """Why `model` is no name for Kubernetes objects, as a sentence and a hint; None when it is one."""
    if dns_label(model) != model:
        plain = re.sub(r"[^a-z0-9]+", "-", model.lower()).strip("-")[:LABEL_MAX].rstrip("-")
        better = f", for example {plain}" if plain else ""
        return (
            f"The model name {model!r} is no DNS-1123 label, and deploy/ makes names of Kubernetes objects from it.",
            f"Use lower-case letters, digits and inner hyphens{better}.",
        )
    stages = [stage.name.lower() for stage in snapshot.policy().stages]
    longest = max((len(dns_label(model, stage)) for stage in stages), default=0)
    if longest > LABEL_MAX:
        return (
            f"The model name {model!r} is too long: with a stage it has {longest} characters.",
            f"Leave out {longest - LABEL_MAX}: names of Kubernetes objects leave room for {LABEL_MAX}.",
        )
    # what is no label as it is gets a hash, and so is nobody else's
    slots = [stage for stage in stages if dns_label(stage) == stage]
    for slot in slots:
        other = _same_object(snapshot, f"{model}-{slot}", slots, model)
        if other:
            return (
                f"{model!r} in one stage and {other!r} in another would both be the object {model}-{slot}.",
                "Choose another name.",
            )
    return None


def refuse_label(snapshot: Snapshot, model: ModelName) -> None:
    """Returns when the registry deploys nothing, or `model` may be a new model of it. Raises: Invalid."""
    problem = label_problem(snapshot, model) if snapshot.deploys() else None
    if problem is not None:
        raise Invalid(problem[0], hint=problem[1])


def is_label_value(id: Id) -> bool:
    """Whether the id of a request or direct change can be the value of a label."""
    return len(id) <= _VALUE_MAX and id[-1].isalnum()


def refuse_id(snapshot: Snapshot, id: Id) -> None:
    """Returns when the registry deploys nothing, or `id` can be the label of what a pointer rolls. Raises: Invalid."""
    if not is_label_value(id) and snapshot.deploys():
        raise Invalid(
            f"The id {id!r} is no value of a Kubernetes label, and deploy/ makes labels of ids.",
            hint=f"Use at most {_VALUE_MAX} characters, with a letter or digit at the end.",
        )


def _same_object(snapshot: Snapshot, label: str, slots: list[str], model: ModelName) -> str:
    """Another model that would give the label with one of its stages, or gives it with an alias; else empty."""
    parts = label.split("-")
    for cut in range(1, len(parts)):
        other, rest = "-".join(parts[:cut]), "-".join(parts[cut:])
        if other == model or not other:
            continue
        name = ModelName(other)
        if snapshot.find(ModelKey(model=name)) is None:
            continue
        if rest in slots or any(dns_label(alias) == rest for alias in snapshot.aliases(name)):
            return other
    return ""
