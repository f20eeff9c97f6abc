"""Wait for other processes, always with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

import pytest

T = TypeVar("T")


def eventually(
    look: Callable[[], T | None], seconds: float, what: str, found: Callable[[], object] = str
) -> T:
    """Poll until there is a result, and return it; fail after a number of seconds.

    A failure shows what there is instead (`found`).

    The longer it waits, the less often it looks: a look costs processor time that what it waits for
    needs. The pause is at most a twentieth of the time so far.
    """
    begun = time.monotonic()
    while True:
        if result := look():
            return result
        waited = time.monotonic() - begun
        if waited > seconds:
            pytest.fail(f"{what}: not within {seconds:.0f} s {found()}")
        time.sleep(max(0.1, min(waited / 20, 2.0)))
