"""Where cases run: a real Dagster instance and a real registry."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.event_log import InMemoryEventLogStorage
from dagster._core.storage.runs import InMemoryRunStorage

from pedigree.dagster import RegistryResource
from pedigree.registry import Registry


@dataclass
class Environment:
    """An instance, a registry, and a folder for models."""

    instance: dg.DagsterInstance
    registry_resource: RegistryResource
    folder: Path
    _names: Counter[int] = field(default_factory=Counter)

    def name_of(self, seed: int) -> str:
        """Return a name for a case that is unique on this instance and registry."""
        self._names[seed] += 1
        again = f"x{self._names[seed]}" if self._names[seed] > 1 else ""
        return f"case{seed}{again}"

    @property
    def registry(self) -> Registry:
        return self.registry_resource.connect()


@contextmanager
def in_memory(folder: Path) -> Iterator[dg.DagsterInstance]:
    """Yield an instance whose runs and events are in an SQL database in memory."""
    settings = {"telemetry": {"enabled": False}}
    with (
        _one_connection(),
        dg.DagsterInstance.ephemeral(tempdir=str(folder), settings=settings) as instance,
    ):
        yield instance


@contextmanager
def _one_connection() -> Iterator[None]:
    """Let the storages in memory use the connection that they hold.

    By default each statement opens a connection, which is a fifth of the time of a case.
    """

    @contextmanager
    def events(self: Any, run_id: str | None = None) -> Iterator[Any]:
        with self._db_lock, self._held_conn.begin():
            yield self._held_conn

    @contextmanager
    def runs(self: Any) -> Iterator[Any]:
        if self._held_conn.in_transaction():
            yield self._held_conn
            return
        with self._held_conn.begin():
            yield self._held_conn

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(InMemoryEventLogStorage, "index_connection", events)
        patch.setattr(InMemoryEventLogStorage, "run_connection", events)
        patch.setattr(InMemoryEventLogStorage, "_connect", events)
        patch.setattr(InMemoryRunStorage, "connect", runs)
        yield
