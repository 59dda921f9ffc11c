"""Pointers as older layouts wrote them, read as today's: `doctor --fix` writes them anew from this."""

from __future__ import annotations

from typing import Any

from registry_git.core.errors import Corrupt
from registry_git.core.keys import AliasKey, StageKey
from registry_git.core.model import AliasPointer, StagePointer
from registry_git.core.names import dns_label
from registry_git.manifests.codec import decode
from registry_git.manifests.codec_pointer import LOCAL_CONFIG
from registry_git.manifests.yaml_reader import read
from registry_git.manifests.yaml_writer import write


def read_older_pointer(data: bytes, *, path: str, key: StageKey | AliasKey) -> StagePointer | AliasPointer:
    """The pointer at `path`, whose text lacks what GitOps tools need: `metadata`, and versions in quotes.

    Raises:
        Corrupt: it is wrong in other ways too.
    """
    value = read(data, path=path)
    slot = key.stage.lower() if isinstance(key, StageKey) else key.alias
    metadata = _mapping(value.get("metadata"))
    annotations = {**_mapping(metadata.get("annotations")), LOCAL_CONFIG: "true"}
    named = {**metadata, "name": dns_label(key.model, slot), "annotations": annotations}
    quoted = {name: str(value[name]) for name in ("version", "previous") if type(value.get(name)) is int}
    found = decode(write({**value, "metadata": named, **quoted}), path=path, key=key)
    if not isinstance(found, (StagePointer, AliasPointer)):
        raise Corrupt("It is no pointer.", path=path)
    return found


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
