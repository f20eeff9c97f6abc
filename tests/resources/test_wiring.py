"""The wiring that the environment selects, and where each stores the assets' data."""

from pathlib import Path

import dagster as dg
import pytest

from pedigree.errors import InvalidInputError
from resources import by_environment, embedded, for_tests, production
from resources.data import DataIOManager


@dg.asset
def one() -> int:
    return 1


@dg.asset
def two(one: int) -> int:
    return one + 1


def materialize(data: dg.ConfigurableIOManagerFactory[dg.IOManager]) -> None:
    result = dg.materialize([one, two], resources={"io_manager": data})
    assert result.output_for_node("two") == 2


def test_without_settings_everything_is_below_the_home_folder(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEDIGREE_HOME", str(home))
    wiring = by_environment()
    assert wiring == embedded()
    materialize(wiring.data)
    assert {file.name for file in (home / "data").iterdir()} == {"one", "two"}


def test_a_file_url_stores_the_data_in_that_folder(tmp_path: Path) -> None:
    materialize(for_tests("postgresql://nobody@nowhere/none", tmp_path).data)
    assert {file.name for file in (tmp_path / "data").iterdir()} == {"one", "two"}


def test_a_shared_deployment_refers_to_secrets_by_environment_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PEDIGREE_DATABASE_URL", "postgresql://ann:secret@db/registry")
    monkeypatch.setenv("PEDIGREE_STORE_URL", "s3://bucket/models")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very secret")
    wiring = by_environment()
    assert wiring.registry.database_url == dg.EnvVar("PEDIGREE_DATABASE_URL")
    assert wiring.registry.s3.aws_secret_access_key == dg.EnvVar("AWS_SECRET_ACCESS_KEY")
    assert "secret" not in repr(wiring).replace("AWS_SECRET_ACCESS_KEY", "").replace(
        "aws_secret_access_key", ""
    )


def test_data_without_a_shared_location_is_below_the_home_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PEDIGREE_DATABASE_URL", "postgresql://ann@db/registry")
    wiring = production()
    assert wiring.registry.store_url is None
    assert wiring.registry.s3 is None
    assert wiring.data == DataIOManager()


@pytest.mark.parametrize("url", ["gs://bucket/data", "s3://", "data", "file://host/data"])
def test_another_url_for_data_is_refused(url: str) -> None:
    with pytest.raises(InvalidInputError, match="PEDIGREE_DATA_URL") as refused:
        DataIOManager(url=url).create_io_manager(dg.build_init_resource_context())
    assert refused.value.remedy
