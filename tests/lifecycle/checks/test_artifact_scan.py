import sys
from pathlib import Path

import pytest

from pedigree.errors import MissingDependencyError
from pedigree.lifecycle.records import Severity
from pedigree.registry import Registry
from tests.factories import new_version
from tests.flavors.hostile import pickle_that_touches
from tests.lifecycle.checks.conftest import Judge

CHECK = "artifact_scan"


@pytest.fixture
def files(registry: Registry, tmp_path: Path) -> str:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "notes.txt").write_text("classes\nof customers\n")
    (folder / "weights.bin").write_bytes(bytes(range(256)))
    return registry.register("scanned", folder, new_version()).version.reference


def test_dangerous_is_an_error_and_unscannable_is_reported(
    registry: Registry, tmp_path: Path, files: str, judge: Judge
) -> None:
    assert judge(CHECK).passed
    warned = judge(CHECK, files)
    assert (warned.passed, warned.severity) == (False, Severity.WARN)
    assert warned.summary.startswith("weights.bin cannot be scanned: its format")
    assert judge(CHECK, files, unscannable="error").severity is Severity.ERROR
    hostile = tmp_path / "hostile.jpg"
    hostile.write_bytes(pickle_that_touches(tmp_path / "ran"))
    reference = registry.register("hostile", hostile, new_version()).version.reference
    failed = judge(CHECK, reference)
    assert failed.severity is Severity.ERROR
    assert not (tmp_path / "ran").exists()


def test_without_picklescan_the_error_names_the_extra(
    judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "picklescan.scanner", None)
    with pytest.raises(MissingDependencyError, match=r"picklescan .* 'pedigree-registry\[scan\]'"):
        judge(CHECK)
