"""`fsck` says what it checks and how far it is."""

from pathlib import Path

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
    assert [each for each in seen if each[0] == "events_replay"][1:] == [
        ("events_replay", 1, 2),
        ("events_replay", 2, 2),
    ]
    last = {name: (done, of) for name, done, of in seen}
    assert last["objects_intact"] == (2, 2)
    assert last["search_index_matches"] == (4, 4)
