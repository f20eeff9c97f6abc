"""Every plan of a search finds what a loop over all versions in Python finds."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg import sql
from psycopg.rows import dict_row

from benchmarks._million import fill
from benchmarks._million_rows import Shape, name_of
from pedigree.catalog.search import counting, known_values, plans, search, selectivity
from pedigree.catalog.search.execution import Execution
from pedigree.catalog.search.fields import FIELDS, Kind, operators_of
from pedigree.catalog.search.fuzzy_words import SQL
from pedigree.catalog.search.grammar import parse_filter
from pedigree.catalog.search.ordering import parse_order
from pedigree.catalog.search.other_tables import matching
from pedigree.catalog.search.parameters import Parameters
from pedigree.catalog.search.to_sql import Translator
from pedigree.errors import SearchTooBroadError
from tests.catalog.naive_search import Versions, facets_of, in_order
from tests.databases import Databases

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("search_plans")]

WORDS = ("weekly", "weekly retention", "-weekly", '"weekly retention"', "weekly or retention")
# What the generator of the benchmarks leaves out.
MORE = """
UPDATE pedigree.training SET
    ci_build = CASE version % 3 WHEN 0 THEN 'build-' || model_id % 2 END,
    validation_dataset_id = CASE version % 4 WHEN 0 THEN 'holdout' END,
    training_data_version = CASE version % 5 WHEN 0 THEN '2024-01' END,
    params = CASE version % 6
        WHEN 0 THEN '{"depth": "deep", "flag": true}'::jsonb
        WHEN 1 THEN '{"depth": 3.5, "flag": false}'
        WHEN 2 THEN '{"depth": null}'
        ELSE params END;
UPDATE pedigree.model_version SET
    approval_status = CASE (model_id + version) % 9 WHEN 0 THEN 'approved' WHEN 1 THEN 'pending'
        ELSE approval_status END,
    approved_by = CASE (model_id + version) % 9 WHEN 0 THEN repeat('ann', 30) || version END,
    quarantine_reason = CASE version WHEN 7 THEN 'leak' END,
    hold_reason = CASE version WHEN 8 THEN 'case' END,
    owners = CASE version % 5 WHEN 0 THEN '{}' WHEN 1 THEN owners || '{ann}' ELSE owners END,
    tags = CASE version % 10 WHEN 0 THEN tags || jsonb_build_object(
        'note', repeat('x', 300 + version)
    )
        ELSE tags END;
INSERT INTO pedigree.staleness (model_id, version, stale, data_behind, code_behind, seen, seen_at)
SELECT model_id, version, CASE version % 3 WHEN 0 THEN true WHEN 1 THEN false END,
    version % 4, version % 2, '{}', created_at
FROM pedigree.model_version WHERE version % 4 <> 0;
UPDATE pedigree.lineage_node SET asset = regexp_replace(asset, '^.*_', '') WHERE kind <> 'step';
UPDATE pedigree.lineage_node SET kind = 'missing', partition = NULL, upstream = NULL
FROM pedigree.training t
WHERE t.training_id = lineage_node.training_id AND t.version % 3 = 0
    AND lineage_node.asset = 'events';
UPDATE pedigree.lineage_node SET upstream = '{customers}'
FROM pedigree.training t
WHERE t.training_id = lineage_node.training_id AND t.version % 4 = 1 AND kind = 'step';
ANALYZE pedigree.search_version, pedigree.search_term, pedigree.search_metric
"""
KEYS = {"tags": ("team", "tier", "note", "none"), "metrics": ("auc", "f1", "latency_ms")}
KEYS |= {"params": ("depth", "flag", "seed"), "lineage": ("customers", "events", "sources")}
SMALL = (0, 3, 3_000)
ONE = name_of(5)


@pytest.fixture(scope="module")
def connection(databases: Databases) -> Iterator[psycopg.Connection[Any]]:
    """240 versions with all fields, which are only read."""
    with databases.lend() as make_database_url:
        url = make_database_url()
        fill(url, Shape(models=12, versions=20))
        with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
            for statement in MORE.split(";"):
                connection.execute(statement.encode())
            yield connection


@pytest.fixture(scope="module")
def versions(connection: psycopg.Connection[Any]) -> Versions:
    return Versions.read(connection, WORDS)


def shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        value = value.isoformat()
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)


def domain(versions: Versions, name: str, key: str | None) -> list[str]:
    """Return values of a field as a filter writes them: some that versions have, and another."""
    found: dict[str, None] = {}
    for row in versions.rows:
        value = row[name] if key is None else row[name].get(key)
        for one in value if isinstance(value, list) else [value]:
            if one is not None:
                found.setdefault(shown(one))
    other = {
        Kind.NUMBER: "-1",
        Kind.TIME: "'2024-06-01'",
        Kind.BOOLEAN: "true",
        Kind.ANY: "'other'",
    }
    kind = FIELDS[name].kind
    step = max(1, len(found) // 6)
    values = [*list(found)[::step], other.get(kind, "'other'")]
    choices = FIELDS[name].choices
    return [one for one in values if not choices or one.strip("'") in choices]


def leaf_of(versions: Versions, name: str, key: str | None) -> st.SearchStrategy[str]:
    field = name if key is None else f"{name}.{key}"
    if name == "text":
        return st.sampled_from(WORDS).map(lambda text: f"text MATCH '{text}'")
    values = (
        ["'2024-01'", "'2024-09'", "'other'"] if name == "lineage" else domain(versions, name, key)
    )
    of = st.sampled_from(values)

    def written(operator: str) -> st.SearchStrategy[str]:
        match operator:
            case "IS NULL" | "IS NOT NULL":
                return st.just(f"{field} {operator}")
            case "IN":
                return st.lists(of, min_size=1, max_size=3).map(
                    lambda some: f"{field} IN ({', '.join(some)})"
                )
            case "BETWEEN":
                return st.tuples(of, of).map(lambda two: f"{field} BETWEEN {two[0]} AND {two[1]}")
            case "LIKE" | "ILIKE":
                texts = of.filter(lambda one: one.startswith("'")).map(lambda one: one[1:-1])
                cut = st.sampled_from(["{0:.4}%", "%{0:.3}%", "{0}", "%", "{0:.2}%{0:.1}"])
                return st.tuples(texts, cut).map(
                    lambda two: f"{field} {operator} '{two[1].format(two[0])}'"
                )
        return of.map(lambda one: f"{field} {operator} {one}")

    return st.sampled_from(operators_of(name)).flatmap(written)


def filters(versions: Versions) -> st.SearchStrategy[str]:
    named = [
        (name, key)
        for name, rule in FIELDS.items()
        for key in (KEYS[name] if rule.keyed else (None,))
    ]
    leaves = st.sampled_from(named).flatmap(lambda one: leaf_of(versions, *one))
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            inner.map(lambda text: f"NOT ({text})"),
            st.tuples(
                st.sampled_from([" AND ", " OR "]), st.lists(inner, min_size=2, max_size=4)
            ).map(lambda two: "(" + two[0].join(two[1]) + ")"),
        ),
        max_leaves=10,
    )


def orders() -> st.SearchStrategy[str]:
    sortable = [
        name if key is None else f"{name}.{key}"
        for name, rule in FIELDS.items()
        if rule.sortable
        for key in (KEYS[name] if rule.keyed else (None,))
    ]
    favored = ["created_at", "name", "metrics.auc", "version"]
    key = st.tuples(
        st.one_of(st.sampled_from(sortable), st.sampled_from(favored)),
        st.sampled_from(["", " DESC"]),
    ).map("".join)
    return st.lists(key, min_size=1, max_size=3).map(", ".join)


def require_same(
    connection: psycopg.Connection[Any],
    versions: Versions,
    text: str,
    order: str,
    names: list[str] | None = None,
) -> None:
    """Compare two pages, the count and the facets with those of a loop."""
    given = {"order_by": order, "limit": 7, "count": True, "facets": tuple(counting.FACETS)}
    found = versions.found(parse_filter(text))
    if names is not None:
        found = [row for row in found if row["name"] in names]
    expected = in_order(found, parse_order(order))
    after, keys = None, []
    for _ in range(3):
        asked = search.request(text, after=after, seconds=60, **given)  # type: ignore[arg-type]
        page = search.search(connection, asked if names is None else asked.among(names))
        built = page.built()
        ids = {row["name"]: row["model_id"] for row in versions.rows}
        keys += [(ids[one.model_name], one.version_id) for one in built]
        assert page.page.total == len(expected), (text, page.plan)
        if (after := page.page.next) is None:
            break
    assert keys == expected[: len(keys)], (text, order, page.plan)
    assert len(keys) == min(len(expected), 21), (text, order, page.plan)
    assert not page.page.total_is_estimate
    assert not page.page.facets_are_estimates
    for name, counted in facets_of(found).items():
        values = {one.value: one.count for one in page.page.facets[name]}  # type: ignore[index]
        assert values == {value: counted[value] for value in values}, (text, name)
        top = [count for _, count in counted.most_common(counting.VALUES)]
        assert sorted(values.values(), reverse=True) == top, (text, name)


@pytest.mark.timeout(600)
def test_every_plan_finds_what_a_loop_finds(
    connection: psycopg.Connection[Any],
    versions: Versions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(counting, "_EXACT_S", 60.0)

    @settings(max_examples=150, suppress_health_check=list(HealthCheck))
    @given(
        filters(versions),
        orders(),
        st.sampled_from(SMALL),
        st.sampled_from([0, 1, 40]),
        st.sampled_from([1, 100]),
        st.none() | st.lists(st.sampled_from([name_of(model) for model in range(1, 13)])),
    )
    @example("tags.note LIKE 'x%' AND NOT tags.note = 'x'", "tags.note DESC", 0, 0, 1, None)
    @example("lineage.events != '2024-01'", "created_at", 0, 0, 100, None)
    @example(f"name = '{ONE}' AND stage = 'production'", "created_at", 0, 0, 100, None)
    @example(f"name = '{ONE}' AND stage IN ('none', 'staging')", "version", 0, 40, 100, [ONE])
    @example(f"name = '{ONE}' AND NOT alias = 'champion'", "version DESC", 0, 40, 1, None)
    @example("text MATCH '-weekly' OR metrics.auc > 0.9", "metrics.f1 DESC", 0, 0, 100, [])
    @example("NOT data_behind IN (3)", "name", 0, 0, 100, None)
    @example("NOT data_behind IN (2, 3) AND version > 3", "size", 3_000, 40, 1, None)
    # Filters whose versions an index has exactly, alone, with another part, and in an OR.
    @example("lineage.events IS NOT NULL", "size DESC", 3_000, 0, 1, None)
    @example("lineage.events = '2024-01' AND version > 3", "name", 3_000, 0, 1, None)
    @example("lineage.events IS NOT NULL OR tags.team > 'a'", "size", 3_000, 0, 1, None)
    @example("tags.tier = 'gold' OR (owner = 'ann' AND version > 3)", "size", 3_000, 0, 1, None)
    @example("text MATCH 'weekly' OR metrics.auc > 0.9", "size", 3_000, 0, 1, None)
    def check(
        text: str, order: str, few: int, tried: int, share: int, names: list[str] | None
    ) -> None:
        # So that all plans are taken for a few hundred versions.
        monkeypatch.setattr(selectivity, "FEW", few)
        monkeypatch.setattr(selectivity, "_SHARE", share)
        monkeypatch.setattr(known_values, "_MOST", 500 if tried else 1)
        monkeypatch.setattr(plans, "_TRIED", tried)
        monkeypatch.setattr(plans, "_TRIED_BY_METRIC", tried)
        require_same(connection, versions, text, order, names)

    check()


SERVED = {
    "approval_status = 'pending'": "approval_status",
    "quarantined = true AND size > 10": "quarantined",
    "git_commit LIKE '6b86%'": "git_commit",
    "tags.ticket IN ('ML-5-5', 'ML-6-6')": "tags.ticket",
    "tags.ticket = 'ML-5-5' OR tags.ticket = 'ML-6-6'": "tags.ticket, tags.ticket",
    "text MATCH 'nosuchword' OR tags.ticket = 'ML-5-5'": "tags.ticket",
    "tags.campaign != 'spring'": "tags.campaign",
    "tags.ticket LIKE 'ML-5-%' AND description LIKE '%a%'": "tags.ticket",
    "tags.tier = 'gold' AND run_id IN ('run-1-1-0', 'run-2-2-0')": "run_id",
    "(stage = 'production' AND metrics.auc > 0.9) OR held = true": "held",
    "lineage.customers IS NOT NULL": "lineage.customers",
    "digest LIKE 'sha256:00%'": "digest",
    "owner LIKE '%nn' AND description LIKE '%a%'": "owner",
    "owner ILIKE '%NOSUCH%' OR quarantined = true": "owner, quarantined",
    "alias = 'champion' AND created_by ILIKE '%1%'": "alias",
    # A pattern is compared with names, and the index has pseudonyms.
    "approved_by = 'ann' AND NOT owner = 'ann'": "approved_by",
}


@pytest.mark.parametrize("text", SERVED)
def test_what_an_index_serves_is_found_without_a_scan(
    connection: psycopg.Connection[Any], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    explained: list[str] = []
    ask = Execution.ask

    def explaining(self: Execution, statement: Any, parameters: Any, plan: Any, **how: Any) -> Any:
        values = {name: "on" if value else "off" for name, value in plan._asdict().items()}
        values |= {"replan": "force_custom_plan", "limit": "60000", "wait": "1000"}
        with connection.transaction():
            connection.execute(SQL["settings"], values)
            rows = connection.execute(
                sql.SQL("EXPLAIN (FORMAT JSON) {}").format(statement), parameters
            )
            explained.append(json.dumps(rows.fetchone()))
        return ask(self, statement, parameters, plan, **how)

    monkeypatch.setattr(Execution, "ask", explaining)
    asked = search.request(
        text, order_by="size", limit=100, after=None, count=False, facets=(), seconds=60
    )
    found = search.search(connection, asked)
    assert found.plan.startswith("hits of ")
    assert SERVED[text] in found.plan
    for plan in explained:
        for table in ("search_version", "model_version", "training", "search_term"):
            scan = '"Node Type": "Seq Scan", "Parallel Aware": false, "Async Capable": false, '
            assert f'{scan}"Relation Name": "{table}"' not in plan.replace("\\", ""), plan


def test_the_planner_expects_no_more_hits_of_words_than_there_are_versions(
    connection: psycopg.Connection[Any], versions: Versions
) -> None:
    translator = Translator(Parameters(), {})
    hits = matching(translator, "'week'")
    found = connection.execute(
        sql.SQL("EXPLAIN (FORMAT JSON) {}").format(hits), translator.parameters
    ).fetchone()
    assert found is not None
    # With more, it would take them for a set that does not fit into memory, and compare each
    # version with all of them.
    assert found["QUERY PLAN"][0]["Plan"]["Plan Rows"] <= len(versions.rows)


@pytest.mark.parametrize(
    ("text", "order", "plan"),
    [
        (f"name = '{ONE}'", None, "lists"),
        (f"name = '{ONE}' AND size > 1", None, "walk"),
        (f"name = '{ONE}' AND size > 1", "version DESC", "walk"),
        (f"name = '{ONE}' AND stage = 'production'", None, "hits of stage"),
        (f"name = '{ONE}' AND alias = 'champion' AND size > 1", "size", "hits of alias"),
    ],
)
def test_a_search_in_one_model_does_not_read_all_its_versions(
    connection: psycopg.Connection[Any],
    text: str,
    order: str | None,
    plan: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(selectivity, "FEW", 6)  # fewer than the versions of the model
    monkeypatch.setattr(selectivity, "_SHARE_OF_SET", 1_000)
    asked = search.request(
        text, order_by=order, limit=1, after=None, count=False, facets=(), seconds=60
    )
    assert search.search(connection, asked).plan == plan


def test_a_count_that_takes_too_long_is_an_estimate(
    connection: psycopg.Connection[Any], versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "_EXACT_S", -1.0)
    asked = search.request(
        "size > 10",
        order_by="size",
        limit=5,
        after=None,
        count=True,
        facets=("stage",),
        seconds=60,
    )
    page = search.search(connection, asked).built()
    assert page.total_is_estimate
    assert page.facets_are_estimates
    assert page.total == pytest.approx(len(versions.rows), rel=0.2)
    assert sum(one.count for one in page.facets["stage"]) == pytest.approx(page.total, rel=0.2)


def test_facets_of_very_many_versions_are_estimates_that_sum_up_to_the_total(
    connection: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "MOST_COUNTED", 10)
    monkeypatch.setattr(counting, "_MOST_SAMPLED", 1.0)
    asked = search.request(
        None, order_by=None, limit=5, after=None, count=True, facets=("flavor",), seconds=60
    )
    page = search.search(connection, asked).built()
    assert page.facets_are_estimates
    assert not page.total_is_estimate
    assert sum(one.count for one in page.facets["flavor"]) == page.total


@pytest.mark.parametrize(
    ("text", "order", "marked", "reason"),
    [
        ("stage = 'none' AND description LIKE '%x%'", None, "description LIKE '%x%'", "no index"),
        ("tags.tier = 'gold' AND size > 5", None, "size > 5", "no index serves size >"),
        ("NOT lineage.x = 'y' AND size > 5", None, "lineage.x = 'y'", "lineage.x !="),
        ("tags.tier = 'gold'", "size", "tags.tier = 'gold'", "many versions satisfy tags.tier ="),
        ("", "size DESC", "size DESC", "the order"),
    ],
)
def test_a_search_past_its_time_says_which_term_is_too_broad(
    connection: psycopg.Connection[Any], text: str, order: str | None, marked: str, reason: str
) -> None:
    asked = search.request(
        text, order_by=order, limit=5, after=None, count=False, facets=(), seconds=1e-9
    )
    with pytest.raises(SearchTooBroadError) as refused:
        search.search(connection, asked)
    start, end = refused.value.place
    assert refused.value.expression[start:end] == marked
    assert reason in str(refused.value)
    assert refused.value.remedy
