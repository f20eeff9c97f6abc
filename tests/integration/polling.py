"""Wait for what other processes do, always with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

import pytest

T = TypeVar("T")


def eventually(look: Callable[[], T | None], seconds: float, what: str) -> T:
    """Look again and again until there is something, and return it; fail after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        if found := look():
            return found
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.1)
