from collections.abc import Callable
from pathlib import Path

import pytest

from pedigree.cards.records import CardNotes
from pedigree.catalog.search import search as paging
from pedigree.catalog.search.grammar import MAX_TERMS
from pedigree.client._problems import error_of_problem
from pedigree.errors import InvalidInputError, InvalidSearchError, SearchTooBroadError
from pedigree.lineage.records import LineageGraph
from pedigree.registry import Registry
from pedigree.server.http.problems import problem_of
from tests.factories import (
    COMMIT,
    promote_to_production,
    register,
    register_candidate,
)
from tests.lineage.graphs import graph as made_of
from tests.lineage.graphs import missing, node

Search = Callable[..., list[str]]


@pytest.fixture
def found(registry: Registry) -> Search:
    """The references that a filter finds: by name, unless another order is given."""

    def search(text: str, order_by: str = "name, version") -> list[str]:
        return [one.reference for one in registry.search(text, order_by=order_by)]

    return search


@pytest.fixture
def three(registry: Registry, tmp_path: Path) -> None:
    """churn/1 (growth, depth 3), churn/2 (no tags, staging) and fraud/1 (risk, depth "deep")."""
    register(
        registry,
        tmp_path,
        "a",
        tags={"team": "growth", "tier": "gold"},
        metrics={"auc": 0.9, "roc auc": 0.7},
        params={"depth": 3, "fast": True, "none": None},
        owners=("ann@example.com", "bob@example.com"),
        description="who leaves us",
        risk_class="limited",
        run_id="run-a",
    )
    reference = register_candidate(registry, tmp_path, "b", metrics={"auc": 0.95})
    registry.promote(reference, "staging")
    registry.set_alias("churn", "best", 2)
    register(
        registry,
        tmp_path,
        "c",
        name="fraud",
        tags={"team": "risk"},
        params={"depth": "deep"},
        git_commit="f" * 40,
        git_dirty=True,
    )


FOUND: dict[str, list[str]] = {
    "": ["churn/1", "churn/2", "fraud/1"],
    "name = 'churn'": ["churn/1", "churn/2"],
    "NAME = 'churn'": ["churn/1", "churn/2"],
    "name != 'churn'": ["fraud/1"],
    "name LIKE '%ur%'": ["churn/1", "churn/2"],
    "name NOT LIKE 'ch_rn'": ["fraud/1"],
    "name ILIKE 'FR%'": ["fraud/1"],
    "name IN ('fraud', 'other')": ["fraud/1"],
    "name NOT IN ('fraud', 'other')": ["churn/1", "churn/2"],
    "name BETWEEN 'd' AND 'z'": ["fraud/1"],
    "name NOT BETWEEN 'd' AND 'z'": ["churn/1", "churn/2"],
    "name < 'd'": ["churn/1", "churn/2"],
    "version >= 2": ["churn/2"],
    "version IN (1, 7)": ["churn/1", "fraud/1"],
    "size = 1": ["churn/1", "churn/2", "fraud/1"],
    "size > 1e3": [],
    "flavor = 'generic' AND version <> 1": ["churn/2"],
    "description LIKE '%leaves%'": ["churn/1"],
    "description IS NULL": ["churn/2", "fraud/1"],
    "description IS NOT NULL": ["churn/1"],
    "description != 'x'": ["churn/1"],
    "stage = 'staging'": ["churn/2"],
    "stage = 'none'": ["churn/1", "fraud/1"],
    "alias = 'best'": ["churn/2"],
    "alias != 'best'": ["churn/1", "fraud/1"],
    "alias IS NULL": ["churn/1", "fraud/1"],
    "alias LIKE 'be%'": ["churn/2"],
    "owner = 'bob@example.com'": ["churn/1"],
    "owner IN ('bob@example.com', 'x')": ["churn/1"],
    "owner IS NOT NULL": ["churn/1"],
    "created_by = 'tester' AND version = 2": ["churn/2"],
    "created_at > '2020-01-01' AND created_at < '2100-01-01T00:00:00+02:00'": [
        "churn/1",
        "churn/2",
        "fraud/1",
    ],
    "created_at BETWEEN '2020-01-01' AND '2020-01-02'": [],
    f"git_commit = '{COMMIT}'": ["churn/1", "churn/2"],
    "git_dirty = true": ["fraud/1"],
    "git_dirty = FALSE": ["churn/1", "churn/2"],
    "run_id = 'run-a'": ["churn/1"],
    "code_version IS NULL AND ci_build IS NULL": ["churn/1", "churn/2", "fraud/1"],
    "risk_class = 'limited'": ["churn/1"],
    "risk_class IS NULL": ["churn/2", "fraud/1"],
    "approval_status = 'none' AND NOT quarantined = true AND held != true": [
        "churn/1",
        "churn/2",
        "fraud/1",
    ],
    "tags.team = 'growth'": ["churn/1"],
    "tags.team != 'growth'": ["fraud/1"],
    "tags.team IS NULL": ["churn/2"],
    "tags.\"team\" = 'growth' AND tags.tier = 'gold'": ["churn/1"],
    "tags.team = 'growth' AND tags.tier = 'silver'": [],
    "tags.team IN ('growth', 'risk')": ["churn/1", "fraud/1"],
    "metrics.auc > 0.9": ["churn/2"],
    "metrics.auc >= 0.9": ["churn/1", "churn/2"],
    "NOT metrics.auc > 0.9": ["churn/1"],
    'metrics."roc auc" = 0.7': ["churn/1"],
    "metrics.auc BETWEEN 0.94 AND 1": ["churn/2"],
    "metrics.auc IS NULL": ["fraud/1"],
    "metrics.auc > -1": ["churn/1", "churn/2"],
    "params.depth = 3": ["churn/1"],
    "params.depth = 3.0": ["churn/1"],
    "params.depth = '3'": [],
    "params.depth > 2": ["churn/1"],
    "params.depth = 'deep'": ["fraud/1"],
    "params.depth LIKE 'd%'": ["fraud/1"],
    "params.depth IN (3, 'deep')": ["churn/1", "fraud/1"],
    "params.depth BETWEEN 1 AND 'x'": [],
    "params.fast = true": ["churn/1"],
    "params.none IS NULL AND name = 'churn'": ["churn/1", "churn/2"],
    "params.depth IS NOT NULL": ["churn/1", "fraud/1"],
    "name = 'churn' AND (stage = 'staging' OR tags.team = 'growth')": ["churn/1", "churn/2"],
    "name = 'fraud' OR name = 'churn' AND version = 2": ["churn/2", "fraud/1"],
    "NOT (name = 'churn' OR version = 2)": ["fraud/1"],
    "text MATCH 'leaves'": ["churn/1"],
    "text MATCH 'leave growth'": ["churn/1"],
    "NOT text MATCH 'churn'": ["fraud/1"],
    "text MATCH 'the'": [],
    "text MATCH 'fraud' OR stage = 'staging'": ["churn/2", "fraud/1"],
}


def test_a_filter_finds_what_it_says(three: None, found: Search) -> None:
    for text, expected in FOUND.items():
        assert found(text) == expected, text


def test_lineage_is_searched_by_asset_and_partition(
    registry: Registry, tmp_path: Path, found: Search
) -> None:
    graph = LineageGraph.model_validate(
        {
            "nodes": [
                {"node_id": 0, "kind": "step", "asset": "models/churn"},
                {
                    "node_id": 1,
                    "kind": "materialization",
                    "asset": "flights/raw",
                    "partition": "2024-01",
                },
                {"node_id": 2, "kind": "external", "asset": "customers"},
            ],
            "edges": [
                {"consumer": 0, "source": 1, "capture": "read", "certainty": "read"},
                {"consumer": 0, "source": 2, "capture": "declared", "certainty": "possible"},
            ],
        }
    )
    register(registry, tmp_path, "a", lineage=graph)
    register(registry, tmp_path, "b", lineage=made_of())
    assert found("lineage.\"flights/raw\" = '2024-01'") == ["churn/1"]
    assert found("lineage.\"flights/raw\" IN ('2024-01', '2024-02')") == ["churn/1"]
    assert found("lineage.\"flights/raw\" = '2024-02'") == []
    assert found("lineage.\"flights/raw\" != '2024-01'") == ["churn/2"]
    assert found("lineage.customers IS NOT NULL") == ["churn/1"]
    assert found("lineage.customers IS NULL") == ["churn/2"]
    assert found('lineage."models/churn" IS NOT NULL') == []


def test_search_has_no_value_for_unknown_lineage(
    registry: Registry, tmp_path: Path, found: Search
) -> None:
    """Such a version is found neither by a condition nor by its opposite."""
    lineages = {
        "uses": made_of(node(1, "flights", "2024-01")),
        "another": made_of(node(1, "flights", "2024-02")),
        "something of it": made_of(missing(1, "flights")),
        "named": made_of(missing(1, "clean", upstream=("flights",))),
        "anything": made_of(missing(1, "clean", upstream=None)),
        "elsewhere": made_of(missing(1, "clean", upstream=("weather",))),
        "no lineage": LineageGraph(),
    }
    for content, lineage in lineages.items():
        register(registry, tmp_path, content, content.replace(" ", "_"), lineage=lineage)
    assert found("lineage.flights = '2024-01'") == ["uses/1"]
    assert found("lineage.flights != '2024-01'") == ["another/1", "elsewhere/1"]
    assert found("lineage.flights IS NOT NULL") == ["another/1", "something_of_it/1", "uses/1"]
    assert found("lineage.flights IS NULL") == ["elsewhere/1"]
    assert found("NOT (lineage.flights = '2024-01')") == ["another/1", "elsewhere/1"]


def test_the_newest_come_first_and_no_value_comes_last(three: None, registry: Registry) -> None:
    assert [one.reference for one in registry.search()] == ["fraud/1", "churn/2", "churn/1"]
    ordered = {
        "created_at": ["churn/1", "churn/2", "fraud/1"],
        "name DESC, version": ["fraud/1", "churn/1", "churn/2"],
        "metrics.auc DESC": ["churn/2", "churn/1", "fraud/1"],
        "metrics.auc": ["churn/1", "churn/2", "fraud/1"],
        "tags.team": ["churn/1", "fraud/1", "churn/2"],
        'metrics."roc auc" DESC, name DESC': ["churn/1", "fraud/1", "churn/2"],
        "stage, version DESC, name": ["churn/1", "fraud/1", "churn/2"],
        "params.depth": ["fraud/1", "churn/1", "churn/2"],
        "git_dirty DESC, created_at DESC": ["fraud/1", "churn/2", "churn/1"],
        "description, risk_class, size, name, version": ["churn/1", "churn/2", "fraud/1"],
    }
    for order, expected in ordered.items():
        page = registry.search(order_by=order)
        assert [one.reference for one in page] == expected, order
        paged = []
        after = None
        while True:
            page = registry.search(order_by=order, limit=1, after=after)
            paged += [one.reference for one in page]
            after = page.next
            if after is None:
                break
        assert paged == expected, order


def test_a_page_is_the_record_that_get_returns(three: None, registry: Registry) -> None:
    for version in registry.search():
        assert version == registry.get(version.reference)


def test_pages_stay_where_they_are_while_versions_are_added(
    registry: Registry, tmp_path: Path
) -> None:
    for number in range(5):
        register(registry, tmp_path, f"v{number}", description="weekly")
    for text in (None, "text MATCH 'weekly'"):
        first = registry.search(text, limit=2)
        register(registry, tmp_path, f"new {text}", description="weekly")
        second = registry.search(text, limit=2, after=first.next)
        third = registry.search(text, limit=10, after=second.next)
        numbers = [one.version_id for page in (first, second, third) for one in page]
        assert numbers == list(range(numbers[0], 0, -1))
        assert third.next is None


def test_a_cursor_of_another_search_or_a_damaged_one_is_refused(
    three: None, registry: Registry
) -> None:
    cursor = registry.search(limit=1).next
    assert cursor
    for other in ({"filter": "name = 'churn'"}, {"order_by": "name"}):
        with pytest.raises(InvalidSearchError, match="after: it is damaged, or belongs"):
            registry.search(after=cursor, **other)
    for damaged in (cursor[:-3], "é", "", cursor.swapcase(), "AAAA"):
        with pytest.raises(InvalidSearchError, match="after"):
            registry.search(after=damaged)


def test_totals_and_facets_count_all_that_is_found(three: None, registry: Registry) -> None:
    page = registry.search(limit=1, count=True, facets=("stage", "flavor", "owner", "tag"))
    assert (page.total, len(page)) == (3, 1)
    counted = {name: {one.value: one.count for one in page.facets[name]} for name in page.facets}
    assert counted == {
        "stage": {"none": 2, "staging": 1},
        "flavor": {"generic": 3},
        "owner": {"ann@example.com": 1, "bob@example.com": 1},
        "tag": {"team=growth": 1, "team=risk": 1, "tier=gold": 1},
    }
    page = registry.search("tags.team = 'risk' OR stage = 'staging'", count=True, facets=("stage",))
    assert page.total == 2
    assert [one.count for one in page.facets["stage"]] == [1, 1]
    assert registry.search("text MATCH 'churn'", count=True).total == 2
    with pytest.raises(InvalidInputError, match="Choose one of stage, flavor, owner, tag"):
        registry.search(facets=("colour",))  # type: ignore[arg-type]


def test_a_dataframe_has_a_row_per_version_and_a_column_per_key(
    three: None, registry: Registry
) -> None:
    frame = registry.search(order_by="name, version").to_pandas()
    assert list(frame["version_id"]) == [1, 2, 1]
    assert list(frame["metrics.auc"])[:2] == [0.9, 0.95]
    assert frame["tags.team"][0] == "growth"
    assert frame["params.depth"][2] == "deep"
    assert registry.search("name = 'nobody'").to_pandas().empty


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_a_limit_out_of_its_domain_is_refused(registry: Registry, limit: int) -> None:
    with pytest.raises(InvalidInputError, match="limit"):
        registry.search(limit=limit)


def test_search_follows_every_change(registry: Registry, tmp_path: Path, found: Search) -> None:
    first = register_candidate(registry, tmp_path, "a", tags={"team": "growth"})
    second = register_candidate(registry, tmp_path, "b")
    promote_to_production(registry, first)
    assert found("stage = 'production'") == [first]
    for check in registry.registration_checks("churn"):
        registry.run_check(second, check)
    promote_to_production(registry, second)
    assert found("stage = 'archived'") == [first]
    registry.rollback("churn")
    assert found("stage = 'production'") == [first]
    registry.set_alias("churn", "best", 1)
    registry.set_alias("churn", "best", 2)
    assert found("alias = 'best'") == [second]
    registry.delete_alias("churn", "best")
    assert found("alias = 'best'") == []
    registry.update(first, tags={"team": "risk"}, description="about whales", owners=["zoe"])
    assert found("tags.team = 'growth'") == []
    assert found("tags.team = 'risk' AND owner = 'zoe'") == [first]
    assert found("text MATCH 'whale'") == [first]
    registry.write_card(second, CardNotes(primary_uses="Count the penguins."))
    assert found("text MATCH 'penguin'") == [second]
    registry.delete(second, reason="test")
    assert found("") == [first]
    assert found("text MATCH 'penguin'") == []


def test_the_text_of_a_card_is_what_people_wrote_and_not_what_surrounds_it(
    registry: Registry, tmp_path: Path, found: Search
) -> None:
    reference = register(registry, tmp_path, "a")
    registry.write_card(reference, CardNotes(caveats=("Few whales.", "Old maps."), license="mit"))
    for word in ("whale", "map", "mit"):
        assert found(f"text MATCH '{word}'") == [reference]
    assert "Ethical Considerations" in registry.card(reference).markdown
    for word in ("ethical", "provided", "caveats", "quarantine"):
        assert found(f"text MATCH '{word}'") == []
    registry.hold(reference, reason="case 7")
    registry.card(reference)
    assert found("text MATCH 'whale'") == [reference]
    registry.write_card(reference, CardNotes())
    assert found("text MATCH 'whale'") == []


def test_a_deleted_model_is_never_found(registry: Registry, tmp_path: Path, found: Search) -> None:
    register(registry, tmp_path, "a", tags={"team": "growth"})
    registry.delete_model("churn", reason="test")
    for text in ("", "tags.team = 'growth'", "text MATCH 'churn'", "name = 'churn'"):
        assert found(text) == []


def test_better_places_rank_higher(registry: Registry, tmp_path: Path) -> None:
    register(registry, tmp_path, "a", name="other", description="about penguins")
    register(registry, tmp_path, "b", name="penguin_count")
    register(registry, tmp_path, "c", name="third", tags={"animal": "penguin"})
    page = registry.search("text MATCH 'penguin'")
    assert [one.model_name for one in page] == ["penguin_count", "other", "third"]
    assert page.ranked_newest == 2_000
    assert registry.search("text MATCH 'penguin'", order_by="name").ranked_newest is None


def test_a_word_that_no_name_has_finds_the_nearest_name(
    registry: Registry, tmp_path: Path, found: Search
) -> None:
    register(registry, tmp_path, "a", name="customer_churn", description="weekly")
    assert found("text MATCH 'custmer'") == ["customer_churn/1"]
    assert found("text MATCH 'custmer weekly'") == ["customer_churn/1"]
    assert found("text MATCH 'custmer yearly'") == []
    assert found("text MATCH 'zebra'") == []


def test_without_trigrams_only_the_tolerance_is_missing(
    registry: Registry, tmp_path: Path, found: Search
) -> None:
    register(registry, tmp_path, "a", name="customer_churn")
    registry.database.transaction(lambda it: it.execute("DROP EXTENSION pg_trgm CASCADE"))
    assert found("text MATCH 'custmer'") == []
    assert found("text MATCH 'customer'") == ["customer_churn/1"]
    assert found("name LIKE '%omer%'") == ["customer_churn/1"]
    register(registry, tmp_path, "b", name="customer_value")
    assert found("text MATCH 'value'") == ["customer_value/1"]


def test_values_that_are_not_indexed_are_found(
    registry: Registry, tmp_path: Path, found: Search
) -> None:
    long, run = "x" * 10_000, "x" * 800
    register(registry, tmp_path, "a", tags={"t": long, long: "y"}, run_id=run,
             metrics={long: 0.5}, params={long: 10**300}, owners=(long, long),
             description=f"{long} {'word ' * 10_000}")  # fmt: skip
    for text in (
        f"run_id = '{long[:7000]}'",
        f"tags.t LIKE '{long[:7000]}%'",
        "text MATCH 'word'",
        f"owner LIKE '{long[:300]}%'",
    ):
        assert found(text) == ([] if "run_id" in text else ["churn/1"])
    assert found(f"params.{long[:300]} > 1") == []


@pytest.mark.parametrize("word", [" AND ", " OR ", " AND NOT "])
def test_a_chain_of_as_many_terms_as_are_allowed_is_searched(
    three: None, found: Search, word: str
) -> None:
    fields = ("size", "version", "tags.a", "metrics.b", "params.c", "lineage.d", "stale", "owner")
    terms = [f"{fields[number % 8]} IS NOT NULL" for number in range(MAX_TERMS)]
    assert len(found(word.join(terms))) in {0, 3}


def test_a_search_past_its_time_is_too_broad_and_not_busy(three: None, registry: Registry) -> None:
    asked = paging.request(
        "stage = 'none' AND ci_build = 'x'",
        order_by=None,
        limit=5,
        after=None,
        count=False,
        facets=(),
        seconds=1e-9,
    )
    with pytest.raises(SearchTooBroadError, match="no index serves ci_build =") as refused:
        registry.database.search(lambda connection: paging.search(connection, asked))
    start, end = refused.value.place
    assert refused.value.expression[start:end] == "ci_build = 'x'"
    assert "Add a term with AND" in str(refused.value.remedy)
    shown = {"expression": refused.value.expression, "place": refused.value.place}
    known = error_of_problem(problem_of(refused.value) | shown)
    assert type(known) is SearchTooBroadError
    assert (known.place, str(known)) == (refused.value.place, str(refused.value))
    assert problem_of(refused.value)["status"] == 422
