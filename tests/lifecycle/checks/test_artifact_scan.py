import json
import sys
import zipfile
from pathlib import Path

import pytest

from pedigree._values import JSON_BYTES
from pedigree.errors import GateNotPassedError, MissingDependencyError
from pedigree.lifecycle.records import CheckRule, Severity
from pedigree.registry import Registry
from tests.factories import new_version
from tests.flavors.hostile import pickle_that_touches
from tests.lifecycle.checks.conftest import Judge, asking

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


def bomb(tmp_path: Path) -> Path:
    """An archive with code, and after it a member that expands too far."""
    file = tmp_path / "bomb.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in range(2000):
            archive.writestr(f"{part:0100}.pkl", pickle_that_touches(tmp_path / "ran"))
        archive.writestr("zeros", bytes(65 << 20))
    return file


def test_a_scan_that_hits_a_limit_is_an_error_whatever_the_settings_say(
    registry: Registry, tmp_path: Path, judge: Judge
) -> None:
    zeros = tmp_path / "zeros.zip"
    with zipfile.ZipFile(zeros, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(65 << 20))
    reference = registry.register("zeros", zeros, new_version()).version.reference
    found = judge(CHECK, reference, unscannable="warn")
    assert (found.passed, found.severity) == (False, Severity.ERROR)
    assert found.summary.startswith("zeros.zip cannot be scanned: zeros: it expands to more than")


def test_a_version_whose_scan_hit_a_limit_does_not_pass_a_gate(
    registry: Registry, tmp_path: Path
) -> None:
    registry.set_policy("gated", asking(CheckRule(name=CHECK), stage="staging"))
    reference = registry.register("gated", bomb(tmp_path), new_version()).version.reference
    (verdict,) = registry.run_checks(reference)
    shown, more = verdict.details["files"], verdict.details["more_files"]
    assert isinstance(shown, list)
    assert isinstance(more, int)
    assert len(shown) + more == 2001
    assert JSON_BYTES // 4 < len(json.dumps(shown)) < JSON_BYTES
    with pytest.raises(GateNotPassedError, match="artifact_scan"):
        registry.promote(reference, "staging")
    assert not (tmp_path / "ran").exists()


def test_without_picklescan_the_error_names_the_extra(
    judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "picklescan.scanner", None)
    with pytest.raises(MissingDependencyError, match=r"picklescan .* 'pedigree-registry\[scan\]'"):
        judge(CHECK)
