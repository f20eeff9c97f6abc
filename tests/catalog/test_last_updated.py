"""When a model and a version were last changed, by the rules of MLflow."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from pedigree.audit.event_types import EventType
from pedigree.catalog.rows import version_json
from pedigree.registry import Registry
from tests.factories import register
from tests.unsealed import create


class Moments(NamedTuple):
    """When a model and its first two versions were last changed."""

    model: datetime
    first: datetime
    second: datetime


def moments(registry: Registry, name: str = "churn") -> Moments:
    """The moments that the records state; a JSON record states the same."""
    model = registry.model(name)
    versions = [registry.get(f"{name}/{number}") for number in (1, 2)]
    for version in versions:
        row = registry.operations.versions.get_row(version.reference)
        stated = json.loads(version_json(row))["last_updated_at"]
        shown = datetime.fromisoformat(stated) if stated else None
        assert shown == version.last_updated_at
    return Moments(model.last_updated_at, *(each.updated_at for each in versions))


@pytest.fixture
def churn(registry: Registry, tmp_path: Path) -> Registry:
    """A registry with two versions of a model."""
    for content in ("a", "b"):
        register(registry, tmp_path, content)
    return registry


def test_a_new_model_and_version_were_changed_when_they_were_created(
    registry: Registry, tmp_path: Path
) -> None:
    made = registry.create_model("churn")
    assert made.last_updated_at == made.created_at
    register(registry, tmp_path, "a")
    first = registry.get("churn/1")
    assert (first.last_updated_at, first.updated_at) == (None, first.created_at)
    assert registry.model("churn").last_updated_at == first.created_at


NOTHING: frozenset[str] = frozenset()
CHANGES: tuple[tuple[Callable[[Registry], object], frozenset[str]], ...] = (
    (lambda r: r.update("churn/1", description="x"), frozenset({"first"})),
    (lambda r: r.update("churn/1", tags={"a": "b"}), NOTHING),
    (lambda r: r.set_tag("churn/1", "a", "b"), NOTHING),
    (lambda r: r.update_model("churn", description="x"), frozenset({"model"})),
    (lambda r: r.set_tag("churn", "a", "b"), NOTHING),
    (lambda r: r.set_alias("churn", "best", 1), NOTHING),
    (lambda r: r.promote("churn/1", "archived"), frozenset({"model", "first"})),
)


@pytest.mark.parametrize(("change", "touched"), CHANGES)
def test_a_change_touches_what_mlflow_touches(
    churn: Registry, change: Callable[[Registry], object], touched: frozenset[str]
) -> None:
    before = moments(churn)
    change(churn)
    after = moments(churn)
    later = {name for name in Moments._fields if getattr(after, name) > getattr(before, name)}
    assert later == touched
    assert churn.fsck().ok


def test_a_deletion_touches_the_model_and_a_rename_all(churn: Registry, tmp_path: Path) -> None:
    register(churn, tmp_path, "c")
    before = moments(churn)
    churn.delete("churn/3", reason="a test")
    deleted = moments(churn)
    assert deleted.model > before.model
    assert (deleted.first, deleted.second) == (before.first, before.second)
    churn.rename_model("churn", "leaving")
    renamed = moments(churn, "leaving")
    assert len(set(renamed)) == 1
    assert renamed.model > deleted.model
    assert churn.fsck().ok


def test_the_end_of_a_registration_changes_the_version_alone(
    registry: Registry, tmp_path: Path
) -> None:
    for _ in range(2):
        create(registry)
    before = moments(registry)
    (tmp_path / "model").write_bytes(b"weights")
    registry.seal("churn/1", tmp_path / "model")
    registry.operations.sealing.fail("churn/2", "no such object")
    after = moments(registry)
    types = [EventType.VERSION_SEALED, EventType.VERSION_REGISTRATION_FAILED]
    sealed, failed = registry.events(types=types)
    assert (after.first, after.second) == (sealed.at, failed.at)
    assert after.model == before.model
    assert registry.fsck().ok
