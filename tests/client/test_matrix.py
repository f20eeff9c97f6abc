"""The matrix of Pythons tries the behaviour of the client with the wheel alone."""

import re
import subprocess
import sys
from pathlib import Path

from tests.client.matrix import IN_PROCESS, PYTEST

ROOT = Path(__file__).parents[2]


def test_the_behaviour_is_collected_without_the_registry_of_this_process() -> None:
    command = [sys.executable, *PYTEST, "--collect-only"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    excluded = re.search(r"\((\d+) deselected\)", done.stdout)
    assert excluded
    source = (ROOT / PYTEST[-1]).read_text()
    tests = re.findall(r"def (test_\w+)", source)
    assert all(any(name in test for test in tests) for name in IN_PROCESS)
