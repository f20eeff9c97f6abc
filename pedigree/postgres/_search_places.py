"""The places of searches: a process runs few at once, so that slow ones leave room for reads."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pedigree.errors import DatabaseBusyError

# As long as a caller waits for a connection.
_LONGEST_WAIT_S = 10.0


class SearchPlaces:
    """A number of places.

    Args:
        number: How many searches run at once.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._places = threading.BoundedSemaphore(number)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Take a place for the duration of a block; wait for one if all are taken.

        Raises:
            DatabaseBusyError: None was free in time.
        """
        if not self._places.acquire(timeout=_LONGEST_WAIT_S):
            raise DatabaseBusyError(
                f"{self._number} searches run already, which is the most",
                remedy="Try again in a few seconds, or set PEDIGREE_SEARCH_CONNECTIONS higher",
            )
        try:
            yield
        finally:
            self._places.release()

    def renewed(self) -> "SearchPlaces":
        """Return as many places, all of them free, for a forked process."""
        return SearchPlaces(self._number)
