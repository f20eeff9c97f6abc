import doctest
import subprocess
import sys

import dagster as dg
import pytest

import pedigree.dagster
from pedigree.dagster import registry_definitions
from pedigree.dagster.assets import names
from pedigree.errors import InvalidInputError, InvalidNameError
from tests.dagster.models import churn_asset

CHURN = churn_asset(owners=["team:growth"], group_name="customers")


def test_registry_definitions_add_stages_checks_jobs_and_sensors() -> None:
    definitions = dg.Definitions.merge(
        dg.Definitions(assets=[CHURN]), registry_definitions(CHURN, "trained_elsewhere")
    )
    dg.Definitions.validate_loadable(definitions)
    graph = definitions.resolve_asset_graph()
    assert {key.to_user_string() for key in graph.executable_asset_keys} == {
        "models/churn",
        "models/churn/staging",
        "models/churn/production",
        "models/trained_elsewhere/staging",
        "models/trained_elsewhere/production",
    }
    assert {key.name for key in graph.asset_check_keys} == {
        "metadata_complete",
        "signature_compatible",
        "no_regression",
        "artifact_intact",
    }
    stage = graph.get(dg.AssetKey(["models", "churn", "production"]))
    assert stage.group_name == "customers"
    assert list(stage.owners) == ["team:growth"]
    sensors = definitions.get_repository_def().sensor_defs
    assert {sensor.name for sensor in sensors} == {
        *("pedigree_lineage", "pedigree_mirror", "pedigree_promotion")
    }
    assert {sensor.default_status.value for sensor in sensors} == {"RUNNING"}


def test_stages_have_the_partitions_of_their_model() -> None:
    countries = dg.StaticPartitionsDefinition(["de", "fr"])
    model = churn_asset("by_country", partitions_def=countries)
    definitions = dg.Definitions.merge(
        dg.Definitions(assets=[CHURN, model]), registry_definitions(CHURN, model)
    )
    dg.Definitions.validate_loadable(definitions)
    graph = definitions.resolve_asset_graph()
    stage = graph.get(dg.AssetKey(["models", "by_country", "staging"]))
    assert stage.partitions_def == countries


def test_a_location_without_models_is_valid() -> None:
    dg.Definitions.validate_loadable(registry_definitions())


def test_a_duplicate_model_or_another_asset_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="occurs twice"):
        registry_definitions(CHURN, "churn")

    @dg.asset
    def plain() -> None: ...

    with pytest.raises(InvalidInputError, match="not a model asset"):
        registry_definitions(plain)
    with pytest.raises(InvalidNameError):
        registry_definitions("a/b")


def test_the_public_names_are_listed_and_importable() -> None:
    for name in pedigree.dagster.__all__:
        assert getattr(pedigree.dagster, name).__doc__
    assert sorted(pedigree.dagster.__all__) == list(pedigree.dagster.__all__)
    assert set(pedigree.dagster._MODULES) == set(pedigree.dagster.__all__)


def test_the_storage_imports_only_what_it_needs() -> None:
    code = (
        "import sys, pedigree.dagster.instance.storage;"
        "print([m for m in ('pedigree.registry', 'pandas', 'obstore') if m in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


def test_the_examples_in_the_docstrings_are_correct() -> None:
    from pedigree.dagster.instance import storage

    for module in (names, storage):
        assert doctest.testmod(module).failed == 0
