"""The promotion sensor seals the audit log if its process has the key."""

from pathlib import Path

import pytest

from pedigree.dagster.sensors.sealing import seal_log
from pedigree.registry import Registry
from tests.audit.sealing import require_sealed, write_key
from tests.dagster.location import Location


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = write_key(tmp_path / "key.pem")
    monkeypatch.setenv("PEDIGREE_AUDIT_KEY", str(path))
    return path


def test_a_tick_seals_the_log(key: Path, location: Location, pedigree: Registry) -> None:
    location.train("one")
    location.promote()
    assert require_sealed(pedigree.database) > 1


def test_a_process_without_the_key_or_with_a_bad_one_goes_on(registry: Registry) -> None:
    registry.create_model("churn")
    assert seal_log(registry) == []
    assert require_sealed(registry.database) == 0

    def using(**more: object) -> Registry:
        settings = registry.settings.model_copy(update=more)
        return Registry(registry.database, registry.store, settings)

    assert seal_log(using(audit_key="/nowhere/key.pem", serve_seals=False)) == []
    assert "audit log failed" in seal_log(using(audit_key="/nowhere/key.pem"))[0]
    assert "PEDIGREE_SECRET_KEY" in seal_log(using(audit_key="database"))[0]
