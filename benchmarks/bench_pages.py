"""The web pages of a registry with 2,000 models: from the request to the last byte, over real HTTP on loopback."""

from __future__ import annotations

import argparse
import tempfile
import time
from functools import partial
from pathlib import Path

import page
from exchange import Client
from measure import Figure, ground, machine, milliseconds
from registries import make, name_of, opened
from two_servers import registry_git

_START, _END = (
    "<!-- figures of the pages: written by `make bench ARGS=--write` -->",
    "<!-- end of figures of the pages -->",
)
_MODELS = 2_000
_BOUND = 100.0  # milliseconds
_PAGES = {
    "models, newest activity first": "/?page={turn}",
    "models by name, any of their pages": "/?sort=name&page={turn}",
    "models, searched by a word of their names": "/?text={name}",
    "a model": "/models/{name}",
    "a version": "/models/{name}/versions/1",
    "two versions compared": "/compare?left={name}/1&right={name}/2",
    "requests": "/requests?show=all",
    "activity": "/activity",
    "deployments": "/deployments",
}


def main() -> None:
    """Measures, prints, and where it was asked to, writes."""
    options = _options()
    runs = 10 if options.quick else 50
    with tempfile.TemporaryDirectory(prefix="registry-git-bench-", dir=options.dir) as folder:
        work = Path(folder)
        print(f"… making {_MODELS:,} models with 2 versions", flush=True)
        place = make(work / "models.git", models=_MODELS, versions=2)
        registry = opened(place, durable=False)
        for number in range(20):
            registry.transition(name_of(number), 1, "Production")
            registry.request_stage(name_of(number), 2, "Staging")
            registry.add_deployment("production", f"job-{number}", model=name_of(number), stage="Production")
        with registry_git(place) as served:
            client = served.client()
            _ready(client)
            figures = [_measured(client, what, path, runs) for what, path in _PAGES.items()]
            client.close()
        sections = {
            "The machine while the pages were measured": ground(work, 30 if options.quick else 200),
            f"Web pages, {_MODELS:,} models": figures,
        }
        about = machine(work)
    page.show(sections, about)
    if options.write:
        page.put(_START, _END, sections, about)


def _measured(client: Client, what: str, path: str, runs: int) -> Figure:
    """Each time another model, or another page of the list."""
    addresses = [path.format(turn=1 + turn % 40, name=name_of(37 * turn % _MODELS)) for turn in range(runs)]
    taken = milliseconds(partial(client.send, "GET", address) for address in addresses)
    return Figure(what=what, values=taken, unit="ms", bound=_BOUND)


def _ready(client: Client) -> None:
    """Waits until the index is built."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        try:
            client.send("GET", "/ready")
        except RuntimeError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("The server did not become ready.")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the figures into docs/performance.md")
    parser.add_argument("--quick", action="store_true", help="fewer runs: to see that it works")
    parser.add_argument("--dir", type=Path, help="where registries are made (default: the temporary directory)")
    return parser.parse_known_args()[0]  # `make bench` hands the options of the other scripts here, too


if __name__ == "__main__":
    main()
