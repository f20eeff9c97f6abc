"""A short form of the endurance that `benchmarks/webhooks.py` measures."""

from pathlib import Path

import pytest

from benchmarks.webhooks import run

pytestmark = pytest.mark.system


def test_events_arrive_in_order_at_a_bad_receiver_though_the_worker_is_killed(
    database_url: str, tmp_path: Path
) -> None:
    done = run(tmp_path, events=60, models=30, database_url=database_url, hurries=True)
    assert (done.delivered, done.dead) == (done.events, 0)
    assert (done.unsigned, done.out_of_order) == (0, 0)
    assert done.kills > 1
