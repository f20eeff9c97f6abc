"""The check of every invariant."""

from typing import Protocol

from pedigree.maintenance.fsck_records import FsckProgress, Report


class FsckContract(Protocol):
    """The check of every invariant."""

    def fsck(self, *, hashes: bool = False, progress: FsckProgress | None = None) -> Report:
        """Check every invariant of the running registry; nothing is changed.

        A run that ends is an event, with what was violated.

        Args:
            hashes: Read every object and compare its digest, instead of only its size.
            progress: Called with an invariant, how much of it is checked, and how much there is if
                that is known. A service reports only that it began.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
