"""How far versions are behind the data and code that they were made from."""

from typing import Protocol

from pedigree.lineage.staleness import Staleness


class StalenessContract(Protocol):
    """How far versions are behind the data and code that they were made from."""

    def stale(self, reference: str) -> Staleness:
        """Say how many data and code versions a version is behind, by input and partition.

        Its newest training is compared with what the asset graph holds now. Where none is within
        reach, the answer is what was last seen there, with the time (``seen_at``).
        """
