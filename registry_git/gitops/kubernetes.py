"""Whether text is a stream of Kubernetes manifests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from registry_git.core.errors import Invalid


def check_manifests(text: str, *, source: str) -> list[dict[str, Any]]:
    """The manifests in `text`, which `source` made.

    Raises:
        Invalid: it is no YAML, holds no manifest, or one without apiVersion, kind and a name, or one twice.
    """
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    try:
        for place, one in enumerate(_documents(text), 1):
            found_as = _identity(one, place, source)
            if found_as in found:
                raise Invalid(f"{source} makes {found_as[1]} {found_as[3]} twice.", hint="Give it another name.")
            found[found_as] = one
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        where = f" in line {mark.line + 1} of what it makes" if mark is not None else ""
        why = getattr(problem, "problem", None) or "it cannot be read"
        raise Invalid(f"{source} makes no YAML{where}: {why}.", hint="Quote values with | tojson.") from None
    except (ValueError, TypeError, LookupError, RecursionError) as problem:
        # a day that no month has, a number of thousands of digits, what is nested a thousand times
        why = str(problem).partition("\n")[0].rstrip(".") or "it cannot be read"
        raise Invalid(f"{source} makes no YAML: {why}.", hint="Quote values with | tojson.") from None
    if not found:
        raise Invalid(f"{source} makes no manifest.", hint="It has to make at least one Kubernetes object.")
    return list(found.values())


def _documents(text: str) -> Iterator[Any]:
    for one in yaml.load_all(text, Loader=_Loader):
        if one is not None:
            yield one


def _identity(manifest: Any, place: int, source: str) -> tuple[str, str, str, str]:
    outside = manifest if isinstance(manifest, dict) else {}
    metadata = outside.get("metadata")
    inside = metadata if isinstance(metadata, dict) else {}
    api, kind, name = outside.get("apiVersion"), outside.get("kind"), inside.get("name")
    namespace = inside.get("namespace", "")
    if not (isinstance(api, str) and isinstance(kind, str) and isinstance(name, str) and isinstance(namespace, str)):
        raise Invalid(
            f"Document {place} of what {source} makes is no Kubernetes object.",
            hint="Each needs apiVersion, kind and metadata.name, as text.",
        )
    return api, kind, namespace, name


class _Loader(yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader):  # type: ignore[misc]
    """A safe loader that refuses a key given twice: Kubernetes would take one of them and say nothing."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """The mapping. Raises: ConstructorError."""
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} is there twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)
