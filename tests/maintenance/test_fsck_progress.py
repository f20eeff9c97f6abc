"""`fsck` says what it checks and how far it is."""

from pathlib import Path

import pytest

from pedigree.registry import Registry
from tests.factories import register


def test_every_invariant_is_named_and_long_ones_say_how_far_they_are(
    registry: Registry, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        register(registry, tmp_path, name, name)
    seen: list[tuple[str, int, int | None]] = []
    report = registry.fsck(progress=lambda *each: seen.append(each))
    assert report.ok
    assert [name for name, done, of in seen if (done, of) == (0, None)] == [
        check.name for check in report.checks
    ]
    assert [each for each in seen if each[0] == "events_replay"] == [
        ("events_replay", 0, None),
        *(("events_replay", done, 8) for done in range(1, 9)),
    ]
    last = {name: (done, of) for name, done, of in seen}
    assert last["objects_intact"] == (2, 2)
    assert last["search_index_matches"] == (5, 5)


def test_the_models_whose_events_are_replayed_one_by_one_are_counted(
    registry: Registry, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        register(registry, tmp_path, name, name)
    registry.quarantine_version("a/1", reason="test")
    registry.quarantine_version("c/1", reason="test")
    seen: list[tuple[str, int, int | None]] = []
    assert registry.fsck(progress=lambda *each: seen.append(each)).ok
    assert [each for each in seen if each[0] == "events_replay"][-2:] == [
        ("events_replay", 1, 2),
        ("events_replay", 2, 2),
    ]


def test_an_interruption_ends_all_checks(registry: Registry, tmp_path: Path) -> None:
    register(registry, tmp_path)

    def interrupt(name: str, *_: object) -> None:
        if name == "leaves_match":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        registry.fsck(progress=interrupt)
