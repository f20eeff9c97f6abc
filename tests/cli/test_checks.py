from collections.abc import Callable
from pathlib import Path

from pedigree.lifecycle.checks import CHECKS
from tests.cli.conftest import Answer, Cli

Register = Callable[..., Answer]


def test_a_datasheet_is_written_section_by_section(cli: Cli, tmp_path: Path) -> None:
    assert cli("datasheet", "raw/customers", "--json").error["field"] == "asset"
    cli("datasheet", "raw/customers", "--set", "motivation=to bill", "--set", "uses=billing")
    written = cli("datasheet", "raw/customers", "--set", "collection=by the CRM", "--json").json
    assert (written["motivation"], written["collection"]) == ("to bill", "by the CRM")
    assert written["revision"] == 2
    assert "not provided" in cli("datasheet", "raw/customers").out
    whole = tmp_path / "sheet.json"
    whole.write_text('{"uri": "https://example.com/customers"}')
    replaced = cli("datasheet", "raw/customers", "--file", str(whole), "--json").json
    assert (replaced["uri"], replaced["motivation"]) == ("https://example.com/customers", None)
    wrong = cli("datasheet", "raw/customers", "--set", "nonsense=x", "--json")
    assert wrong.error["value"] == "nonsense"


def test_checks_are_listed_and_one_is_run_on_an_old_version(cli: Cli, register: Register) -> None:
    listed = cli("checks", "--json").items
    settings = {each["name"]: each["settings"] for each in listed}
    assert set(settings) == set(CHECKS)
    assert "tolerance" in settings["no_regression"]["properties"]
    register("one")
    answer = cli("check", "churn/1", "card_complete", "artifact_scan", "--json")
    assert answer.code == 1
    assert [verdict["check"] for verdict in answer.items] == ["card_complete", "artifact_scan"]
