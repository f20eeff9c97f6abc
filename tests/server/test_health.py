"""``/readyz`` reports what would make requests fail."""

from pathlib import Path

import httpx2
import pytest

from pedigree.registry import Registry
from pedigree.settings import Settings
from tests.factories import register
from tests.server.conftest import serving


@pytest.fixture
def own(settings: Settings, database_url: str, tmp_path: Path) -> Settings:
    """The settings of a service over a database of this test."""
    return settings.model_copy(update={"database_url": database_url, "home": tmp_path / "home"})


def execute(registry: Registry, statement: str) -> None:
    registry.database.transaction(lambda transaction: transaction.execute(statement))  # type: ignore[arg-type]


def test_readyz_reports_a_pending_migration_and_a_lost_store(own: Settings, tmp_path: Path) -> None:
    with serving(own) as served, httpx2.Client(base_url=served.url) as client:
        register(served.registry, tmp_path)
        newer = "INSERT INTO pedigree.migration VALUES (9999, '9999_of_tomorrow', '')"
        execute(served.registry, newer)
        assert client.get("/readyz").json()["ready"], "the code of before goes on"

        execute(served.registry, "DELETE FROM pedigree.migration WHERE number = 1")
        behind = client.get("/readyz")
        assert behind.status_code == 503
        assert "lacks 0001_artifacts" in behind.json()["parts"]["database"]
        assert client.get("/livez").status_code == 200

        objects = tmp_path / "home" / "objects"
        objects.rename(tmp_path / "elsewhere")
        objects.mkdir()  # as a mount point without its disk
        assert "none of the registry's objects" in client.get("/readyz").json()["parts"]["store"]


def test_a_database_of_nothing_is_not_ready(own: Settings) -> None:
    with serving(own) as served, httpx2.Client(base_url=served.url) as client:
        execute(served.registry, "DROP SCHEMA pedigree CASCADE")
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert "lacks 0001" in answer.json()["parts"]["database"]
