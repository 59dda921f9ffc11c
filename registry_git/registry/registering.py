"""What a registration learns from the model's files: digest, format, signature, run; and where they are kept."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from registry_git.core.changes.registration import NewVersion
from registry_git.core.errors import Invalid, NotFound, Unavailable
from registry_git.core.model import Lineage, Status
from registry_git.core.names import DESCRIPTION_MAX, parse_tags, parse_text

SOURCE_MAX = 4096
Progress = Callable[[int], None]
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """One version to register. `read` says whether its files are looked at for digest, format and signature."""

    name: str
    source: str
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    lineage: Lineage = field(default_factory=Lineage)
    status: str = Status.READY.value
    id: str | None = None
    comment: str = ""
    read: bool = True


def prepare(registration: Registration, *, upload_to: str | None, progress: Progress | None) -> NewVersion:
    """The facts of a new version: what the caller says, and what its files say where they can be read.

    `upload_to` copies the files there first, by digest. Nothing is written to the registry here.

    Raises:
        Invalid: a bad tag, description, status or source, or files that cannot be copied.
        NotFound: a local path without anything at it.
        Unavailable: the files are there but cannot be read.
    """
    source = parse_text("source", registration.source, at_most=SOURCE_MAX, at_least=1)
    if upload_to is not None:
        parse_text("upload location", upload_to, at_most=SOURCE_MAX, at_least=1)
    if registration.status not in {one.value for one in Status}:
        known = ", ".join(one.value for one in Status)
        raise Invalid(f"{registration.status!r} is no status of a version.", hint=f"There are {known}.")
    new = NewVersion(
        source=source,
        status=Status(registration.status),
        description=parse_text("description", registration.description, at_most=DESCRIPTION_MAX),
        tags=parse_tags(dict(registration.tags)),
        lineage=registration.lineage,
    )
    return _with_files(new, upload_to, progress) if registration.read or upload_to else new


def _with_files(new: NewVersion, upload_to: str | None, progress: Progress | None) -> NewVersion:
    from registry_git.artifacts.mlmodel import read_mlmodel
    from registry_git.artifacts.upload import upload

    source = _absolute(new.source)
    if upload_to:
        stored = upload(source, _absolute(upload_to), progress=progress)
        source, digest = stored.location, stored.digest.digest
    else:
        digest = _digest(source, progress)
    facts = read_mlmodel(source) if digest else None
    new = replace(new, source=source, digest=digest)
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
