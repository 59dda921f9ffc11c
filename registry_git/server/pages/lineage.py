"""Where a version comes from, as a graph: what there is, how it hangs together, and where each box is drawn.

Everything flows to the right: experiment, data and code to the run, the run to the version. `_lineage.html` draws it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from urllib.parse import urlsplit

from registry_git.core.errors import Invalid
from registry_git.core.model import Dataset, Lineage
from registry_git.core.uris import Reference, parse_reference
from registry_git.registry.views import VersionView
from registry_git.server.pages.links import Links

WIDTH, HEIGHT = 164, 46  # of a box, in units of the drawing
_ACROSS, _DOWN = 34, 16  # between boxes
_MARGIN = 4
_LETTERS = 22  # of a name that fit into a box
_DATASETS = 8  # that are drawn; the list beside names all
_LOGGED = "models:/m-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A box. `kind` says what it is (`run`), `name` is its text in full, `link` its page (empty: none is known)."""

    key: str
    kind: str
    name: str
    link: str = ""
    detail: str = ""
    column: int
    x: int = 0
    y: int = 0

    @property
    def short(self) -> str:
        """The name as it fits into the box."""
        return self.name if len(self.name) <= _LETTERS else f"{self.name[: _LETTERS - 1]}…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A line between two boxes, by their keys; `path` is how SVG writes it."""

    start: str
    end: str
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """The drawing and its size. `words` says what it shows, for whoever does not see it; `box` is the size of each."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    width: int
    height: int
    words: str
    box: tuple[int, int] = (WIDTH, HEIGHT)

    @property
    def linked(self) -> bool:
        """Whether a box is a link."""
        return any(node.link for node in self.nodes)


def graph_of(version: VersionView, to: Links) -> Graph | None:
    """The graph of a version's lineage; None where nothing is known of it."""
    lineage = version.manifest.lineage
    sources = list(_sources(lineage))
    run, logged, parent = _run(lineage), _logged(lineage), _parent(version, to)
    if not (sources or run or logged or parent):
        return None
    here = Node(key="version", kind="version", name=f"{version.model} v{version.version}", column=3)
    way = [node for node in (run, logged, here) if node is not None]
    pairs = [(source.key, way[0].key) for source in sources]
    pairs += [(one.key, next_.key) for one, next_ in pairwise(way)]
    if parent is not None:
        pairs.append((parent.key, here.key))
    nodes = [*sources, *way, *([parent] if parent else [])]
    return _drawn(nodes, pairs)


def experiment_link(lineage: Lineage) -> str:
    """The page of the experiment, where the address of the run's page shows it; else empty."""
    start, runs, _ = web(lineage.run_link).partition("/runs/")
    return start if runs and lineage.experiment_id and start.endswith(f"/experiments/{lineage.experiment_id}") else ""


def web(address: str) -> str:
    """The address, if it is one that a browser may be sent to; else empty."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return address if parts.scheme in ("http", "https") and parts.netloc and address.isprintable() else ""


def parent_of(version: VersionView) -> str:
    """The `models:/` URI of the version that this one was copied from; empty where it was not."""
    uri = version.manifest.origin or version.source
    return uri if uri.startswith("models:/") and not uri.startswith(_LOGGED) else ""


def parent_link(uri: str, to: Links) -> str:
    """The page of what a `models:/` URI names; empty where it names nothing."""
    found = _reference(uri)
    if found is None:
        return ""
    return to.version(found.model, found.version) if found.version else to.model(found.model)


def _sources(lineage: Lineage) -> Iterator[Node]:
    if lineage.experiment_name or lineage.experiment_id:
        name = lineage.experiment_name or lineage.experiment_id
        detail = f"experiment {lineage.experiment_id}" if lineage.experiment_id else ""
        yield Node(
            key="experiment", kind="experiment", name=name, link=experiment_link(lineage), detail=detail, column=0
        )
    more = len(lineage.datasets) - _DATASETS
    for place, one in enumerate(lineage.datasets[:_DATASETS]):
        yield _data(place, one)
    if more > 0:
        yield Node(key="data-more", kind="data", name=f"and {more} more", column=0)
    if lineage.git_commit:
        commit = lineage.git_commit
        yield Node(key="code", kind="code", name=f"commit {commit[:12]}", detail=commit, column=0)


def _data(place: int, one: Dataset) -> Node:
    return Node(key=f"data-{place}", kind="data", name=one.name, detail=one.digest, column=0)


def _run(lineage: Lineage) -> Node | None:
    if not (lineage.run_id or lineage.run_name or lineage.run_link):
        return None
    name = lineage.run_name or lineage.run_id or "run"
    by = f" by {lineage.run_user}" if lineage.run_user else ""
    return Node(
        key="run", kind="run", name=name, link=web(lineage.run_link), detail=f"{lineage.run_id}{by}".strip(), column=1
    )


def _logged(lineage: Lineage) -> Node | None:
    return Node(key="logged", kind="logged model", name=lineage.model_id, column=2) if lineage.model_id else None


def _parent(version: VersionView, to: Links) -> Node | None:
    uri = parent_of(version)
    if not uri:
        return None
    found = _reference(uri)
    name = f"{found.model} v{found.version}" if found and found.version else uri.removeprefix("models:/")
    return Node(key="parent", kind="copied from", name=name, link=parent_link(uri, to), detail=uri, column=2)


def _reference(uri: str) -> Reference | None:
    try:
        return parse_reference(uri)
    except Invalid:
        return None


def _drawn(nodes: Sequence[Node], pairs: Sequence[tuple[str, str]]) -> Graph:
    """Puts the boxes of a column below each other, and each column in the middle of the height."""
    columns = sorted({node.column for node in nodes})
    rows = {column: [node for node in nodes if node.column == column] for column in columns}
    highest = max(len(found) for found in rows.values())
    height = highest * (HEIGHT + _DOWN) - _DOWN + 2 * _MARGIN
    placed: dict[str, Node] = {}
    for place, column in enumerate(columns):
        tall = len(rows[column]) * (HEIGHT + _DOWN) - _DOWN
        for row, node in enumerate(rows[column]):
            x = _MARGIN + place * (WIDTH + _ACROSS)
            placed[node.key] = replace(node, x=x, y=(height - tall) // 2 + row * (HEIGHT + _DOWN))
    edges = tuple(Edge(start=a, end=b, path=_path(placed[a], placed[b])) for a, b in pairs)
    said = "; ".join(f"{_words(placed[a])} → {_words(placed[b])}" for a, b in pairs)
    return Graph(
        nodes=tuple(placed.values()),
        edges=edges,
        width=len(columns) * (WIDTH + _ACROSS) - _ACROSS + 2 * _MARGIN,
        height=height,
        words=said,
    )


def _path(start: Node, end: Node) -> str:
    """A curve from the right side of a box to the left side of another, short of it by the arrow's head."""
    x1, y1 = start.x + WIDTH, start.y + HEIGHT // 2
    x2, y2 = end.x - 6, end.y + HEIGHT // 2
    middle = (x1 + x2) // 2
    return f"M{x1} {y1} C{middle} {y1} {middle} {y2} {x2} {y2}"


def _words(node: Node) -> str:
    return f"{node.kind} {node.name}"
