"""The demo as a new user runs it: one process, one document, and only its own files."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pedigree.postgres.embedded import EmbeddedPostgres

# One test waits for the whole run, which needs more than a minute of a processor.
pytestmark = [pytest.mark.system, pytest.mark.timeout(900), pytest.mark.xdist_group("demo")]

ROOT = Path(__file__).parents[1]
FIRST_HALF = [f"2013-{month:02}" for month in range(1, 7)]


def run_demo(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "demo", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PEDIGREE_HOME": str(home)},
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The document of one whole run."""
    done = run_demo(tmp_path_factory.mktemp("demo") / "home", "--json")
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def versions(demo: dict[str, Any], name: str) -> list[dict[str, Any]]:
    (model,) = [model for model in demo["models"] if model["name"] == name]
    found: list[dict[str, Any]] = model["versions"]
    return found


def test_every_fact_held(demo: dict[str, Any]) -> None:
    assert demo["passed"]
    assert len(demo["facts"]) == 16
    assert [fact for fact in demo["facts"] if not fact["held"]] == []


def test_the_churn_models_are_in_the_expected_stages(demo: dict[str, Any]) -> None:
    churn = versions(demo, "customer_churn")
    assert [one["stage"] for one in churn] == ["production", "archived", "none", "none"]
    assert [sorted(one["failed_checks"]) for one in churn] == [
        [],
        [],
        ["no_regression"],
        ["fairness", "no_regression", "signature_compatible", "slice_metrics"],
    ]
    decent, better, worse, _ = (one["metrics"]["roc_auc"] for one in churn)
    assert worse + 0.05 < decent
    assert decent + 0.05 < better
    assert len({one["digest"] for one in churn}) == 4


def test_the_flight_model_names_exactly_its_months(demo: dict[str, Any]) -> None:
    (delay,) = versions(demo, "flight_delay")
    assert delay["stage"] == "production"
    assert [(one["asset"], one["partition"]) for one in delay["trained_on"]] == [
        ("flights", month) for month in FIRST_HALF
    ]
    assert len({one["data_version"] for one in delay["trained_on"]}) == 6
    assert delay["stale_inputs"] == ["flights 2013-03"]


def test_every_version_has_a_digest_its_data_and_a_card_that_exists(demo: dict[str, Any]) -> None:
    for model in demo["models"]:
        for version in model["versions"]:
            assert version["digest"].startswith("sha256:")
            assert version["trained_on"]
            card = Path(version["model_card"].removeprefix("file://"))
            assert model["name"] in card.read_text(encoding="utf-8")


def test_it_refuses_while_its_registry_is_in_use(home: Path, fast_settings: dict[str, str]) -> None:
    home.mkdir()
    (home / ".pedigree-demo").touch()
    server = EmbeddedPostgres(home, settings=fast_settings)
    server.ensure()
    try:
        done = run_demo(home, "--json")
        assert done.returncode == 2
        assert done.stdout == ""
        assert "make down" in done.stderr
        assert server.status().state == "running"
    finally:
        server.stop()


def test_it_never_empties_a_folder_that_no_demo_made(home: Path) -> None:
    home.mkdir()
    (home / "thesis.txt").write_text("three years of work", encoding="utf-8")
    done = run_demo(home)
    assert done.returncode == 2
    assert "PEDIGREE_HOME" in done.stderr
    assert (home / "thesis.txt").read_text(encoding="utf-8") == "three years of work"
