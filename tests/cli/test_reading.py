"""Looking back and comparing, from the outside."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Answer, Cli

Register = Callable[..., Answer]


def test_compare_shows_what_differs_and_names_what_does_not(register: Register, cli: Cli) -> None:
    register("one", "--metric", "auc=0.8", "--param", "depth=3")
    register("two", "--metric", "auc=0.91", "--param", "depth=5", "--tag", "team=growth")
    shown = cli("compare", "churn/1", "churn/2")
    assert shown.code == 0, shown.err
    for text in ("churn/1", "churn/2", "auc", "+0.11", "depth", "team", "model.bin"):
        assert text in shown.out, text
    assert "No difference in" in shown.out
    document = cli("compare", "churn/1", "churn/2", "--json").json
    assert document["params"] == [{"name": "depth", "a": 3, "b": 5}]
    assert cli("compare", "churn/1", "churn/9", "--json").error["type"] == "VersionNotFoundError"


def test_compare_reads_well_where_values_are_long_or_nearly_the_same(
    register: Register, cli: Cli, tmp_path: Path
) -> None:
    for content, params in (
        ("one", ("depth=3", "layers=[64, 32]", "stop=true")),
        ("two", ("depth=5", "layers=[64]", "stop=false")),
    ):
        frozen = tmp_path / "frozen.txt"
        frozen.write_text(f"numpy==2.4.{len(params[1])}\n")
        options = [word for param in params for word in ("--param", param)]
        register(content, "--metric", "auc=0.8", "--environment", frozen, *options)
    lines = [line.split() for line in cli("compare", "churn/1", "churn/2").out.splitlines()]
    assert ["auc", "0.8", "0.8", "none"] in lines
    assert ["layers", "[64,", "32]", "[64]"] in lines
    assert ["stop", "true", "false"] in lines
    assert ["model.bin", "3", "B", "3", "B,", "other", "bytes"] in lines
    (hashes,) = [line for line in lines if line[:1] == ["environment_hash"]]
    assert [len(digest) for digest in hashes[1:]] == [12, 12]
    names = [line[0] for line in lines if line[:1] in (["depth"], ["layers"], ["stop"])]
    assert names == sorted(names)


def test_lists_come_in_pages(register: Register, cli: Cli) -> None:
    for content in ("one", "two", "three"):
        register(content)
    register("four", name="scoring")
    numbers = [one["version_id"] for one in cli("versions", "churn", "--limit", 2, "--json").items]
    assert numbers == [3, 2]
    rest = cli("versions", "churn", "--before", 2, "--json").items
    assert [one["version_id"] for one in rest] == [1]
    assert [one["name"] for one in cli("models", "--limit", 1, "--json").items] == ["churn"]
    assert [one["name"] for one in cli("models", "--after", "churn", "--json").items] == ["scoring"]
    assert len(cli("timeline", "churn", "--limit", 1, "--json").items) == 1
    assert cli("versions", "churn", "--limit", 0, "--json").error["field"] == "--limit"


def test_as_of_shows_the_holder_of_a_stage_and_the_reason(register: Register, cli: Cli) -> None:
    register("one")
    assert cli("promote", "churn/1", "--to", "staging", "--reason", "looks good").code == 0
    (tenure,) = cli("timeline", "churn", "--stage", "staging", "--json").items
    then = cli("as-of", "churn", tenure["since"], "--stage", "staging", "--json").items
    assert then == [tenure]
    assert (tenure["moved_by"], tenure["reason"]) == ("tester", "looks good")
    assert "looks good" in cli("as-of", "churn", tenure["since"]).out
    assert "Nothing was held then" in cli("as-of", "churn", "2020-01-01T00:00Z").out


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (("2026-03-01T12:00",), "moment"),  # no zone
        (("yesterday",), "moment"),
        (("2026-03-01T12:00Z", "--stage", "a", "--alias", "b"), "--alias"),
    ],
)
def test_an_invalid_timestamp_is_refused(
    words: tuple[str, ...], field: str, register: Register, cli: Cli
) -> None:
    register("one")
    answer = cli("as-of", "churn", *words, "--json")
    assert (answer.code, answer.error["field"]) == (2, field)
    assert answer.error["remedy"]


@pytest.mark.parametrize("name", ["CHURN", "chur\uff4e", "%63hurn", "chu\u200drn", "x" * 257])
def test_a_twin_or_no_name_is_refused_and_nothing_is_written(
    name: str, register: Register, cli: Cli
) -> None:
    register("one")
    events = cli("events", "--json").items
    answer = register("two", name=name)
    assert (answer.code, answer.error["field"]) == (2, "name")
    assert answer.error["remedy"]
    assert cli("events", "--json").items == events
    assert [one["name"] for one in cli("models", "--json").items] == ["churn"]
