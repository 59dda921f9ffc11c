"""Plain values to text that every YAML reader understands alike, one value a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from registry_git.manifests.yaml_plain_writer import write_plain


def write(value: Mapping[str, Any]) -> bytes:
    """The YAML text of `value`, in the order of its keys, ending in a newline; `read` gives `value` back.

    Args:
        value: strings, whole numbers, finite floats, booleans, None, lists or tuples, mappings with string keys.

    Raises:
        Invalid: a value that no manifest can hold: another type, a lone surrogate, too deep, too long a number.
    """
    plain = write_plain(value)
    if plain is not None:
        return plain
    from registry_git.manifests.yaml_emitter import write_any  # PyYAML is slow to import, and few manifests need it

    return write_any(value)
