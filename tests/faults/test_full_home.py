"""A full disk under an embedded home: typed errors, and nothing acknowledged is lost."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.system, pytest.mark.timeout(200)]


def test_a_full_disk_is_a_typed_error_and_work_goes_on_when_there_is_space(tmp_path: Path) -> None:
    probe = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", str(tmp_path)]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a small disk in a namespace of its own")
    command = ["unshare", "-rm", sys.executable, "-m", "tests.faults.full_home"]
    done = subprocess.run([*command, str(tmp_path / "home")], check=True, capture_output=True)
    found = json.loads(done.stdout)
    assert found["errors"]["register"].startswith("StoreUnavailableError")
    assert found["errors"]["describe"].startswith("DatabaseUnavailableError")
    assert all("No space left on device" in text for text in found["errors"].values())
    assert found["missing"] == []
    assert found["violations"] == []
