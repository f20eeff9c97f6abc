"""The check of every invariant."""

from typing import Protocol

from pedigree.maintenance.fsck_records import Report


class FsckContract(Protocol):
    """The check of every invariant."""

    def fsck(self, *, hashes: bool = False) -> Report:
        """Check every invariant of the running registry; nothing is changed.

        Args:
            hashes: Read every object and compare its digest, instead of only its size.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
