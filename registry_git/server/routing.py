"""From a method and a path to who serves it, by looking it up; Starlette would try one pattern after the other.

There are some 200 routes, and MLflow's, which are asked most, come last among them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

T = TypeVar("T")
_NOTHING: Mapping[str, str] = {}


class Routes(Generic[T]):
    """A table of routes. Where a fixed path and a template would both do, the fixed one is meant."""

    def __init__(self) -> None:
        self._fixed: dict[tuple[str, str], T] = {}
        self._templates: dict[tuple[str, int], list[tuple[tuple[str, ...], T]]] = {}

    def add(self, method: str, path: str, served: T) -> None:
        """Adds a route; `{name}` in its path stands for one part between slashes. Raises: LookupError: it is there."""
        if ":" in path:
            raise LookupError(f"{path} holds more than names of single parts")
        parts = tuple(path.split("/"))
        alike = self._templates.setdefault((method, len(parts)), [])
        if (method, path) in self._fixed or any(template == parts for template, _ in alike):
            raise LookupError(f"there are two routes {method} {path}")
        if "{" in path:
            alike.append((parts, served))
        else:
            self._fixed[method, path] = served

    def find(self, method: str, path: str) -> tuple[T, Mapping[str, str]] | None:
        """Who serves it, and what the names in its path stand for; None: nobody."""
        served = self._fixed.get((method, path))
        if served is not None:
            return served, _NOTHING
        parts = path.split("/")
        for template, served in self._templates.get((method, len(parts)), ()):
            if all(
                wanted == part or (part and wanted[:1] == "{") for wanted, part in zip(template, parts, strict=True)
            ):
                return served, {
                    wanted[1:-1]: part for wanted, part in zip(template, parts, strict=True) if wanted[:1] == "{"
                }
        return None

    def methods(self, path: str) -> list[str]:
        """The methods that a path takes, sorted."""
        known = {method for method, _ in (*self._fixed, *self._templates)}
        return sorted(method for method in known if self.find(method, path) is not None)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """The methods and paths of all routes."""
        yield from self._fixed
        for (method, _), found in self._templates.items():
            for parts, _ in found:
                yield method, "/".join(parts)
