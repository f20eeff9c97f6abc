"""Staleness of versions: how far they are behind their data and code."""

from typing import Protocol

from pedigree.lineage.staleness import Staleness


class StalenessContract(Protocol):
    """Staleness of versions: how far they are behind their data and code."""

    def stale(self, reference: str) -> Staleness:
        """Return how many data and code versions a version is behind, by input and partition.

        Its newest training is compared with the current asset graph. If no graph is reachable, the
        result is the last known one, with its time (``seen_at``).
        """
