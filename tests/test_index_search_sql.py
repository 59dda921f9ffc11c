"""The SQL of a filter finds what the filter means, on a real SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_git.core.model import NO_STAGE
from registry_git.core.search import (
    PROMPT_TAG,
    Filter,
    ModelRow,
    Target,
    VersionRow,
    matches,
    parse_filter,
    parse_order,
    without_prompts,
)
from registry_git.index.search_sql import SQL_FUNCTIONS, order_to_sql, register_functions, to_sql

TABLES = """
CREATE TABLE models (name TEXT PRIMARY KEY, created INT DEFAULT 0, updated INT DEFAULT 0);
CREATE TABLE versions (model TEXT, version INT, run_id TEXT, source TEXT, status TEXT, created_by TEXT,
    created INT DEFAULT 0, updated INT DEFAULT 0, PRIMARY KEY (model, version));
CREATE TABLE model_tags (model TEXT, key TEXT, value TEXT, PRIMARY KEY (model, key));
CREATE TABLE version_tags (model TEXT, version INT, key TEXT, value TEXT, PRIMARY KEY (model, version, key));
CREATE TABLE placements (model TEXT, version INT, stage TEXT, PRIMARY KEY (model, version, stage));
CREATE TABLE aliases (model TEXT, alias TEXT, version INT, PRIMARY KEY (model, alias));
"""
TABLE_NAMES = ("models", "versions", "model_tags", "version_tags", "placements", "aliases")

TEXTS = ["", "a", "A", "ab", "é", "É", "a%", "a_", "it's", 'a"b', "a\nb", "a\\", "*", "[a]", "ß"]
KEYS = ["x", "my key", "é.x", PROMPT_TAG]
VALUES = [*TEXTS, "true", "false"]
STAGES = ["Staging", "Production", "Prüfung"]
ALIASES = ["champion", "Champion", "b"]
STATUSES = ["READY", "PENDING_REGISTRATION"]
PATTERNS = [*TEXTS, "%", "_", "%a%", "a%b", "É%", "%_", "[%", "*%", "__%"]

tags = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), max_size=3)
versions_of_a_model = st.lists(
    st.builds(
        VersionRow,
        name=st.just(""),
        version=st.just(0),
        run_id=st.sampled_from(TEXTS),
        source=st.sampled_from(TEXTS),
        status=st.sampled_from(STATUSES),
        created_by=st.sampled_from(TEXTS),
        tags=tags,
        stages=st.lists(st.sampled_from(STAGES), unique=True, max_size=2).map(tuple),
    ),
    max_size=3,
)
registries = st.dictionaries(
    st.sampled_from(TEXTS[1:]),
    st.tuples(tags, versions_of_a_model, st.lists(st.sampled_from(ALIASES), unique=True, max_size=2)),
    max_size=4,
)


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def compared(field: str, operators: list[str], values: list[str]) -> st.SearchStrategy[str]:
    one = st.sampled_from(values).map(quoted)
    several = st.lists(one, min_size=1, max_size=3).map(lambda texts: f"({', '.join(texts)})")
    return st.sampled_from(operators).flatmap(
        lambda operator: (several if operator.endswith("IN") else one).map(lambda value: f"{field} {operator} {value}")
    )


TEXT_OPERATORS = ["=", "!=", "LIKE", "ILIKE"]
LIST_OPERATORS = [*TEXT_OPERATORS, "IN", "NOT IN"]
tag_conditions = st.sampled_from(KEYS).flatmap(
    lambda key: compared(f"tags.`{key}`", TEXT_OPERATORS, [*PATTERNS, "true", "false"])
)
stage_conditions = compared("stage", ["=", "!=", "IN"], [*STAGES, "PRODUCTION", "PRÜFUNG", "None", "none", "x"])
alias_conditions = compared("alias", ["=", "IN"], [*ALIASES, "x"])
shared = [compared("name", LIST_OPERATORS, PATTERNS), tag_conditions, stage_conditions, alias_conditions]
model_filters = st.lists(st.one_of(shared), max_size=3).map(" AND ".join)
version_filters = st.lists(
    st.one_of(
        *shared,
        compared("run_id", LIST_OPERATORS, PATTERNS),
        compared("source_path", TEXT_OPERATORS, PATTERNS),
        compared("created_by", [*TEXT_OPERATORS, "IN"], PATTERNS),
        compared("status", ["=", "!=", "IN"], STATUSES),
        compared("version_number", ["=", "!=", "<", "<=", ">", ">="], ["1", "2", "9223372036854775807", "-1"]),
    ),
    max_size=3,
).map(" AND ".join)

Registry = dict[str, tuple[dict[str, str], list[VersionRow], list[str]]]


@pytest.fixture(scope="module")
def database() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    connection.executescript(TABLES)
    register_functions(connection)
    yield connection
    connection.close()


def fill(database: sqlite3.Connection, registry: Registry) -> tuple[list[ModelRow], list[VersionRow]]:
    for table in TABLE_NAMES:
        database.execute(f"DELETE FROM {table}")
    models, versions = [], []
    for name, (model_tags, rows, aliases) in registry.items():
        database.execute("INSERT INTO models (name) VALUES (?)", [name])
        database.executemany("INSERT INTO model_tags VALUES (?, ?, ?)", [(name, *tag) for tag in model_tags.items()])
        pointed = {alias: 1 + place % len(rows) for place, alias in enumerate(aliases) if rows}
        database.executemany("INSERT INTO aliases VALUES (?, ?, ?)", [(name, *alias) for alias in pointed.items()])
        for number, row in enumerate(rows, start=1):
            versions.append(
                VersionRow(
                    name=name,
                    version=number,
                    run_id=row.run_id,
                    source=row.source,
                    status=row.status,
                    created_by=row.created_by,
                    tags=row.tags,
                    stages=row.stages,
                    aliases=tuple(alias for alias, version in pointed.items() if version == number),
                )
            )
            database.execute(
                "INSERT INTO versions (model, version, run_id, source, status, created_by) VALUES (?, ?, ?, ?, ?, ?)",
                (name, number, row.run_id, row.source, row.status, row.created_by),
            )
            database.executemany(
                "INSERT INTO version_tags VALUES (?, ?, ?, ?)", [(name, number, *tag) for tag in row.tags.items()]
            )
            database.executemany("INSERT INTO placements VALUES (?, ?, ?)", [(name, number, s) for s in row.stages])
        stages = {stage for row in rows for stage in row.stages or (NO_STAGE,)}
        models.append(ModelRow(name=name, tags=model_tags, stages=tuple(stages), aliases=tuple(pointed)))
    return models, versions


def selected(database: sqlite3.Connection, parsed: Filter, target: Target) -> set[object]:
    where, parameters = to_sql(parsed, target)
    columns = "name" if target is Target.MODELS else "model, version"
    return set(database.execute(f"SELECT {columns} FROM {target.value} WHERE {where}", parameters))


@settings(max_examples=300, deadline=None)
@given(registries, model_filters, st.booleans())
def test_a_search_of_models_finds_what_matches(
    database: sqlite3.Connection, registry: Registry, text: str, prompts: bool
) -> None:
    models, _versions = fill(database, registry)
    parsed = parse_filter(text, Target.MODELS)
    parsed = parsed if prompts else without_prompts(parsed)
    assert selected(database, parsed, Target.MODELS) == {(row.name,) for row in models if matches(parsed, row)}


@settings(max_examples=300, deadline=None)
@given(registries, version_filters, st.booleans())
def test_a_search_of_versions_finds_what_matches(
    database: sqlite3.Connection, registry: Registry, text: str, prompts: bool
) -> None:
    _models, versions = fill(database, registry)
    parsed = parse_filter(text, Target.VERSIONS)
    parsed = parsed if prompts else without_prompts(parsed)
    expected = {(row.name, row.version) for row in versions if matches(parsed, row)}
    assert selected(database, parsed, Target.VERSIONS) == expected


def test_user_text_is_only_ever_a_parameter() -> None:
    evil = "x'); DROP TABLE models; --"
    for field in ("name", "tags.k", "source_path", "stage", "alias", "run_id"):
        where, parameters = to_sql(parse_filter(f'{field} = "{evil}"', Target.VERSIONS), Target.VERSIONS)
        assert "DROP" not in where
        assert where.count("?") == len(parameters)
        assert evil in parameters or evil.lower() in parameters


def test_the_empty_filter_finds_everything(database: sqlite3.Connection) -> None:
    fill(database, {"a": ({}, [], []), "b": ({}, [], [])})
    assert selected(database, (), Target.MODELS) == {("a",), ("b",)}


def test_the_largest_filter_is_within_the_limits_of_sqlite(database: sqlite3.Connection) -> None:
    fill(database, {"a": ({}, [], [])})
    longest_list = "name IN (" + ",".join(["''"] * 6_600) + ")"
    assert selected(database, parse_filter(longest_list, Target.MODELS), Target.MODELS) == set()
    most_conditions = " AND ".join(["tags.x = 'a' AND stage != 'b'"] * 50)
    assert selected(database, parse_filter(most_conditions, Target.VERSIONS), Target.VERSIONS) == set()


def test_names_and_tags_are_found_by_the_keys_of_the_tables(database: sqlite3.Connection) -> None:
    where, parameters = to_sql(parse_filter("name = 'a'", Target.VERSIONS), Target.VERSIONS)
    plan = str(database.execute(f"EXPLAIN QUERY PLAN SELECT * FROM versions WHERE {where}", parameters).fetchall())
    assert "SEARCH versions" in plan
    where, parameters = to_sql(parse_filter("alias = 'a'", Target.VERSIONS), Target.VERSIONS)
    plan = str(database.execute(f"EXPLAIN QUERY PLAN SELECT * FROM versions WHERE {where}", parameters).fetchall())
    assert "SEARCH versions" in plan


def test_every_function_of_the_sql_is_registered(database: sqlite3.Connection) -> None:
    assert set(SQL_FUNCTIONS) == {"search_like", "search_ilike", "search_fold", "search_has"}
    assert database.execute(
        "SELECT search_like('ab', 'A%'), search_ilike('ab', 'A%'), search_fold('Ä')"
    ).fetchone() == (
        0,
        1,
        "ä",
    )


def test_results_come_in_the_order_asked_for(database: sqlite3.Connection) -> None:
    row = VersionRow(name="", version=0)
    fill(database, {"b": ({}, [row, row], []), "a": ({}, [row], [])})
    for items, expected in [
        ([], [("a", 1), ("b", 2), ("b", 1)]),
        (["version_number ASC", "name DESC"], [("b", 1), ("a", 1), ("b", 2)]),
    ]:
        order = order_to_sql(parse_order(items, Target.VERSIONS), Target.VERSIONS)
        assert database.execute(f"SELECT model, version FROM versions ORDER BY {order}").fetchall() == expected
    order = order_to_sql(parse_order(["name DESC"], Target.MODELS), Target.MODELS)
    assert database.execute(f"SELECT name FROM models ORDER BY {order}").fetchall() == [("b",), ("a",)]
