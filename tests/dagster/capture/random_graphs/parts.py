"""Parts of a law over many graphs, which any worker may run, and their sum.

Each part writes what it counted. The part that ends last finds the counts of all, and returns their
sum for the conditions that hold over all graphs.
"""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pytest

from tests.dagster.capture.random_graphs.statistics import Share, Statistics


@dataclass(frozen=True)
class Counts:
    """What the conditions over all graphs need of some graphs."""

    graphs: int = 0
    exact: int = 0
    edges: int = 0
    done: list[str] = field(default_factory=list)

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.graphs + other.graphs,
            self.exact + other.exact,
            self.edges + other.edges,
            sorted({*self.done, *other.done}),
        )

    @property
    def share(self) -> Share:
        """The share of the exact edges."""
        return Share(self.exact, self.edges)


def counts(statistics: Statistics, share: Share) -> Counts:
    """Return the counts of some graphs."""
    return Counts(statistics.graphs, share.part, share.whole, sorted(statistics.done))


class Parts:
    """The parts of a law in one run of the tests, also on several workers.

    Args:
        folder: A folder that all workers share.
        number: How many parts there are.
    """

    def __init__(self, folder: Path, number: int) -> None:
        self._folder = folder
        self._number = number
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, part: int, found: Counts) -> Counts | None:
        """Add the counts of a part; return the sum of all parts if none is missing."""
        file = self._folder / f"{part}.json"
        draft = file.with_suffix(".draft")
        draft.write_text(json.dumps(asdict(found)))
        draft.replace(file)
        files = sorted(self._folder.glob("*.json"))
        if len(files) < self._number:
            return None
        read = (Counts(**json.loads(each.read_text())) for each in files)
        return sum(read, start=Counts())


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """Return a folder that all workers of a run share."""
    folder = factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
