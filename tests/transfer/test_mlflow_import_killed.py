"""Imports that are killed go on, and in the end everything is there once."""

import subprocess
import sys
from pathlib import Path

import pytest

from pedigree.registry import Registry
from pedigree.transfer.mlflow_api import MlflowLogin
from pedigree.transfer.opening import open_origin
from tests.integration.polling import eventually
from tests.transfer.mlflow import MLMODEL, Mlflow, running

pytestmark = pytest.mark.xdist_group("mlflow")

# What only one of the two says with a version.
SAID_BY_ONE = {"location": None, "user": None}


def begin(database_url: str, home: Path, mlflow: Mlflow, pattern: str) -> "subprocess.Popen[bytes]":
    words = [sys.executable, "-m", "tests.transfer.import_once"]
    return subprocess.Popen(
        [*words, database_url, str(home), mlflow.url, pattern], cwd=Path(__file__).parents[2]
    )


def fill(mlflow: Mlflow, models: int, versions: int) -> None:
    """Models of some versions each, of which every seventh is deleted."""
    for model in range(models):
        name = f"killed {model}"
        mlflow.model(name)
        content = {"MLmodel": MLMODEL.encode(), "model.pkl": f"bytes {model}".encode()}
        source = mlflow.of_run(mlflow.run({"auc": 0.5}, {}, content))
        for number in range(1, versions + 1):
            tags = [{"key": "number", "value": str(number)}]
            assert mlflow.version(name, tags=tags, **source) == number
            if number % 7 == 0:
                mlflow.delete(name, number)
        mlflow.alias(name, "champion", 1)


def count(registry: Registry) -> int:
    rows = registry.database.fetch_all("SELECT count(*) AS n FROM pedigree.model_version")
    return int(rows[0]["n"])


def import_with_kills(
    registry: Registry, database_url: str, home: Path, mlflow: Mlflow, kills: int, step: int
) -> None:
    """Import, and kill the process each time that it has brought some more versions."""
    for _ in range(kills):
        before = count(registry)
        process = begin(database_url, home, mlflow, "killed *")
        eventually(
            lambda: count(registry) >= before + step or process.poll() is not None,  # noqa: B023
            120,
            "versions arrive",
        )
        process.kill()
        process.wait()
    last = begin(database_url, home, mlflow, "killed *")
    assert last.wait(timeout=280) == 0


def require_all_once(registry: Registry, models: int, versions: int) -> None:
    live = [number for number in range(1, versions + 1) if number % 7]
    for model in range(models):
        name = f"killed {model}"
        found = registry.versions(name)
        assert [version.version_id for version in found] == live
        assert [version.tags["number"] for version in found] == [str(each) for each in live]
        assert {version.digest for version in found} == {found[0].digest}
        assert found[0].digest is not None
        assert registry.model(name).aliases == {"champion": 1}
        assert registry.model(name).latest_version >= live[-1]
    assert registry.fsck().violated == ()


def test_an_import_that_is_killed_goes_on_and_brings_everything_once(
    mlflow: Mlflow, registry: Registry, database_url: str, home: Path
) -> None:
    fill(mlflow, models=1, versions=12)
    import_with_kills(registry, database_url, home, mlflow, kills=3, step=3)
    require_all_once(registry, models=1, versions=12)


@pytest.mark.system
@pytest.mark.timeout(1800)
def test_versions_from_postgres_arrive_although_the_import_is_killed_ten_times(
    make_database_url: object, registry: Registry, database_url: str, home: Path, tmp_path: Path
) -> None:
    assert callable(make_database_url)
    theirs = make_database_url(None)
    with running(tmp_path, theirs) as mlflow:
        fill(mlflow, models=3, versions=60)
        import_with_kills(registry, database_url, home, mlflow, kills=10, step=12)
        require_all_once(registry, models=3, versions=60)
        head = registry.operations.audit.log_head()
        assert begin(database_url, home, mlflow, "killed *").wait(timeout=280) == 0
        assert registry.operations.audit.log_head() == head
        with (
            open_origin(theirs, None, MlflowLogin()) as database,
            open_origin(mlflow.url, None, MlflowLogin()) as server,
        ):
            assert list(database.models()) == list(server.models())
            of_database = [
                version.model_copy(update=SAID_BY_ONE) for version in database.versions()
            ]
            of_server = [version.model_copy(update=SAID_BY_ONE) for version in server.versions()]
            assert of_database == of_server
            assert database.deleted() == {
                f"killed {model}": list(range(7, 61, 7)) for model in range(3)
            }
