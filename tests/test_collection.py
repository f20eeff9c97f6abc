"""Collecting the tests stays cheap, and what is written about the tests is true of them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.order import seconds

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("collection")]

ROOT = Path(__file__).parents[1]
# Libraries of which the import takes longer than the collection of all tests of a subject.
HEAVY = {"lightgbm", "mlflow", "onnxruntime", "scipy", "skops", "sklearn", "torch", "xgboost"}
COLLECT = """
import json
import sys
import pytest
from tests.order import unit_of

class Answer:
    def pytest_collection_finish(self, session):
        self.tests = [
            [item.nodeid, unit_of(item), item.get_closest_marker("system") is not None]
            for item in session.items
        ]

answer = Answer()
ended = pytest.main(["--collect-only", "-qq", "-p", "no:cacheprovider"], plugins=[answer])
imported = sorted(set(sys.modules) & set({heavy!r}))
print()
print(json.dumps({{"imported": imported, "tests": answer.tests}}))
sys.exit(ended)
"""


class Collected(NamedTuple):
    """A test, the group or the name under which workers run it, and whether it is a system test."""

    name: str
    unit: str
    system: bool


@pytest.fixture(scope="module")
def collection() -> dict[str, Any]:
    """What a new process collects, and which heavy libraries it has imported then."""
    code = COLLECT.format(heavy=HEAVY)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


@pytest.fixture(scope="module")
def tests(collection: dict[str, Any]) -> list[Collected]:
    return [Collected(*each) for each in collection["tests"]]


def test_collecting_the_tests_imports_no_library_that_takes_seconds(
    collection: dict[str, Any],
) -> None:
    assert collection["imported"] == []


def test_a_contract_of_some_twenty_cases_runs_on_a_remote_store_in_make_test(
    tests: list[Collected],
) -> None:
    remote = [each.name for each in tests if not each.system]
    assert 15 <= len([name for name in remote if "swift" in name]) <= 30
    assert not [name for name in remote if "ceph" in name]


def test_every_long_test_of_the_table_exists(tests: list[Collected]) -> None:
    assert set(seconds()) <= {each.unit for each in tests}
