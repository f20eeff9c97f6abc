"""One bad object or row: garbage collection and fsck go on, and report it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from pedigree.errors import CorruptionError, StoreUnavailableError
from pedigree.lifecycle.records import RetentionRule
from pedigree.maintenance import fsck_fold, fsck_objects, gc_collect, gc_tiers
from pedigree.maintenance.fsck import invariants
from pedigree.registry import Registry
from tests.factories import free_policy, register
from tests.maintenance.collecting import collect


def execute(registry: Registry, statement: Any) -> None:
    registry.database.transaction(lambda transaction: transaction.execute(statement))


def test_an_object_that_cannot_be_removed_stops_no_other(
    impatient: Registry, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for content in ("a", "b", "c"):
        impatient.delete(register(impatient, tmp_path, content), reason="test")
    rows = impatient.database.fetch_all("SELECT key FROM pedigree.blob ORDER BY key")
    bad, *others = [row["key"] for row in rows]
    delete = type(impatient.store).delete

    def but_not_bad(store: Any, keys: Sequence[str]) -> None:
        if bad in keys:
            raise StoreUnavailableError("the object is locked")
        delete(store, keys)

    with monkeypatch.context() as patch:
        patch.setattr(type(impatient.store), "delete", but_not_bad)
        done = collect(impatient)
    objects = home / "objects"
    assert [(objects / key).exists() for key in (bad, *others)] == [True] + [False] * len(others)
    assert [each.subject for each in done.failed] == [f"object {bad}"]
    assert done.done["blob"].items == len(rows)
    assert collect(impatient).failed == ()
    assert not (objects / bad).exists()


def test_a_version_that_cannot_be_collected_stops_no_other(
    impatient: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("bad", "churn"):
        for content in ("a", "b"):
            reference = register(impatient, tmp_path, content + name, name=name)
            impatient.delete(reference, reason="test")
    lock = gc_collect.lock_models_of_versions

    def but_not_bad(transaction: Any, name: str, versions: Any) -> object:
        if name == "bad":
            raise KeyError("poison")
        return lock(transaction, name, versions)

    monkeypatch.setattr(gc_collect, "lock_models_of_versions", but_not_bad)
    done = collect(impatient)
    assert done.done["version"].items == 2
    assert [each.subject for each in done.failed] == ["version bad/1", "version bad/2"]
    monkeypatch.undo()
    assert collect(impatient).done["version"].items == 2


def test_fsck_reports_an_object_that_cannot_be_read_and_checks_the_others(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for content in ("a", "b"):
        register(registry, tmp_path, content)
    digest = registry.manifest("churn/1").files[0].digest
    problem = fsck_objects._problem

    def but_not_bad(store: Any, row: Any, **options: Any) -> str | None:
        if row["digest"] == digest:
            raise PermissionError("the disk refuses")
        return problem(store, row, **options)

    monkeypatch.setattr(fsck_objects, "_problem", but_not_bad)
    report = registry.fsck(hashes=True)
    (check,) = [each for each in report.checks if each.violations]
    assert (check.name, check.examples[0].reference) == ("objects_intact", digest)
    assert check.looked_at > 1


def refused() -> Iterator[tuple[str, int]]:
    raise StoreUnavailableError("it may not list")
    yield "", 0


@pytest.mark.parametrize(
    "listed",
    [
        pytest.param(lambda found: reversed(list(found)), id="another order"),
        pytest.param(lambda found: list(found)[1:], id="incomplete"),
        pytest.param(lambda _: refused(), id="refused"),
    ],
)
def test_fsck_finds_the_same_whatever_a_store_lists(
    registry: Registry,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    listed: Callable[[Iterator[tuple[str, int]]], Iterable[tuple[str, int]]],
) -> None:
    for content in ("a", "b", "c"):
        register(registry, tmp_path, content)
    (file,) = registry.manifest("churn/2").files
    sizes = type(registry.store).sizes
    monkeypatch.setattr(
        type(registry.store), "sizes", lambda store, prefix: iter(listed(sizes(store, prefix)))
    )
    assert registry.fsck().ok
    found = registry.database.fetch_all(
        "SELECT key FROM pedigree.blob WHERE digest = %s", (file.digest,)
    )
    (home / "objects" / found[0]["key"]).unlink()
    (check,) = [each for each in registry.fsck().checks if each.violations]
    assert (check.name, check.violations) == ("objects_intact", 1)
    assert check.examples[0].reference == file.digest


def test_fsck_reports_a_check_that_cannot_run_and_makes_the_others(
    registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path)
    execute(registry, "DROP VIEW pedigree.search_text_in_bulk")
    report = registry.fsck()
    (check,) = [each for each in report.checks if each.name == "search_index_matches"]
    assert "it cannot be checked" in check.examples[0].problem
    assert [each.name for each in report.checks] == [
        each.name for each in invariants(registry.database, registry.store, hashes=False)
    ]


def test_fsck_reports_a_model_that_cannot_be_compared_and_compares_the_others(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("bad", "churn"):
        register(registry, tmp_path, name=name)
        registry.quarantine_version(f"{name}/1", reason="test")
    events = fsck_fold._events

    def but_not_bad(transaction: Any, name: str) -> object:
        if name == "bad":
            raise RecursionError("it is nested too deeply")
        return events(transaction, name)

    monkeypatch.setattr(fsck_fold, "_events", but_not_bad)
    report = registry.fsck()
    (check,) = [each for each in report.checks if each.name == "events_replay"]
    assert [each.reference for each in check.examples] == ["bad"]
    assert check.looked_at == 2


def test_bytes_that_cannot_be_moved_stop_no_other_move(
    impatient: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient.set_policy("churn", free_policy(RetentionRule(keep_production=1)))
    for content in ("a", "b", "c", "d"):
        impatient.promote(register(impatient, tmp_path, content), "production")
    (file,) = impatient.manifest("churn/1").files
    retier = gc_tiers.retier

    def but_not_bad(database: Any, store: Any, digest: str, *rest: Any, **more: Any) -> bool:
        if digest == file.digest:
            raise CorruptionError("its bytes do not match")
        return retier(database, store, digest, *rest, **more)

    monkeypatch.setattr(gc_tiers, "retier", but_not_bad)
    done = collect(impatient)
    assert done.done["move"].items == 1
    assert [each.subject for each in done.failed] == [f"move {file.digest}"]
