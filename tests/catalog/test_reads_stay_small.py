"""A read looks at as many pages of the database for a model of 5,000 versions as for one of 10."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from benchmarks._million import fill
from benchmarks._million_rows import Shape, name_of
from pedigree.catalog.store import SQL as CATALOG
from pedigree.lifecycle.store import SQL as LIFECYCLE
from tests.databases import Databases

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("reads")]

LARGE = 12
SHAPES = (
    Shape(models=11, versions=10),
    Shape(models=1, versions=5000, first_model=LARGE),
)
# Of the small models the one that moved most: it has holders and a history, as the large one has.
SMALL = """
SELECT model_id, max(version) FILTER (WHERE name = 'production' AND held_until IS NULL) AS holder
FROM pedigree.tenure WHERE model_id = %(large)s OR model_id = (
    SELECT model_id FROM pedigree.tenure WHERE model_id <> %(large)s
    GROUP BY model_id ORDER BY count(*) DESC, model_id LIMIT 1
)
GROUP BY model_id ORDER BY model_id
"""
# A page of either has ten rows; an index of more rows may be a level higher for each table read.
PAGE = {"limit": 10}
ALLOWANCE = 1.6
FURTHER_PAGES = 12
RULES = Jsonb([{"name": "metadata_complete", "settings": None}])
PRODUCTION = {"pointer": "stage", "name": "production"}
READS: dict[str, tuple[Any, dict[str, object]]] = {
    "by number": (CATALOG["find_versions"], {"version": 7, "pointer": None}),
    "the latest": (CATALOG["find_versions"], {"version": None, "pointer": "latest"}),
    "by stage": (CATALOG["find_versions"], {"version": None, "pointer": "production"}),
    "by a stage that thousands hold": (
        CATALOG["find_versions"],
        {"version": None, "pointer": "archived"},
    ),
    "the holder of a stage": (CATALOG["find_holder"], {"stage": "production"}),
    "a page of versions": (CATALOG["versions"], {**PAGE, "after": 0}),
    "a page of the newest": (CATALOG["newest_versions"], {**PAGE, "before": 2**31 - 1}),
    "the trainings of one": (CATALOG["trainings"], {**PAGE, "version": 7, "after": None}),
    "a stage's holder": (LIFECYCLE["holder"], PRODUCTION),
    "the stages it left": (LIFECYCLE["stages_left"], {"versions": [7]}),
    "the verdicts on some": (
        LIFECYCLE["verdicts_of_versions"],
        {"versions": [7, 8], "rules": RULES},
    ),
    "what was decided": (LIFECYCLE["decisions_of_versions"], {"versions": [7, 8]}),
    "some in full": (LIFECYCLE["versions_in_full"], {"versions": [7, 8]}),
    "the highest holders": (LIFECYCLE["held_pointers"], {}),
    "what to roll back to": (
        LIFECYCLE["rollback_target"],
        {"name": "production", "holder": 0, "from_here_on": ["production"]},
    ),
    "what waits": (LIFECYCLE["waiting_versions"], {"stages": ["candidate", "staging"]}),
    "a version's state": (LIFECYCLE["version_state"], {"version": 7}),
    "a page of the timeline": (LIFECYCLE["timeline"], {**PAGE, "before": 2**63 - 1}),
    "a page of a stage's timeline": (
        LIFECYCLE["timeline_of_pointer"],
        {**PAGE, **PRODUCTION, "before": 2**63 - 1},
    ),
    "a version's tenures": (LIFECYCLE["tenures_of_version"], {**PAGE, "version": 7, "after": 0}),
    "as of a moment": (
        LIFECYCLE["as_of"],
        {**PAGE, **PRODUCTION, "after": None, "moment": datetime(2025, 1, 1, tzinfo=UTC)},
    ),
}


@pytest.fixture(scope="module")
def connection(databases: Databases) -> Iterator[psycopg.Connection[Any]]:
    """A database that is filled once, since it is only read; hence the group."""
    with databases.lend() as make_database_url:
        url = make_database_url()
        fill(url, *SHAPES)
        with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
            yield connection


def pages(connection: psycopg.Connection[Any], query: Any, given: dict[str, object]) -> int:
    """How many pages a statement touches, the second time: the first also reads the catalog."""
    found = 0
    for _ in range(2):
        row = connection.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + query, given)
        plan = row.fetchone()["QUERY PLAN"]
        plan = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
        found = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    return int(found)


def _key(row: dict[str, Any]) -> dict[str, object]:
    name, holder = name_of(row["model_id"]), row["holder"]
    return {**row, "above": holder, "name_key": name, "model": name}


def test_no_read_costs_more_as_a_model_gains_versions(connection: psycopg.Connection[Any]) -> None:
    both = connection.execute(SMALL, {"large": LARGE}).fetchall()
    assert all(row["holder"] for row in both)
    costs = {
        what: [pages(connection, query, {**_key(row), **given}) for row in both]
        for what, (query, given) in READS.items()
    }
    grown = {
        what: cost for what, cost in costs.items() if cost[1] > ALLOWANCE * cost[0] + FURTHER_PAGES
    }
    assert grown == {}, costs


def test_a_model_costs_what_its_pointers_cost(connection: psycopg.Connection[Any]) -> None:
    # Twenty holders of each of at most five pointers, whatever the number of versions.
    assert pages(connection, CATALOG["model"], {"name_key": name_of(LARGE)}) <= 200
