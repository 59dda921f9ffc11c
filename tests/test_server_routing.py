"""Which endpoint a path means is looked up in a table; what Starlette would find in its list is the yardstick."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.routing import Match, Route

from registry_git.server.application import Built, build
from registry_git.server.permissions import PAGES, every_route
from registry_git.server.routing import Routes
from registry_git.server.service import Service
from tests.registry_scene import new_registry
from tests.server_scene import settings_of

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
PARTS = sorted({part for _, path in every_route() for part in path.split("/")} | {"", ".", "a b", "ä", "{name}", "x:y"})


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    place = tmp_path_factory.mktemp("routing") / "models.git"
    new_registry(place, versions=1)
    service = Service(settings_of(place))
    yield build(service)
    service.close()


def _by_starlette(built: Built, method: str, path: str) -> tuple[str, dict[str, str]] | None:
    scope = {"type": "http", "method": method, "path": path, "root_path": ""}
    for wanted, template in built.routes:
        route = Route(template, lambda request: None, methods=[wanted])
        route.methods = {wanted}  # Starlette adds HEAD to GET
        found, child = route.matches(scope)
        if found is Match.FULL:
            return route.path, child["path_params"]
    return None


@settings(max_examples=600, deadline=None)
@given(method=st.sampled_from(METHODS), parts=st.lists(st.sampled_from(PARTS), min_size=1, max_size=7))
def test_any_path_means_what_starlette_would_take_it_for(built: Built, method: str, parts: list[str]) -> None:
    path = "/" + "/".join(parts)
    _same(built, method, path)


def test_every_route_is_found_whatever_stands_for_its_names(built: Built) -> None:
    for method, path in set(every_route()) - set(PAGES):
        for name in ("fraud", "1", "ä ö", "..", "versions", "{name}", "a" * 300):
            filled = "/".join(name if part[:1] == "{" else part for part in path.split("/"))
            _same(built, method, filled)
            assert built.routes.find(method, filled) is not None


def _same(built: Built, method: str, path: str) -> None:
    found, wanted = built.routes.find(method, path), _by_starlette(built, method, path)
    if wanted is None:
        assert found is None, path
    else:
        assert found is not None, path
        assert (found[0].route, dict(found[1])) == wanted


@pytest.mark.parametrize("path", ["*", "", "models/fraud", "//models/fraud", "/models/", "/models/a/b"])
def test_what_is_no_path_of_a_route_is_found_by_none(path: str) -> None:
    routes: Routes[str] = Routes()
    routes.add("GET", "/models/{name}", "model")
    assert routes.find("GET", path) is None


def test_a_fixed_path_goes_before_a_template_whichever_came_first() -> None:
    routes: Routes[str] = Routes()
    routes.add("GET", "/models/{name}", "model")
    routes.add("GET", "/models/new", "new")
    assert routes.find("GET", "/models/new") == ("new", {})
    assert routes.find("GET", "/models/old") == ("model", {"name": "old"})
    assert sorted(routes) == [("GET", "/models/new"), ("GET", "/models/{name}")]


def test_a_route_that_is_there_already_or_cannot_be_looked_up_keeps_the_server_from_starting() -> None:
    routes: Routes[str] = Routes()
    for path in ("/models", "/models/{name}"):
        routes.add("GET", path, "first")
        with pytest.raises(LookupError, match="two routes"):
            routes.add("GET", path, "second")
    with pytest.raises(LookupError, match="single parts"):
        routes.add("GET", "/files/{path:path}", "files")
