"""A client brings the files that the service's store lost, and no others."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pedigree.access.records import Role
from pedigree.artifacts.records import ManifestFile
from pedigree.artifacts.store import locate
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Event
from pedigree.errors import CorruptionError
from pedigree.registry import Registry
from tests.factories import new_version
from tests.integration.polling import eventually
from tests.maintenance.collecting import require_sound
from tests.server.conftest import Served


def lose(registry: Registry, file: ManifestFile) -> None:
    """Remove the object of a file."""
    key = registry.database.read(lambda tx: locate(tx, [file.digest]))[file.digest]
    Path(registry.store.location(key)).unlink()


@pytest.mark.parametrize("size", [1, 4_000, 1 << 20], ids=["sent at once", "asked for", "streamed"])
def test_only_the_lost_files_are_sent_again(
    size: int, served: Served, connect: Callable[..., Registry], name: str, tmp_path: Path
) -> None:
    client = connect(Role.CONTRIBUTOR, Role.READER, principal="ann")
    folder = tmp_path / "model"
    folder.mkdir()
    for part in "abcd":
        (folder / part).write_text(f"{name}{part}" * size)
    first = client.register(name, folder, new_version()).version.reference
    files = served.registry.manifest(first).files
    lost = [file for file in files if file.path in "ac"]
    for file in lost:
        lose(served.registry, file)
    with pytest.raises(CorruptionError, match="lost bytes"):
        client.register_files(name, files, new_version(run_id="by digests"))
    done = client.register(name, folder, new_version(run_id="by files"))
    assert not done.created

    def restored() -> list[Event] | None:
        """The two events, which have a place in the feed when older transactions have ended."""
        found = served.registry.events(types=[EventType.BLOB_RESTORED])[-2:]
        digests = {str(event.body["digest"]) for event in found}
        return [*found] if digests == {file.digest for file in lost} else None

    events = eventually(restored, 30.0, "the events of the restored bytes")
    assert {event.actor.name for event in events} == {"ann"}
    client.verify(first)
    require_sound(served.registry)
