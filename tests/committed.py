"""Texts that a test derives from the code, and that are committed for people to review.

A test calls `check`. To accept a change, run it with ``REFRESH=1`` and commit the difference.
"""

import os
from difflib import unified_diff
from pathlib import Path

import pytest

DIFFERENCES = 40
"""How many lines of a difference a failure shows."""


def check(file: Path, text: str) -> None:
    """Compare a derived text with its committed file; with ``REFRESH=1`` write the file first."""
    if os.environ.get("REFRESH"):
        file.write_text(text, encoding="utf-8")
    committed = file.read_text(encoding="utf-8") if file.exists() else ""
    if text != committed:
        pytest.fail(f"{file.name} is not up to date; run with REFRESH=1\n{_diff(committed, text)}")


def _diff(committed: str, derived: str) -> str:
    lines = [*unified_diff(committed.splitlines(), derived.splitlines(), "committed", "code", n=1)]
    more = [f"... and {len(lines) - DIFFERENCES} more lines"] if len(lines) > DIFFERENCES else []
    return "\n".join([*(line.rstrip() for line in lines[:DIFFERENCES]), *more])
