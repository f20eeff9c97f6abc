import os
import socket
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedigree.artifacts.path_rules import MOST_PARTS, check_path, require_distinct
from pedigree.artifacts.paths import scan
from pedigree.errors import InvalidArtifactError

Make = Callable[[Mapping[str, bytes]], Path]


def test_scan_lists_files_sorted_with_their_sizes(make_folder: Make) -> None:
    folder = make_folder({"b": b"12", "a/z": b"1", "a/b/c": b"", "C": b"123"} | {"D_": b""})
    assert [(file.path, file.size) for file in scan(folder)] == [
        ("C", 3), ("D_", 0), ("a/b/c", 0), ("a/z", 1), ("b", 2)
    ]  # fmt: skip


def test_a_single_file_is_an_artifact_under_its_own_name(make_folder: Make) -> None:
    (file,) = scan(make_folder({"model.onnx": b"x"}) / "model.onnx")
    assert file.path == "model.onnx"


def test_the_given_path_may_be_a_link(make_folder: Make, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(make_folder({"model.onnx": b"x"}))
    assert [file.path for file in scan(link)] == ["model.onnx"]


def test_folders_without_files_leave_no_trace(make_folder: Make) -> None:
    folder = make_folder({"model.onnx": b"x"})
    (folder / "empty" / "below").mkdir(parents=True)
    assert [file.path for file in scan(folder)] == ["model.onnx"]


def test_a_path_that_does_not_exist_is_refused_and_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidArtifactError, match=r"path: .*does not exist.*missing") as caught:
        scan(tmp_path / "missing")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("files", [{}, {"a": b"", "b/c": b""}], ids=["no files", "no bytes"])
def test_an_empty_artifact_is_refused(files: Mapping[str, bytes], make_folder: Make) -> None:
    folder = make_folder(files)
    folder.mkdir(parents=True, exist_ok=True)
    with pytest.raises(InvalidArtifactError, match="is empty"):
        scan(folder)


def _link_to_file(path: Path) -> None:
    path.symlink_to("/etc/hostname")


def _link_to_folder(path: Path) -> None:
    path.symlink_to("/etc")


def _dangling_link(path: Path) -> None:
    path.symlink_to("nowhere")


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # a socket's path is limited to 107 bytes
    try:
        socket.socket(socket.AF_UNIX).bind(path.name)
    finally:
        os.chdir(here)


@pytest.mark.parametrize("depth", ["", "sub/"])
@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (_link_to_file, "symbolic link"),
        (_link_to_folder, "symbolic link"),
        (_dangling_link, "symbolic link"),
        (_fifo, "FIFO"),
        (_socket, "socket"),
    ],
)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_what_is_not_a_file_is_refused(
    make: Callable[[Path], None], kind: str, depth: str, make_folder: Make
) -> None:
    folder = make_folder({"model": b"x", f"{depth}other": b"x"})
    make(folder / depth / "odd")
    with pytest.raises(InvalidArtifactError, match=rf"holds a {kind}.*{depth}odd"):
        scan(folder)


def test_a_device_is_refused() -> None:
    with pytest.raises(InvalidArtifactError, match="holds a device"):
        scan(Path("/dev/null"))


@pytest.mark.parametrize(
    "name",
    ["tab\tname", "line\nname", "back\\slash", "C:drive", unicodedata.normalize("NFD", "müller"),
     "txt.\u202eexe", "sep\u2028", b"bad-\xff-bytes"],
)  # fmt: skip
def test_a_name_that_some_system_reads_differently_is_refused(
    name: str | bytes, make_folder: Make
) -> None:
    folder = make_folder({"model": b"x"})
    (folder / os.fsdecode(name)).write_bytes(b"x")
    with pytest.raises(InvalidArtifactError, match="Rename the file"):
        scan(folder)


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "..", "a/../b", "../a", "a//b", "a/", "./a", "c:/a", "a" * 256,
     "/".join(["a" * 200] * 6), "nul\0", "lone\ud800", "a" * 10_000_000],
)  # fmt: skip
def test_a_path_that_leaves_its_folder_or_is_too_long_is_refused(path: str) -> None:
    with pytest.raises(InvalidArtifactError):
        check_path(path)


@pytest.mark.parametrize("twin", ["MODEL", "Sub/x", "Stra\u00dfe"])
def test_paths_that_differ_only_by_case_are_refused(twin: str, make_folder: Make) -> None:
    folder = make_folder({"model": b"1", "sub/y": b"2", "strasse": b"3"})
    other = folder / twin
    other.parent.mkdir(exist_ok=True)
    other.write_bytes(b"4")
    with pytest.raises(InvalidArtifactError, match="only by case or Unicode form"):
        scan(folder)


@pytest.mark.parametrize(
    ("paths", "fault"),
    [
        (["a/b", "a/b"], "listed twice"),
        (["a", "a/b"], "a file and a folder"),
        (["a/b/c", "a/b"], "a file and a folder"),
        (["a/b/c", "A/b/d"], "differs from 'a' only by case"),
        (["x/Stra\u00dfe/1", "x/strasse/2"], "differs from 'x/Stra\u00dfe' only by case"),
        (["/".join("a" * (MOST_PARTS + 1))], f"more than {MOST_PARTS} parts"),
    ],
)
def test_paths_that_cannot_all_be_files_of_one_folder_are_refused(
    paths: list[str], fault: str
) -> None:
    with pytest.raises(InvalidArtifactError, match=fault):
        require_distinct(paths)


def test_the_deepest_path_is_accepted_and_a_deeper_folder_is_not_entered(
    make_folder: Make,
) -> None:
    deepest = "/".join("a" * MOST_PARTS)
    folder = make_folder({deepest: b"x"})
    assert [file.path for file in scan(folder)] == [deepest]
    (folder / f"{deepest}/b").parent.with_name("b").joinpath("/".join("b" * 400)).mkdir(
        parents=True
    )
    with pytest.raises(InvalidArtifactError, match=f"more than {MOST_PARTS} parts"):
        scan(folder)


_NAMES = st.text("aA\u00df\u0130s\u212b\u03c2\u1e9e\ufb01", min_size=1, max_size=3)


@given(st.lists(st.lists(_NAMES, min_size=1, max_size=4).map("/".join), max_size=6))
def test_paths_are_distinct_exactly_if_no_two_of_their_folded_prefixes_conflict(
    paths: list[str],
) -> None:
    prefixes = {
        "/".join(path.split("/")[:depth])
        for path in paths
        for depth in range(1, path.count("/") + 2)
    }
    folded = {
        unicodedata.normalize("NFC", unicodedata.normalize("NFD", each).casefold())
        for each in prefixes
    }
    apart = all(not other.startswith(f"{path}/") for path in paths for other in paths)
    distinct = len(set(paths)) == len(paths) and len(folded) == len(prefixes) and apart
    try:
        require_distinct(paths)
    except InvalidArtifactError:
        assert not distinct
    else:
        assert distinct


def test_a_file_that_changes_while_it_is_read_is_refused(make_folder: Make) -> None:
    folder = make_folder({"model": b"x" * 10})
    (file,) = scan(folder)

    def read() -> None:
        with file.reading() as reader:
            reader.read(5)
            (folder / "model").write_bytes(b"y" * 11)

    with pytest.raises(InvalidArtifactError, match="changed during the publication"):
        read()


def test_a_file_that_was_replaced_by_a_link_is_not_read(make_folder: Make) -> None:
    folder = make_folder({"model": b"x" * 10})
    (file,) = scan(folder)
    (folder / "model").unlink()
    (folder / "model").symlink_to("/etc/hostname")
    with pytest.raises(InvalidArtifactError, match="cannot be read"), file.reading():
        pass


@given(st.text(min_size=1, max_size=40))
def test_a_path_that_is_accepted_stays_in_its_folder_on_every_system(path: str) -> None:
    try:
        check_path(path)
    except InvalidArtifactError:
        return
    assert os.path.normpath(f"/root/{path}") == f"/root/{path}"
    assert unicodedata.normalize("NFC", path) == path
    assert path.encode().decode() == path
    assert not path.startswith("/")
    assert "\\" not in path
