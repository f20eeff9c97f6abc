"""Collecting the tests stays cheap, and the contract of object stores stays what is written."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[1]
# Libraries of which the import takes longer than the collection of all tests of a subject.
HEAVY = {"lightgbm", "mlflow", "onnxruntime", "scipy", "skops", "sklearn", "torch", "xgboost"}
COLLECT = """
import sys
import pytest
ended = pytest.main(sys.argv[1:])
print("imported", *sorted(set(sys.modules) & set({heavy!r})))
sys.exit(ended)
"""


def collected(*words: str) -> list[str]:
    """The lines that pytest prints when it collects with some options."""
    code = COLLECT.format(heavy=HEAVY)
    command = [sys.executable, "-c", code, "--collect-only", "-q", "-p", "no:cacheprovider", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    return done.stdout.splitlines()


def test_collecting_the_tests_imports_no_library_that_takes_seconds() -> None:
    assert collected()[-1] == "imported"


def test_a_contract_of_some_twenty_cases_runs_on_a_remote_store_in_make_test() -> None:
    remote = [line for line in collected("-m", "not system") if "swift" in line or "ceph" in line]
    assert 15 <= len(remote) <= 30
    assert not [line for line in remote if "ceph" in line]
