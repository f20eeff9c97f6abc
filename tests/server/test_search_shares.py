"""Searches take a part of the processors, so that reads find one."""

import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedigree.server.serve import searches_of_each


@given(workers=st.integers(1, 64), processors=st.integers(1, 256))
def test_all_workers_run_at_most_as_many_searches_as_processors(
    workers: int, processors: int
) -> None:
    each = searches_of_each(workers, processors)
    assert each >= 1
    assert each == 1 or each * workers <= processors


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process to processors")
def test_only_processors_count_that_the_process_may_use() -> None:
    usable = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(usable)})
        assert searches_of_each(2) == 1
    finally:
        os.sched_setaffinity(0, usable)
