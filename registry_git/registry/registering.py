"""What a registration learns from the model's files and its run: digest, format, signature, lineage; where they are."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from registry_git.core.changes.registration import NewVersion
from registry_git.core.errors import Invalid, NotFound, RegistryError, Unavailable
from registry_git.core.model import Lineage, Status
from registry_git.core.names import DESCRIPTION_MAX, parse_line, parse_tags, parse_text

SOURCE_MAX = 4096
_STATUSES = tuple(one.value for one in Status)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
Progress = Callable[[int], None]
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """One version to register. `read` says whether its files are looked at for digest, format and signature.

    `tracking_uri` is the MLflow tracking store that is asked about the run; None: the registry's own setting, empty:
    nobody is asked. `files` is where the files can be read now, if not at `source`; `origin` the `models:/` URI that
    `source` was found by. `digest` is what the caller knows of the files: those that are read must have it.
    """

    name: str
    source: str
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    lineage: Lineage = field(default_factory=Lineage)
    status: str = Status.READY.value
    id: str | None = None
    comment: str = ""
    read: bool = True
    tracking_uri: str | None = None
    files: str = ""
    origin: str = ""
    digest: str = ""


def prepare(
    registration: Registration, *, upload_to: str | None, progress: Progress | None, tracking_uri: str = ""
) -> NewVersion:
    """The facts of a new version: what the caller says, and what its files and its run say where they can be read.

    `upload_to` copies the files there first, by digest. `tracking_uri` is asked about the run, when one is known; what
    the caller says wins, and a store that does not answer costs a warning. Nothing is written to the registry here.

    Raises:
        Invalid: a bad tag, description, status, source or digest, or files that cannot be copied or have another one.
        NotFound: a local path without anything at it.
        Unavailable: the files are there but cannot be read.
    """
    source = parse_line("source", registration.source, at_most=SOURCE_MAX, at_least=1)
    if upload_to is not None:
        parse_text("upload location", upload_to, at_most=SOURCE_MAX, at_least=1)
    if registration.status not in _STATUSES:
        raise Invalid(f"{registration.status!r} is no status of a version.", hint=f"There are {', '.join(_STATUSES)}.")
    new = NewVersion(
        source=source,
        origin=parse_text("origin", registration.origin, at_most=SOURCE_MAX),
        status=Status(registration.status),
        description=parse_text("description", registration.description, at_most=DESCRIPTION_MAX),
        tags=parse_tags(dict(registration.tags)),
        lineage=registration.lineage,
    )
    if registration.files and registration.read and not upload_to:
        new = replace(_with_files(replace(new, source=registration.files), None, progress), source=source)
    elif registration.read or upload_to:
        new = _with_files(new, upload_to, progress)
    new = _with_digest(new, registration.digest)
    named = registration.origin or (registration.source if registration.read else "")
    return _with_run(new, tracking_uri, named) if tracking_uri else new


def _with_digest(new: NewVersion, said: str) -> NewVersion:
    """With the digest that the caller says. Raises: Invalid: it is none, or not that of the files."""
    if not said:
        return new
    if not _DIGEST.fullmatch(said):
        raise Invalid(
            f"{said[:80]!r} is no digest.", hint="Write it as sha256: and 64 hexadecimal digits, in lower case."
        )
    if new.digest and new.digest != said:
        raise Invalid(f"The files have the digest {new.digest}, not {said}.", hint="Register the files that you mean.")
    return replace(new, digest=said)


def _with_run(new: NewVersion, tracking_uri: str, source: str) -> NewVersion:
    """What the tracking store says; `source` is where the files were said to be, empty: they are not looked at."""
    from registry_git.tracking.run import look_up, named_by

    run_id, model_id = named_by(source)
    run_id, model_id = new.lineage.run_id or run_id, new.lineage.model_id or model_id
    if not run_id and not model_id:
        return new
    try:
        found = look_up(tracking_uri, run_id=run_id, model_id=model_id, source="" if new.digest else source)
        digest = _digest(found.location, None) if found.location and found.mlmodel else ""
    except RegistryError as problem:
        _LOG.warning("Registered without the lineage of run %s: %s", run_id or model_id, problem)
        return replace(new, lineage=replace(new.lineage, run_id=run_id, model_id=model_id))
    new = replace(new, lineage=_merged(new.lineage, found.lineage))
    if new.format or found.mlmodel is None:
        return new
    facts = found.mlmodel
    return replace(new, digest=digest, format=facts.format, flavors=facts.flavors, signature=facts.signature)


def _merged(said: Lineage, found: Lineage) -> Lineage:
    """What is said, and what was found where nothing is said."""
    return Lineage(**{one.name: getattr(said, one.name) or getattr(found, one.name) for one in fields(Lineage)})


def _with_files(new: NewVersion, upload_to: str | None, progress: Progress | None) -> NewVersion:
    source = _absolute(new.source)
    if upload_to:
        from registry_git.artifacts.upload import upload  # few registrations copy anything

        stored = upload(source, _absolute(upload_to), progress=progress)
        source, digest = stored.location, stored.digest.digest
    else:
        digest = _digest(source, progress)
    new = replace(new, source=source, digest=digest)
    if not digest:
        return new
    from registry_git.artifacts.mlmodel import read_mlmodel  # with PyYAML, which is slow to import

    facts = read_mlmodel(source)
    if facts is None:
        return new
    lineage = replace(
        new.lineage, run_id=new.lineage.run_id or facts.run_id, model_id=new.lineage.model_id or facts.model_id
    )
    return replace(new, format=facts.format, flavors=facts.flavors, signature=facts.signature, lineage=lineage)


def _digest(source: str, progress: Progress | None) -> str:
    from registry_git.artifacts.digest import tree_digest

    try:
        found = tree_digest(source, progress=progress)
    except (NotFound, Unavailable) as problem:
        if not _is_url(source):
            raise
        # a version may be registered from where its files cannot be reached; a mistyped local path may not
        _LOG.warning("Registered without a digest, since the files cannot be read: %s", problem.message)
        return ""
    return found.digest if found else ""


def _is_url(source: str) -> bool:
    return "://" in source and not source.startswith("file:")


def _absolute(source: str) -> str:
    """A relative path as an absolute one, since the registry outlives the directory it was named in; else as it is."""
    if ":" in source.partition("/")[0]:
        return source
    return str(Path(source).absolute())
