"""`deploy/gitops.yaml`: what the tree was made for, and which of its files are still as they were made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from registry_git.core.errors import Corrupt
from registry_git.gitops.settings import Settings, members, read_members
from registry_git.manifests.layout import GITOPS_PATH
from registry_git.manifests.yaml_reader import read
from registry_git.manifests.yaml_writer import write

_HEAD = (
    b"# What deploy/ is made for: change it here or by options, then run `registry-git gitops init` again.\n"
    b"# `generated` are the files as they were made; what differs from that was changed by hand and is left alone.\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The settings of a tree, and the digest of each file as it was made."""

    settings: Settings
    generated: Mapping[str, str]


def write_record(record: Record) -> bytes:
    """The text of the record."""
    value = {**members(record.settings), "generated": dict(sorted(record.generated.items()))}
    return _HEAD + write(value)


def read_record(data: bytes) -> Record:
    """The record that `data` holds. Raises: Corrupt."""
    value = read(data, path=GITOPS_PATH)
    generated: Any = value.pop("generated", {})
    if not isinstance(generated, dict) or not all(isinstance(one, str) for one in generated.values()):
        raise Corrupt("`generated` is no mapping of files to digests.", path=GITOPS_PATH, hint="Remove it.")
    return Record(settings=read_members(value, path=GITOPS_PATH), generated=generated)


def digest_of(data: bytes) -> str:
    """The digest by which a file is known again."""
    return f"sha256:{sha256(data).hexdigest()}"
