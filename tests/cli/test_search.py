import pytest

from tests.cli.conftest import Cli, either_way


@pytest.fixture
def two(register) -> None:
    register("a", "--metric", "auc=0.9", "--tag", "team=growth")
    register("b", "--metric", "auc=0.8")


def test_search_prints_what_a_filter_finds(cli: Cli, two: None) -> None:
    answer = cli("search", "tags.team = 'growth'", "--columns", "name,version,metrics.auc,tags.x")
    assert answer.code == 0
    assert answer.out.split()[-4:] == ["churn", "1", "0.9", "—"]


@either_way
def test_search_as_json_has_records_total_facets_and_a_cursor(cli: Cli, two: None) -> None:
    found = cli("search", "--order-by", "metrics.auc DESC", "--limit", 1, "--count", "--facet",
                "stage", "--json").json  # fmt: skip
    assert [one["version_id"] for one in found["records"]] == [1]
    assert found["total"] == 2
    assert found["facets"] == {"stage": [{"value": "candidate", "count": 2}]}
    rest = cli("search", "--order-by", "metrics.auc DESC", "--after", found["next"], "--json").json
    assert [one["version_id"] for one in rest["records"]] == [2]
    assert rest["next"] is None
    every = cli("search", "--limit", 1, "--all", "--json").json
    assert [one["version_id"] for one in every["records"]] == [2, 1]


@either_way
def test_a_wrong_filter_is_shown_with_a_caret(cli: Cli, two: None) -> None:
    answer = cli("search", "stage ~ 'x'")
    assert answer.code == 2
    assert answer.err.splitlines()[1:] == ["  stage ~ 'x'", "        ^"]
    assert cli("search", "stage ~ 'x'", "--json").error["type"] == "InvalidSearchError"


def test_a_wrong_column_or_facet_is_refused(cli: Cli, two: None) -> None:
    assert cli("search", "--columns", "nothing").code == 2
    assert "Choose one of stage" in cli("search", "--facet", "colour").err
