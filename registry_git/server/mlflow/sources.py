"""Where the files of a new version are, when its source names another version or a logged model."""

from __future__ import annotations

import logging
from dataclasses import replace

from registry_git.core.errors import Invalid, RegistryError
from registry_git.core.search import PROMPT_TAG
from registry_git.mlflow_rules import NewMlflowVersion
from registry_git.registry.reading import Reading
from registry_git.tracking.run import look_up, named_by

_LOG = logging.getLogger(__name__)


def located(registry: Reading, wanted: NewMlflowVersion) -> NewMlflowVersion:
    """The version with its `models:/` source resolved, and the run of what that names.

    Raises:
        Invalid: nothing can be found there; NotFound: this registry has no such version.
    """
    if not wanted.source.startswith("models:"):
        return wanted
    model_id = named_by(wanted.source)[1]
    return _logged(wanted, model_id) if model_id else _registered(registry, wanted)


def _registered(registry: Reading, wanted: NewMlflowVersion) -> NewMlflowVersion:
    """Another version of this registry, by number, stage or alias; its run is that of the new one."""
    found = registry.lookup(wanted.source)
    if PROMPT_TAG in registry.model(found.model).tags:
        raise Invalid(f"{wanted.source} is a prompt, which is the source of no model.")
    known, said = found.manifest.lineage, wanted.lineage
    for theirs, ours in ((known.run_id, said.run_id), (known.model_id, said.model_id)):
        if ours and ours != theirs:
            raise Invalid(f"{wanted.source} comes from {theirs or 'no run or logged model'}, not from {ours}.")
    lineage = replace(said, run_id=known.run_id, model_id=known.model_id)
    return replace(wanted, source=f"models:/{found.model}/{found.version}", lineage=lineage)


def _logged(wanted: NewMlflowVersion, model_id: str) -> NewMlflowVersion:
    """A model that was logged in the tracking store that the server was told of (`--tracking-uri`).

    Without such a store the source stays as it is: whoever loads the version then needs the tracking store that knows
    the logged model, as whoever registers it has.
    """
    lineage = replace(wanted.lineage, model_id=wanted.lineage.model_id or model_id)
    if not wanted.tracking_uri:
        _LOG.warning("%s stays unresolved, since this server was given no --tracking-uri.", wanted.source)
        return replace(wanted, lineage=lineage, location=wanted.source)
    try:
        found = look_up(wanted.tracking_uri, model_id=model_id, source=wanted.source)
    except RegistryError as problem:
        raise Invalid(f"{wanted.source} cannot be found: {problem}") from None
    return replace(wanted, lineage=lineage, location=found.location)
