from pathlib import Path

from pedigree.artifacts.records import Tier, digest_of
from pedigree.artifacts.tiers import retier
from pedigree.registry import Registry
from tests.factories import new_version


def folder(path: Path, **files: str) -> Path:
    path.mkdir()
    for name, content in files.items():
        (path / name).write_text(content)
    return path


def test_a_file_that_versions_and_models_share_is_stored_once(
    registry: Registry, tmp_path: Path
) -> None:
    shared = "w" * 1000
    registry.register("one", folder(tmp_path / "a", weights=shared, info="1"), new_version())
    registry.register("one", folder(tmp_path / "b", weights=shared, info="22"), new_version())
    registry.register("two", folder(tmp_path / "c", weights=shared, other="333"), new_version())
    registry.register("two", folder(tmp_path / "d", weights=shared, info="1"), new_version())
    found = registry.stats()
    assert (found.models, found.versions, found.artifacts, found.files) == (2, 4, 3, 6)
    assert (found.blobs, found.stored_bytes) == (4, 1006)
    assert found.logical_bytes == 4007
    assert found.saved_bytes == 3001
    assert (found.uploads, found.orphans) == (0, 0)
    registry.delete("two/2", reason="superseded")
    assert registry.stats().logical_bytes == 3006


def test_bytes_are_counted_by_tier(registry: Registry, tmp_path: Path) -> None:
    registry.register("one", folder(tmp_path / "a", weights="w" * 1000, info="1"), new_version())
    retier(registry.database, registry.store, digest_of(b"w" * 1000), Tier.ARCHIVE)
    found = registry.stats()
    assert found.tiers == {Tier.STANDARD: 1, Tier.ARCHIVE: 1000}
    assert found.orphans == 1


def test_an_empty_registry_has_nothing(registry: Registry) -> None:
    found = registry.stats()
    assert (found.models, found.logical_bytes, found.stored_bytes) == (0, 0, 0)
