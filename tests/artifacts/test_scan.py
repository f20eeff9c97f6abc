import collections
import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pedigree.artifacts.scan import FileScan, ScanKind, scan

HOSTILE = b"cos\nsystem\n(S'true'\ntR."


@pytest.fixture
def scan_bytes(tmp_path: Path) -> Callable[[bytes], tuple[FileScan, ...]]:
    def run(content: bytes, *allow: str) -> tuple[FileScan, ...]:
        (tmp_path / "file").write_bytes(content)
        return scan(tmp_path, allow)

    return run


Scan = Callable[..., tuple[FileScan, ...]]


def zipped(*members: tuple[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return content.getvalue()


def numpy_file(array: object) -> bytes:
    content = io.BytesIO()
    np.save(content, np.asarray(array))
    return content.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"a": 1}',
        b"channels:\n- conda-forge\n",
        "cloudpickle==3.0\nnumpy==2.1\n# grüße\n".encode(),
        numpy_file([1.0, 2.0]),
        pickle.dumps({"a": [1, 2.5, "text"]}),
        pickle.dumps(1) + pickle.dumps(2),
        (2).to_bytes(8, "little") + b"{}" + b"\0\1\2",
        zipped(("schema.json", b"{}"), ("array.npy", numpy_file([1]))),
    ],
    ids=["empty", "json", "yaml", "requirements", "npy", "pickle", "pickles", "safetensors", "zip"],
)
def test_data_in_which_no_code_can_hide_is_data(scan_bytes: Scan, content: bytes) -> None:
    assert {file.kind for file in scan_bytes(content)} == {ScanKind.DATA}


@pytest.mark.parametrize(
    "content",
    [
        HOSTILE,
        pickle.dumps(1) + HOSTILE,
        HOSTILE[:-1] + b"\xff\xff",
        zipped(("notes.txt", HOSTILE)),
        zipped(("a.zip", zipped(("b.zip", zipped(("c.json", HOSTILE)))))),
        HOSTILE + zipped(("a", b"1")),
        numpy_file([1])[:6] + numpy_file(np.array([{}], dtype=object))[6:-20] + HOSTILE,
    ],
    ids=["text", "behind", "broken", "zipped", "nested", "prefixed", "objects"],
)
def test_code_is_found_in_every_container(scan_bytes: Scan, content: bytes) -> None:
    found = [name for file in scan_bytes(content) for name in file.dangerous]
    assert "os.system" in found or any("unknown" in name for name in found)


def test_what_strictness_calls_dangerous_can_be_allowed(scan_bytes: Scan) -> None:
    content = pickle.dumps(collections.Counter("ab"))
    (strict,) = scan_bytes(content)
    assert strict.dangerous == ("collections.Counter",)
    (allowed,) = scan_bytes(content, "collections.Counter")
    assert (allowed.kind, allowed.dangerous) == (ScanKind.PICKLE, ())
    (known,) = scan_bytes(pickle.dumps(collections.OrderedDict(a=1)))
    assert (known.imports, known.dangerous) == (("collections.OrderedDict",), ())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x1f\x8b\x08" + bytes(30), "gzip is not opened"),
        (bytes(257) + b"ustar" + bytes(250), "tar is not opened"),
        (b"\x80\x04\xff\xff", "a broken pickle"),
        (bytes(range(256)), "its format may contain code"),
        (zipped(("zeros", bytes(50_000_000))), "it expands too much"),
        (zipped(("a", zipped(("b", zipped(("c", zipped(("d", b"1")))))))), "nest deeper than 3"),
    ],
    ids=["gzip", "tar", "broken", "unknown", "bomb", "nested"],
)
def test_unscannable_files_are_reported(scan_bytes: Scan, content: bytes, reason: str) -> None:
    (file,) = scan_bytes(content)
    assert file.kind is ScanKind.UNSCANNABLE
    assert reason in (file.reason or "")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_stop_a_scan_or_pass_for_data_unseen(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("scan")
    (folder / "file").write_bytes(HOSTILE + content)
    assert any(file.dangerous for file in scan(folder))
    (folder / "file").write_bytes(content)
    assert scan(folder)
