"""Archives and streams that expand too far are refused before a library reads them."""

import io
import json
import pickle
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedigree.errors import InvalidArtifactError
from pedigree.flavors.plugins import get_flavor
from pedigree.untrusted.expansion import (
    LOADING,
    ExpansionBound,
    ExpansionError,
    ExpansionMeter,
    inflated,
    require_bounded_zip,
)
from tests.lazy import lazy

joblib = lazy("joblib")

TOO_FAR = LOADING.free + (1 << 20)


def archive(
    file: Path, *members: tuple[str, bytes], compression: int = zipfile.ZIP_DEFLATED
) -> None:
    with zipfile.ZipFile(file, "w", compression) as opened:
        for name, content in members:
            opened.writestr(name, content)


def npz(size: int) -> bytes:
    content = io.BytesIO()
    np.savez_compressed(content, data=np.zeros(size, dtype=np.uint8))
    return content.getvalue()


@pytest.mark.parametrize(
    ("flavor", "name", "members"),
    [
        ("sklearn", "model.skops", [("schema.json", b"{}" + b" " * TOO_FAR)]),
        ("sklearn", "model.skops", [("schema.json", b"{}"), ("a.npz", npz(TOO_FAR))]),
        ("sklearn", "model.skops", [(str(part), b" " * (TOO_FAR // 4)) for part in range(4)]),
        ("torch", "model.pt", [("model/data.pkl", pickle.dumps(bytes(TOO_FAR)))]),
    ],
    ids=["blanks", "npz in it", "many members", "torch"],
)
def test_an_archive_that_expands_too_far_is_not_opened(
    flavor: str, name: str, members: list[tuple[str, bytes]], tmp_path: Path
) -> None:
    archive(tmp_path / name, *members)
    with pytest.raises(InvalidArtifactError, match=r"not opened: it expands to more than 67,108,8"):
        get_flavor(flavor).load(tmp_path, trust=["pickle"])


@pytest.mark.parametrize("method", ["zlib", "gzip", "bz2", "xz", "lzma"])
def test_a_stream_that_expands_too_far_is_not_read_to_its_end(method: str, tmp_path: Path) -> None:
    file = tmp_path / "model.joblib"
    joblib.dump(bytes(TOO_FAR), file, compress=(method, 1))
    assert file.stat().st_size < LOADING.free // LOADING.ratio
    with pytest.raises(InvalidArtifactError, match="expands to more than 67,108,864 bytes"):
        get_flavor("joblib").load(tmp_path, trust=["pickle"])


def test_a_stream_in_a_stream_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.z").write_bytes(zlib.compress(zlib.compress(pickle.dumps(1))))
    with pytest.raises(InvalidArtifactError, match="another compressed stream"):
        get_flavor("joblib").load(tmp_path, trust=["pickle"])


def test_archives_that_nest_or_overlap_are_refused(tmp_path: Path) -> None:
    inner = io.BytesIO(npz(10))
    with zipfile.ZipFile(inner, "a") as opened:
        opened.writestr("deeper.npz", npz(10))
    archive(tmp_path / "nested", ("a.npz", inner.getvalue()))
    with pytest.raises(ExpansionError, match="nest too deep"):
        require_bounded_zip(tmp_path / "nested")
    archive(tmp_path / "overlapping", ("a", bytes(1000)), compression=zipfile.ZIP_STORED)
    with zipfile.ZipFile(tmp_path / "overlapping", "a") as opened:
        opened.filelist += [opened.filelist[0]] * 5  # each entry of the directory names one member
        opened._didModify = True
    with pytest.raises(ExpansionError, match="overlap"):
        require_bounded_zip(tmp_path / "overlapping")


def test_an_honest_archive_and_another_file_pass(tmp_path: Path) -> None:
    weights = np.random.default_rng(1).random(1 << 16).tobytes()
    archive(tmp_path / "zip", ("weights", weights), ("a.npz", npz(1 << 20)))
    (tmp_path / "other").write_bytes(weights)
    require_bounded_zip(tmp_path / "zip")
    require_bounded_zip(tmp_path / "other")


@given(st.binary(max_size=2000), st.integers(0, 3000))
def test_a_zlib_stream_is_inflated_whole_or_not_at_all(content: bytes, kept: int) -> None:
    compressed = zlib.compress(content)
    assert inflated(compressed) == content
    cut = compressed[: min(kept, len(compressed) - 1)]
    with pytest.raises(zlib.error):
        inflated(cut)


@given(st.lists(st.integers(0, 1000)), st.integers(0, 100))
def test_a_meter_ends_exactly_at_its_bound(counts: list[int], compressed: int) -> None:
    bound = ExpansionBound(ratio=10, free=100, total=800)
    most = bound.most(compressed)
    assert most == min(800, max(100, 10 * compressed))
    meter, taken = ExpansionMeter(compressed, bound), 0
    for count in counts:
        taken += count
        if taken > most:
            with pytest.raises(ExpansionError, match=f"more than {most} bytes"):
                meter.add(count)
            return
        meter.add(count)


_LOAD = r"""
import json, re, sys
from pathlib import Path
from pedigree.flavors.plugins import get_flavor
from pedigree.flavors.sklearn import trusted_types
import skops.io, sklearn

def peak():  # getrusage includes the memory of the parent
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1])

before = peak()
try:
    get_flavor("sklearn").load(Path(sys.argv[1]))
except Exception as error:
    print(json.dumps([type(error).__name__, peak() - before]))
"""


@pytest.mark.system
@pytest.mark.skipif(sys.platform != "linux", reason="/proc has the memory of a process")
def test_half_a_gigabyte_of_blanks_costs_the_loading_process_no_memory(tmp_path: Path) -> None:
    with (
        zipfile.ZipFile(
            tmp_path / "model.skops", "w", zipfile.ZIP_DEFLATED, compresslevel=1
        ) as opened,
        opened.open("schema.json", "w") as member,
    ):
        member.write(b"{}")
        for _ in range(500):
            member.write(b" " * (1 << 20))
    command = [sys.executable, "-c", _LOAD, str(tmp_path)]
    found = subprocess.run(command, check=True, capture_output=True, text=True)
    error, kilobytes = json.loads(found.stdout)
    assert error == "InvalidArtifactError"
    assert kilobytes < 16 << 10
