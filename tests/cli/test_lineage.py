"""The output of the lineage commands for versions that were trained on two partitions."""

import json
import shlex
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pedigree.catalog.records import TrainingOrigin
from pedigree.lineage.records import Capture, Certainty, LineageGraph
from pedigree.lineage.staleness import InputNow
from pedigree.lineage.usages import NewUsage, Written
from pedigree.registry import Registry
from pedigree.settings import Settings
from tests.cli.conftest import Cli
from tests.factories import register
from tests.lineage.graphs import STEP, edge, graph, missing, node


@pytest.fixture
def trained(registry_of_this_test: None, tmp_path: Path) -> None:
    """Version 1 was trained on January, version 2 on February, by other code."""
    january = graph(node(1, "flights", "2013-01"), behind=(node(2, "raw"),))
    february = graph(node(1, "flights", "2013-02"), missing(2, "weather"))
    with Registry.connect(settings=Settings()) as registry:
        register(registry, tmp_path, "a", lineage=january)
        register(registry, tmp_path, "b", lineage=february, git_commit="f" * 40)


def test_upstream_lists_all_down_to_the_sources(trained: None, cli: Cli) -> None:
    out = cli("upstream", "churn/1").out
    assert "2013-01" in out
    assert "  raw" in out
    assert "storage id, run id, data version" in cli("upstream", "churn/2").out
    (flights, raw) = cli("upstream", "churn/1", "--json").json["states"]
    assert (flights["partition"], raw["asset"], raw["distance"]) == ("2013-01", "raw", 2)


def test_downstream_lists_data_written_with_a_version(trained: None, cli: Cli) -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    written = Written(storage_id=7, data_version="d7", code_version=None, written_at=moment)
    with Registry.connect(settings=Settings()) as registry:
        registry.operations.usages.record_usage("churn/1", NewUsage(asset="later", run_id="run-8"))
        done = NewUsage(asset="scores", partitions=("2013-01",), run_id="run-7", written=written)
        registry.operations.usages.record_usage("churn/1", done)
    out = cli("downstream", "churn/1").out
    assert "not known yet" in out
    assert "2026-01-01 00:00:00Z" in out
    usages = cli("downstream", "churn/1", "--json").json["usages"]
    assert [(one["asset"], one["storage_id"]) for one in usages] == [("scores", 7), ("later", None)]
    assert "scores [2013-01]" in cli("impact", "flights").out


def test_versions_that_no_graph_shows_are_listed_and_marked(
    trained: None, cli: Cli, tmp_path: Path
) -> None:
    assert cli("unmaterialized", "--json").items == []
    origin = TrainingOrigin(instance_id="elsewhere", asset="models/churn")
    with Registry.connect(settings=Settings()) as registry:
        reference = register(registry, tmp_path, "c", run_id="lost", origin=origin)
        registry.database.transaction(
            lambda transaction: transaction.execute(
                "UPDATE pedigree.awaited SET since = since - interval '61 minutes'"
            )
        )
    (found,) = cli("unmaterialized", "--json").items
    assert (found["reference"], found["run_id"]) == (reference, "lost")
    assert "elsewhere" in cli("unmaterialized").out
    assert "unmaterialized" in cli("show", reference).out
    assert "unmaterialized" not in cli("show", "churn/1").out


def test_diff_shows_other_data_and_other_code(trained: None, cli: Cli) -> None:
    out = cli("diff", "churn/1", "churn/2").out
    assert "not used" in out
    assert "git_commit" in out
    answer = cli("diff", "churn/1", "churn/2", "--json").json
    assert [one["asset"] for one in answer["data"]] == ["flights", "flights", "raw", "weather"]
    assert cli("diff", "churn/1", "churn/1", "--json").json["same"]


def test_bad_data_is_found_put_in_quarantine_and_released(trained: None, cli: Cli) -> None:
    assert "churn/1" in cli("impact", "flights", "--partition", "2013-01").out
    bad = ("flights", "--partition", "2013-01")
    answer = cli("quarantine", *bad, "--reason", "doubled rows")
    assert "flights [2013-01] is in quarantine, and with it churn/1." in answer.out
    assert "doubled rows" in cli("quarantines").out
    (version,) = cli("impact", *bad, "--json").json["certain"]
    assert (version["quarantine_reason"], version["in_use"]) == ("doubled rows", False)
    assert "quarantined: doubled rows" in cli("show", "churn/1").out
    assert cli("release", "flights", "--json").error["field"] == "--partition"
    assert cli("release", *bad, "--whole-asset", "--json").error["field"] == "--partition"
    assert "and with it churn/1." in cli("release", *bad).out
    assert cli("quarantines", "--json").items == []
    assert cli("release", *bad, "--json").error["type"] == "QuarantineNotFoundError"


@pytest.fixture
def uncertain(registry_of_this_test: None, tmp_path: Path) -> None:
    """Version 1 possibly depends on January, for 2 it is not known, and 3 has no lineage."""
    months = tuple(node(number, "loans", f"2026-{number:02}") for number in range(2, 5))
    fanned_in = graph(node(1, "features"), behind=months, certainty=Certainty.POSSIBLE)
    lost = graph(missing(1, "features", upstream=("loans",)))
    with Registry.connect(settings=Settings()) as registry:
        for content, lineage in (("a", fanned_in), ("b", lost), ("c", LineageGraph())):
            register(registry, tmp_path, content, lineage=lineage)


def test_impact_marks_possible_and_unknown_versions(uncertain: None, cli: Cli) -> None:
    out = cli("impact", "loans", "--partition", "2026-02").out
    assert "No version is known to depend on loans [2026-02]." not in out
    assert "Possible: they possibly depend on loans [2026-02]." in out
    assert "Unknown: it is not known whether they depend on loans [2026-02]." in out
    assert "1 version has no recorded lineage, so nothing is known about it." in out
    unknown = cli("impact", "loans", "--partition", "2026-09").out
    assert "No version is known to depend on loans [2026-09]." in unknown
    assert "churn/2" in unknown
    answer = cli("impact", "loans", "--partition", "2026-02", "--json").json
    found = [
        [one["version"] for one in answer[name]] for name in ("certain", "possible", "unknown")
    ]
    assert (found, answer["without_lineage"]) == ([[], [1], [2]], 1)


def test_quarantine_names_what_it_does_not_mark(uncertain: None, cli: Cli) -> None:
    bad = ("loans", "--partition", "2026-02", "--reason", "doubled")
    out = cli("quarantine", *bad, "--only-certain").out
    assert "and with it no version." in out
    assert "Possible, and spared by --only-certain: churn/1." in out
    assert "Unknown whether they depend on it, so they are not marked: churn/2." in out
    assert "1 version has no recorded lineage" in out
    assert "and with it churn/1 (possible)." in cli("quarantine", *bad).out
    answer = cli("quarantine", "churn/1", "--version", "--reason", "x", "--only-certain", "--json")
    assert answer.error["field"] == "--only-certain"


@pytest.fixture
def fanned_in(registry_of_this_test: None, tmp_path: Path) -> None:
    """Version 1 possibly used any of 24 months of features, each made of loans, and lost rates."""
    months = [f"{2024 + number // 12}-{number % 12 + 1:02}" for number in range(24)]
    features = [node(number + 1, "features", month) for number, month in enumerate(months)]
    loans = [node(number + 31, "loans", month) for number, month in enumerate(months)]
    lost = missing(70, "rates", upstream=("central_bank",))
    edges = [edge(0, one.node_id, Certainty.POSSIBLE, Capture.DECLARED) for one in features]
    edges += [edge(one.node_id, one.node_id + 30, Certainty.PROVED) for one in features]
    lineage = LineageGraph(
        nodes=(STEP, *features, *loans, lost), edges=(*edges, edge(0, 70, Certainty.UNKNOWN))
    )
    with Registry.connect(settings=Settings()) as registry:
        register(registry, tmp_path, "a", lineage=lineage)
        register(registry, tmp_path, "b")


def test_a_fan_in_of_two_years_is_a_few_lines(fanned_in: None, cli: Cli) -> None:
    lines = cli("lineage", "churn/1").out.splitlines()
    assert len(lines) < 10
    text = "\n".join(lines)
    assert "features [24 partitions, possible]" in text
    assert "loans [24 partitions, proved]" in text
    assert "rates  unknown  missing  upstream of it may be central_bank" in text
    assert "It is not known whether it depends on: central_bank." in text
    listed = cli("upstream", "churn/1").out
    assert len(listed.splitlines()) < 10
    assert listed.count("24 partitions") == 2
    assert "It is not known whether it depends on: central_bank." in listed
    shown = cli("show", "churn/1").out
    assert "24 partitions" in shown
    assert "possible, declared" in shown
    answer = cli("upstream", "churn/1", "--json").json
    assert len(answer["states"]) == 49
    assert {one["certainty"] for one in answer["states"]} == {"possible", "unknown"}
    assert answer["not_ruled_out"] == ["central_bank"]


def test_a_version_without_lineage_says_that_nothing_is_known(fanned_in: None, cli: Cli) -> None:
    said = "No lineage is recorded, so nothing is known about what it depends on."
    for command in ("lineage", "upstream", "show"):
        assert said in cli(command, "churn/2").out.replace("\n", " ")
    assert cli("upstream", "churn/2", "--json").json["not_ruled_out"] is None


def test_each_edge_says_how_certain_it_is(trained: None, cli: Cli) -> None:
    lines = {line.split()[1]: line for line in cli("lineage", "churn/2").out.splitlines()[2:]}
    assert lines["flights"].endswith("read")
    assert lines["weather"].endswith("unknown  missing")


def test_stale_says_why_it_is_not_known(fanned_in: None, cli: Cli) -> None:
    with Registry.connect(settings=Settings()) as registry:
        registry.operations.staleness.keep_staleness("churn/1", {})
    out = cli("stale", "churn/1").out
    assert "It is not known whether it is stale." in out
    assert "features [24 partitions]: possible" in out
    assert "rates: unknown" in out
    assert cli("stale", "churn/1", "--json").json["stale"] is None


def test_downstream_marks_possible_and_unknown_versions(
    registry_of_this_test: None, cli: Cli, tmp_path: Path
) -> None:
    with Registry.connect(settings=Settings()) as registry:
        origin = TrainingOrigin(asset="models/teacher")
        digest = registry.get(register(registry, tmp_path, "t", "teacher", origin=origin)).digest
        teacher = node(2, "models/teacher", version=digest)
        for name, certainty in (("sure", Certainty.PROVED), ("maybe", Certainty.POSSIBLE)):
            lineage = graph(node(1, "scores"), behind=(teacher,), certainty=certainty)
            register(registry, tmp_path, name, name, lineage=lineage)
        register(registry, tmp_path, "l", "lost", lineage=graph(missing(1, "a", upstream=None)))
        register(registry, tmp_path, "p", "path")
    out = cli("downstream", "teacher/1").out
    assert "Trained on it: sure/1" in out
    assert "Possible, trained on it or not: maybe/1" in out
    assert "Unknown whether trained on it: lost/1" in out
    assert "1 version has no recorded lineage, so nothing is known about it." in out


def test_one_version_is_put_in_quarantine(trained: None, cli: Cli) -> None:
    answer = cli("quarantine", "churn/2", "--version", "--reason", "unfair", "--json")
    assert answer.json["quarantine_reason"] == "unfair"
    assert "churn/2 is released." in cli("release", "churn/2", "--version").out
    answer = cli("release", "churn/2", "--version", "--partition", "x", "--json")
    assert answer.error["field"] == "--partition"
    answer = cli("release", "churn/2", "--version", "--whole-asset", "--json")
    assert answer.error["field"] == "--whole-asset"


def test_a_moment_without_a_zone_is_refused(trained: None, cli: Cli) -> None:
    answer = cli("impact", "flights", "--since", "2026-01-01T00:00", "--json")
    assert (answer.code, answer.error["field"]) == (2, "since")
    answer = cli("impact", "flights", "--since", "yesterday", "--json")
    assert (answer.code, answer.error["field"]) == (2, "--since")


def test_stale_states_by_how_many_changes_an_input_is_out_of_date(trained: None, cli: Cli) -> None:
    assert "no asset graph is reachable" in cli("stale", "churn/1").out
    now = InputNow(data_version="v3", data_behind=2, code_behind=1)
    with Registry.connect(settings=Settings()) as registry:
        registry.operations.staleness.keep_staleness("churn/1", {("flights", "2013-01"): now})
    out = cli("stale", "churn/1").out
    assert "churn/1 is 2 data versions and 1 code versions behind, as seen at 20" in out
    assert "2013-01" in out
    answer = cli("stale", "churn/1", "--json").json
    assert (answer["stale"], answer["data_behind"], answer["code_behind"]) == (True, 2, 1)
    found = cli("search", "data_behind > 1 AND stale = true", "--json").json["records"]
    assert [one["version_id"] for one in found] == [1]


def test_retrain_prints_the_command_that_trains_alike(
    registry_of_this_test: None, cli: Cli, tmp_path: Path
) -> None:
    config = {"months": ["2013-01"]}
    origin = TrainingOrigin(asset="models/churn", step_key="churn_1", partition="de", config=config)
    with Registry.connect(settings=Settings()) as registry:
        register(registry, tmp_path, "a", origin=origin)
        register(registry, tmp_path, "b")
    words = shlex.split(cli("retrain", "churn/1").out)
    assert words[:6] == ["dg", "launch", "--assets", 'key:"models/churn"', "--partition", "de"]
    assert json.loads(words[7]) == {"ops": {"churn_1": {"config": config}}}
    assert cli("retrain", "churn/1", "--json").json["config"] == config
    assert cli("retrain", "churn/2", "--json").error["type"] == "NotRetrainableError"


def test_export_prints_or_writes_the_lineage(trained: None, cli: Cli, tmp_path: Path) -> None:
    events = cli("export", "lineage", "churn/1").json
    assert [one["job"]["name"] for one in events] == ["flights", "models/churn"]
    assert (
        cli(
            "export", "lineage", "churn/1", "--format", "prov", "--output", tmp_path / "prov.json"
        ).out
        == ""
    )
    assert "entity" in json.loads((tmp_path / "prov.json").read_text())
    answer = cli("export", "lineage", "churn/1", "--format", "xml")
    assert (answer.code, "Choose one of openlineage, prov" in answer.err) == (2, True)
