import collections
import io
import pickle
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pedigree.artifacts._pickles import imports, survey
from pedigree.artifacts._scanner import FoundFile, scan_files
from pedigree.artifacts.scan import FileScan, ScanKind, scan
from pedigree.untrusted.limits import ProcessLimits

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
        (zipped(("zeros", bytes(70 << 20))), "zeros: it expands to more than 67,108,864 bytes"),
        (zipped(*((f"{part}", bytes(10 << 20)) for part in range(7))), "6: it expands to more"),
        (zipped(*((f"{part}", b"") for part in range(10_001))), "more than 10,000 members"),
        (b"\x82\x01.", "its format may contain code"),
        (zipped(("a", zipped(("b", zipped(("c", zipped(("d", b"1")))))))), "nest deeper than 3"),
    ],
    ids=["gzip", "tar", "broken", "unknown", "bomb", "parts", "members", "extension", "nested"],
)
def test_unscannable_files_are_reported(scan_bytes: Scan, content: bytes, reason: str) -> None:
    *_, file = scan_bytes(content)
    assert file.kind is ScanKind.UNSCANNABLE
    assert reason in (file.reason or "")


def test_a_limit_keeps_what_was_found_before_it(scan_bytes: Scan) -> None:
    *found, last = scan_bytes(zipped(("code", HOSTILE), ("zeros", bytes(70 << 20))))
    assert [file.dangerous for file in found] == [("os.system",)]
    assert (last.kind, last.limited, last.path) == (ScanKind.UNSCANNABLE, True, "file")


def test_a_scan_without_time_reports_every_file_as_unscannable(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"\x80\x04" + b"N0" * (8 << 20) + b"N.")
    first, second = scan(tmp_path, limits=ProcessLimits(time=timedelta(seconds=1)))
    assert (first.path, first.kind, first.limited) == ("a", ScanKind.UNSCANNABLE, True)
    assert first.reason == "reading it takes more than 1 s"
    assert (second.path, second.kind, second.limited) == ("b", ScanKind.UNSCANNABLE, True)


class StarvedFile(io.BytesIO):
    """A file whose readers have no memory left after some reads."""

    left = 20

    def read(self, size: int | None = -1) -> bytes:
        self.left -= 1
        if not self.left:
            raise MemoryError
        return super().read(size)


def test_imports_after_a_lack_of_memory_are_not_missed() -> None:
    content = b"N0" * 20 + HOSTILE
    surveyed = survey(io.BytesIO(content))
    assert imports(io.BytesIO(content), "f", (), surveyed) == ({"os.system"}, {"os.system"})
    with pytest.raises(MemoryError):
        imports(StarvedFile(content), "f", (), surveyed)


@pytest.mark.system
@pytest.mark.parametrize(
    ("padding", "times"),
    [(b"N0", 2 << 20), (b"\x8e" + (80 << 20).to_bytes(8, "little") + bytes(80 << 20) + b"0", 4)],
    ids=["opcodes", "bytes"],
)
def test_code_after_more_opcodes_than_memory_holds_is_not_taken_for_data(
    tmp_path: Path, padding: bytes, times: int
) -> None:
    (tmp_path / "file").write_bytes(padding * times + HOSTILE)
    # On a busy machine the opcodes take long.
    limits = ProcessLimits(memory=256 << 20, time=timedelta(minutes=2))
    (found,) = scan(tmp_path, limits=limits)
    assert (found.kind, found.limited) == (ScanKind.UNSCANNABLE, True)
    # Either the reader or the process notices it, which depends on where the memory ends.
    assert "memory" in (found.reason or "")


def test_a_large_stored_member_is_read_where_it_is(scan_bytes: Scan) -> None:
    large = b"\x8e" + (17 << 20).to_bytes(8, "little") + bytes(17 << 20) + b"0" + HOSTILE
    content = zipped(
        ("weights", bytes(20 << 20)), ("big.pkl", large), compression=zipfile.ZIP_STORED
    )
    weights, big = scan_bytes(content)
    assert weights.reason == "its format may contain code"
    assert big.dangerous == ("os.system",)


def test_names_of_an_author_are_shown_cut_and_without_control_characters(
    scan_bytes: Scan,
) -> None:
    name = b"\x8c\x05o\ns\x1b[" + b"\x8cB" + b"x" * 66 + b"\x93"
    (found,) = scan_bytes(b"\x80\x04" + name + b"X\xff\x0f\0\0" + b"y" * 4095 + b"\x8c\x01z\x93.")
    assert all(each.isprintable() and len(each) <= 121 for each in found.imports)
    (member,) = scan_bytes(zipped(("a\u202eb\n" * 200, HOSTILE)))
    assert member.path.isprintable()
    assert len(member.path) < 310


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_stop_a_scan_or_pass_for_data_unseen(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("scan")
    assert any(file.get("dangerous") for file in _scanned_here(folder, HOSTILE + content))
    assert _scanned_here(folder, content)


def _scanned_here(folder: Path, content: bytes) -> list[FoundFile]:
    """Do the job in this process, which needs no new one for each example."""
    (folder / "file").write_bytes(content)
    request = {"folder": str(folder), "paths": ["file"], "allow": []}
    (found,) = scan_files(request)
    return found
