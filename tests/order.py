"""The order of the tests: the longest first, so that no worker runs one alone at the end.

What takes long is listed in `long_tests.toml`. A test that is not listed counts as short.
"""

import tomllib
from functools import cache
from pathlib import Path

import pytest

TABLE = Path(__file__).with_name("long_tests.toml")


@cache
def seconds() -> dict[str, int]:
    """Return the seconds of each long test and of each long group of tests."""
    tables = tomllib.loads(TABLE.read_text("utf-8"))
    return {name: taken for table in tables.values() for name, taken in table.items()}


def put_longest_first(items: list[pytest.Item]) -> None:
    """Sort tests by the time of what one worker runs: a group, or one test.

    Within a group, and among tests that are not listed, those with a longer timeout start first.
    """
    items.sort(key=_expected, reverse=True)


def unit_of(item: pytest.Item) -> str:
    """Return the name of the group of a test, or that of the test without one."""
    mark = item.get_closest_marker("xdist_group")
    return str(mark.args[0]) if mark else item.nodeid


def _expected(item: pytest.Item) -> tuple[int, float]:
    mark = item.get_closest_marker("timeout")
    return seconds().get(unit_of(item), 0), float(mark.args[0]) if mark else 0.0
