"""Text to plain values: the part of YAML that a manifest may use, and nothing else.

Built on libyaml's events instead of its documents, so that depth and size are limited while reading: aliases, tags,
merge keys, duplicate keys and all else that two readers could understand differently never become a value. Plain
scalars follow the core schema of YAML 1.2: `no`, `on`, `22:22` and dates are strings.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

from registry_git.core.errors import Corrupt
from registry_git.manifests.yaml_plain import read_plain

SIZE_MAX = 256 * 1024  # bytes
DEPTH_MAX = 12
NODES_MAX = 10_000
DIGITS_MAX = 1_000


def read(data: bytes, *, path: str) -> dict[str, Any]:
    """The mapping that a manifest holds: strings, numbers, booleans, None, lists and dicts with string keys.

    Args:
        data: the bytes of the file: UTF-8 without a byte order mark, at most 256 KiB, one document.
        path: the file's name, for errors.

    Raises:
        Corrupt: anything else; it names the file and, where there is one, the line.
    """
    found = read_plain(data)
    if found is not None:
        return found
    from registry_git.manifests.yaml_events import Reading  # PyYAML is slow to import, and few manifests need it

    return Reading(path, None).read(data)


def lines(data: bytes) -> dict[str, int]:
    """The line, from 1, of each place in a manifest that `read` accepts: `$.lineage.datasets[0]` to line number.

    It reads the text a second time, so ask for it only where an error needs it. Text that `read` refuses gives the
    places up to there.
    """
    from registry_git.manifests.yaml_events import Reading  # as above

    found: dict[str, int] = {}
    with suppress(Corrupt):
        Reading("", found).read(data)
    found.pop("", None)
    return found


def step(parent: str, key: str | int) -> str:
    """The JSON path of a member of `parent`: `$.tags`, `$.versions[0]`, `$.tags["a b"]`."""
    if isinstance(key, int):
        return f"{parent}[{key}]"
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key):
        return f"{parent}.{key}"
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'{parent}["{escaped}"]'
