"""The workers run the longest tests first, and none of them waits for the others at the end."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from xdist.scheduler import LoadGroupScheduling

from tests.order import seconds

SHORT = 3
SHORTS = [f"tests/short.py::test_{number}" for number in range(120)]


@dataclass(eq=False)
class Worker:
    """A worker in virtual time: like xdist's, it runs a test when it has the next one too."""

    at: float = 0.0
    queue: list[int] = field(default_factory=list)
    ran: list[int] = field(default_factory=list)
    shutting_down: bool = False
    gateway: Any = field(default_factory=lambda: SimpleNamespace(id="worker"))

    def send_runtest_some(self, indices: list[int]) -> None:
        self.queue += indices

    def shutdown(self) -> None:
        self.shutting_down = True

    @property
    def able(self) -> bool:
        return len(self.queue) > 1 or (self.shutting_down and bool(self.queue))


def takes(name: str) -> int:
    return seconds().get(name, SHORT)


def run(names: list[str], workers: list[Worker]) -> None:
    """Let the workers run all tests, each for the seconds of the table."""
    config: Any = SimpleNamespace(
        getvalue=lambda _name: ["popen"] * len(workers),
        option=SimpleNamespace(loadscopereorder=False),
    )
    scheduler: Any = LoadGroupScheduling(config)
    for worker in workers:
        scheduler.add_node(worker)
        scheduler.add_node_collection(worker, names)
    scheduler.schedule()
    while able := [worker for worker in workers if worker.able]:
        # The test that ends first is reported first.
        worker = min(able, key=lambda each: each.at + takes(names[each.queue[0]]))
        index = worker.queue.pop(0)
        worker.at += takes(names[index])
        worker.ran.append(index)
        scheduler.mark_test_complete(worker, index)
    assert scheduler.tests_finished


@pytest.mark.parametrize("number", [2, 3, 4])
def test_no_worker_waits_for_a_long_test_at_the_end(number: int) -> None:
    longest_first = sorted(seconds(), key=takes, reverse=True)
    workers = [Worker() for _ in range(number)]
    run([*longest_first, *SHORTS], workers)
    assert sorted(index for worker in workers for index in worker.ran) == list(
        range(len(longest_first) + len(SHORTS))
    )
    ends = [worker.at for worker in workers]
    assert max(ends) - min(ends) <= 3 * SHORT
