"""`kill -9` of a process that fetches a pending version: another process completes it, once."""

from pathlib import Path

import pytest

from pedigree.catalog.seal_states import SealState
from pedigree.registry import Registry
from pedigree.registry.pending_registrations import PendingRegistrations
from pedigree.registry.sources import NewSource
from pedigree.settings import Settings
from tests.factories import artifact
from tests.faults.killing import Victim
from tests.maintenance.collecting import require_sound

pytestmark = pytest.mark.system

COMPLETING = (
    *("pedigree.registry.pending_registrations", "pedigree.registry.pending_work"),
    *("pedigree.registry.source_bytes", "pedigree.registry.sealing"),
    *("pedigree.sources", "pedigree.artifacts.publish", "pedigree.catalog.sealing"),
)
# A prime number, so that other lines are hit when the code changes.
STRIDE = 23


def test_another_process_completes_a_version_after_a_kill(
    registry: Registry, database_url: str, tmp_path: Path
) -> None:
    rules = Settings.model_validate({"mlflow_sources": f"file://{tmp_path}/shared=seal"})
    fetching = Registry(
        registry.database,
        registry.store,
        registry.settings.model_copy(update={"mlflow_sources": rules.mlflow_sources}),
    )

    def run(victim: Victim, number: int, *, kill: bool = True) -> int | None:
        name = f"model-{number}"
        path = artifact(tmp_path / "shared" / name, f"weights {number}")
        fetching.create_model(name)
        new = NewSource(source=str(path))
        fetching.operations.sources.create(name, new)
        lines = victim.run(
            kill_before=number if kill else None,
            database_url=database_url,
            store_url=registry.store.url,
            home=str(registry.settings.home),
            allowed=f"{tmp_path}/shared",
        )
        left.append(fetching.get(f"{name}/1").state is SealState.PENDING)
        fetching.database.transaction(  # as if the lease were over
            lambda tx: tx.execute("UPDATE pedigree.pending_work SET due_at = clock_timestamp()")
        )
        PendingRegistrations(fetching).run()
        (version,) = fetching.versions(name)
        assert (version.state, version.state_reason) == (SealState.SEALED, None)
        assert b"".join(fetching.stream(f"{name}/1", "model.bin")[1]) == b"weights %d" % number
        kinds = [event.type.value for event in fetching.events(model=name)]
        assert kinds.count("version.sealed") == 1
        return lines

    left: list[bool] = []
    with Victim("tests.faults.victims:complete_pending", COMPLETING) as victim:
        lines = run(victim, 100_000, kill=False)
        assert lines
        outcomes = [run(victim, number) for number in range(0, lines, STRIDE)]
    assert outcomes.count(None) >= len(outcomes) - 2
    assert left[0] is False
    assert left.count(True) > len(outcomes) // 2
    assert list((registry.settings.home_folder / "fetched").iterdir()) == []
    require_sound(fetching)
