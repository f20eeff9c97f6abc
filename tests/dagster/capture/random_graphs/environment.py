"""Where cases run: a real Dagster instance and a real registry."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg

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
    with dg.DagsterInstance.ephemeral(tempdir=str(folder), settings=settings) as instance:
        yield instance
