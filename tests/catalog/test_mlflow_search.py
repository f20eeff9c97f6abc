"""A search of the MLflow protocol finds what MLflow's own store finds, in its order."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pedigree.catalog.mlflow_search import finding
from pedigree.catalog.mlflow_search.asked import AskedPage
from pedigree.catalog.mlflow_search.conditions import IS_PROMPT, SearchedKind
from pedigree.catalog.search.execution import Execution
from pedigree.registry import Registry
from tests.catalog.mlflow_store import OracleStore
from tests.factories import register
from tests.marking import few_or_many

LONG = "long" * 100
TAGS: list[dict[str, str]] = [
    {},
    {"team": "growth"},
    {"team": "growth", "a b/c": "x"},
    {"team": "Risk", "tier": "100%"},
    {"team": "risk", "text": LONG},
    {"tier": "gold", "team": ""},
    {"text": LONG + "er"},
]
MODELS = ("churn", "churn_2", "Fraud", "prompt", "half")


def comparison(field: str, comparators: list[str], values: list[str]) -> st.SearchStrategy[str]:
    return st.builds(
        "{} {} '{}'".format, st.just(field), st.sampled_from(comparators), st.sampled_from(values)
    )


EQUAL, PATTERN = ["=", "!="], ["LIKE", "ILIKE"]
OF_MODELS = st.one_of(
    comparison("name", EQUAL, [*MODELS, "none"]),
    comparison("name", PATTERN, ["churn%", "%U%", "_raud", "%", "half", "%_2"]),
    st.sampled_from(["name IN ('churn', 'half')", "name NOT IN ('churn', 'none')"]),
    comparison("tags.team", EQUAL, ["growth", "risk", "", "none"]),
    comparison("tag.team", PATTERN, ["g%", "%K", "%", "_isk"]),
    comparison("tags.`a b/c`", EQUAL, ["x"]),
    comparison("tags.text", ["=", "!=", "LIKE"], [LONG, LONG + "er", "long%"]),
    comparison(f"tags.`{IS_PROMPT}`", ["=", "!=", "LIKE"], ["true", "false", "True", "t%"]),
)
OF_VERSIONS = st.one_of(
    OF_MODELS,
    comparison("run_id", EQUAL, ["run-1", "run-2", "", "none"]),
    comparison("run_id", PATTERN, ["run%", "RUN-1", "%"]),
    st.sampled_from(["run_id IN ('run-1', '')", "run_id NOT IN ('run-1', 'run-3')"]),
    comparison("source_path", EQUAL, ["s3://bucket/1", "none"]),
    comparison("source_path", PATTERN, ["s3://%", "S3://%/1", "%"]),
    st.builds(
        "version_number {} {}".format,
        st.sampled_from(["=", "!=", "<", "<=", ">", ">="]),
        st.sampled_from(["2", "'3'", "9999999999"]),
    ),
)
VERSION_ORDERS = st.lists(
    st.builds(
        "{}{}".format,
        st.sampled_from(["name", "version_number", "creation_timestamp", "last_updated_timestamp"]),
        st.sampled_from(["", " ASC", " DESC"]),
    ),
    max_size=4,
    unique_by=lambda text: text.split()[0],
)
MODEL_ORDERS = st.lists(
    st.builds(
        "{}{}".format,
        st.sampled_from(["name", "timestamp"]),
        st.sampled_from(["", " ASC", " DESC"]),
    ),
    max_size=2,
    unique_by=lambda text: text.split()[0],
)


def filters(conditions: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(conditions, max_size=3).map(" AND ".join)


def rows_of(registry: Registry, statement: str) -> list[dict[str, Any]]:
    return registry.database.read(lambda connection: connection.execute(statement).fetchall())  # type: ignore[arg-type]


def at_once(registry: Registry, statement: str) -> None:
    registry.database.transaction(lambda transaction: transaction.execute(statement))  # type: ignore[arg-type]


@pytest.fixture
def full(registry: Registry, tmp_path: Path) -> Registry:
    """Models and versions with equal times, tags, prompts, and sources of their own."""
    for number in range(30):
        name = MODELS[number % len(MODELS)]
        tags = dict(TAGS[number % len(TAGS)])
        # All versions of the prompt have its tag, and one of another model.
        if name == "prompt" or (name == "half" and number < 10):
            tags[IS_PROMPT] = "true"
        register(registry, tmp_path, f"v{number}", name=name, tags=tags, run_id=f"run-{number % 4}")
    registry.update_model("churn", tags={"team": "growth"})
    registry.update_model("churn_2", tags={"team": "risk", IS_PROMPT: "false"})
    registry.update_model("prompt", tags={IS_PROMPT: "true"})
    registry.delete("churn/1", reason="test")
    # Some were changed since, and some of those at once.
    at_once(
        registry,
        "UPDATE pedigree.model_version SET last_updated_at ="
        " to_timestamp(2e9 + (version + model_id) % 3) WHERE version > 3",
    )
    return registry


@pytest.fixture
def oracle(full: Registry, tmp_path: Path) -> OracleStore:
    """MLflow's store with the same models and versions."""
    oracle = OracleStore(tmp_path)
    oracle.add_models(
        rows_of(
            full,
            "SELECT name, tags, pedigree.milliseconds(created_at) AS created_ms,"
            " pedigree.milliseconds(last_updated_at) AS updated_ms"
            " FROM pedigree.registered_model",
        )
    )
    oracle.add_versions(
        rows_of(
            full,
            "SELECT m.name, m.version, s.tags, pedigree.milliseconds(m.created_at) AS created_ms,"
            " m.updated_ms, m.source, m.run_id FROM pedigree.search_mlflow m"
            " JOIN pedigree.search_version s USING (model_id, version)",
        )
    )
    return oracle


def versions_found(registry: Registry, filter: str, order_by: list[str], limit: int) -> Any:
    return list(pages(registry.operations.mlflow_search.find_versions, filter, order_by, limit))


def pages(
    search: Callable[[AskedPage], Any],
    filter: str,
    order_by: list[str],
    limit: int,
    kind: SearchedKind = SearchedKind.VERSIONS,
) -> Iterator[Any]:
    token = ""
    while True:
        page = search(AskedPage.of(kind, filter, order_by, limit=limit, token=token))
        assert len(page.items) <= limit
        yield from page.items
        if page.next_token is None:
            return
        assert len(page.items) == limit
        token = page.next_token


def quickly(examples: int) -> Any:
    return settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )


@pytest.mark.parametrize("few", [2_000, 3], ids=["few hits", "many hits"])
@few_or_many(50, 300)
@pytest.mark.timeout(300)
def test_versions_are_found_as_in_mlflow(
    full: Registry,
    oracle: OracleStore,
    few: int,
    examples: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(finding, "_FEW", few)
    monkeypatch.setattr(finding, "_TRIED", 10 * few)

    @quickly(examples)
    @given(filter=filters(OF_VERSIONS), order_by=VERSION_ORDERS, limit=st.integers(1, 12))
    def check(filter: str, order_by: list[str], limit: int) -> None:
        found = versions_found(full, filter, order_by, limit)
        expected = oracle.versions(filter, order_by)
        assert [(each.name, each.version) for each in found] == expected

    check()


@few_or_many(50, 300)
@pytest.mark.timeout(300)
def test_models_are_found_as_in_mlflow(full: Registry, oracle: OracleStore, examples: int) -> None:
    @quickly(examples)
    @given(filter=filters(OF_MODELS), order_by=MODEL_ORDERS, limit=st.integers(1, 4))
    def check(filter: str, order_by: list[str], limit: int) -> None:
        search = full.operations.mlflow_search.find_models
        found = pages(search, filter, order_by, limit, SearchedKind.MODELS)
        assert [each.name for each in found] == oracle.models(filter, order_by)

    check()


def plan_of(registry: Registry, filter: str, order_by: list[str], limit: int) -> str:
    asked = AskedPage.of(SearchedKind.VERSIONS, filter, order_by, limit=limit, token="")
    return registry.database.read(
        lambda connection: finding.find(Execution(connection, 10), asked, None).plan
    )


def test_a_page_is_found_by_what_ends_with_it(
    full: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert plan_of(full, "tags.team = 'growth'", [], 2) == "lists"
    assert plan_of(full, "tags.team = 'growth' AND name LIKE '%'", [], 2) == "lists"
    assert plan_of(full, "tags.team = 'growth'", [], 100) == "hits"
    assert plan_of(full, "name = 'churn'", [], 2) == "hits"
    assert plan_of(full, "", [], 5) == "walk"
    assert plan_of(full, "", ["name"], 5) == "walk"
    assert plan_of(full, "", ["creation_timestamp"], 5) == "all"

    monkeypatch.setattr(finding, "_FEW", 1)
    assert plan_of(full, "name = 'churn'", [], 2) == "walk"
    assert plan_of(full, "name LIKE '%u%'", [], 100) == "all"


def test_what_search_reads_follows_every_change(full: Registry) -> None:
    def by_tag(value: str) -> list[tuple[str, int]]:
        found = versions_found(full, f"tags.team = '{value}'", [], 1)
        return sorted((each.name, each.version) for each in found)

    growth = by_tag("growth")
    full.set_tag("Fraud/1", "team", "growth")
    full.delete_tag("churn/6", "team")
    full.update("Fraud/2", description="another one", tags={"team": "growth"})
    full.set_alias("Fraud", "best", 2)
    full.rename_model("Fraud", "fraud-again")
    full.delete("half/6", reason="test")
    full.restore("half/6")
    full.delete_model("churn_2", reason="test")
    changed = {("fraud-again", 1), ("fraud-again", 2)}
    gone = {("churn", 6)}

    expected = {
        (name.replace("Fraud", "fraud-again"), version)
        for name, version in growth
        if name != "churn_2"
    }
    assert set(by_tag("growth")) == (expected | changed) - gone
    assert "search_index_matches" not in full.fsck().violated
