"""A home on a read-only disk: typed errors that name it, and nothing is lost."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.system, pytest.mark.timeout(200)]


def test_a_read_only_home_is_a_typed_error_and_keeps_what_it_has(tmp_path: Path) -> None:
    probe = ["unshare", "-rm", "mount", "--bind", str(tmp_path), str(tmp_path)]
    if sys.platform != "linux" or subprocess.run(probe, check=False).returncode:
        pytest.skip("this user may not mount a folder in a namespace of its own")
    command = ["unshare", "-rm", sys.executable, "-m", "tests.faults.read_only_home"]
    done = subprocess.run([*command, str(tmp_path)], check=True, capture_output=True)
    found = json.loads(done.stdout)
    for use in ("new: connect", "new: up", "used: connect", "used: up", "used: down"):
        kind, field, value, text = found[use]
        assert kind == ("UnavailableError" if use.endswith("up") else "EmbeddedPostgresError")
        assert (field, value) == ("PEDIGREE_HOME", str(tmp_path / use.partition(":")[0]))
        assert "Read-only file system" in text
        assert "make it writable" in text
        assert "set PEDIGREE_HOME to" in text
    kind, _, _, text = found["objects: register"]
    assert kind == "StoreUnavailableError"
    assert f"{(tmp_path / 'objects').as_uri()}/objects failed: Read-only file system" in text
    assert found["objects: models"] == []
    assert found["used: state"] == "stopped"
    assert found["kept"]
    assert found["violations"] == []
