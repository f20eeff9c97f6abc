from pathlib import Path

import pandas as pd
import pytest

from pedigree.dagster.data_versions import content_version
from pedigree.errors import InvalidInputError

FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})


def test_equal_frames_have_equal_versions() -> None:
    assert content_version(FRAME) == content_version(FRAME.copy())
    assert content_version(FRAME).value.startswith("sha256:")


@pytest.mark.parametrize(
    "other",
    [
        FRAME.assign(a=[1, 3]),
        FRAME.rename(columns={"a": "c"}),
        FRAME[["b", "a"]],
        FRAME.astype({"a": "float64"}),
        FRAME.iloc[::-1],
        FRAME.head(1),
        FRAME.set_index("b"),
    ],
)
def test_whatever_differs_in_a_frame_shows(other: pd.DataFrame) -> None:
    assert content_version(other) != content_version(FRAME)


def test_a_folder_s_version_depends_on_names_and_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("1")
    before = content_version(tmp_path)
    (tmp_path / "a.txt").rename(tmp_path / "b.txt")
    renamed = content_version(tmp_path)
    (tmp_path / "b.txt").write_text("2")
    assert len({before.value, renamed.value, content_version(tmp_path).value}) == 3


def test_bytes_and_their_file_have_one_version(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    assert content_version(tmp_path / "a") == content_version(b"1") == content_version("1")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (Path("/no/such/file"), "does not exist"),
        ([1], "no content"),
        (pd.DataFrame({"a": [[1], [2]]}), "column 'a'"),
    ],
)
def test_what_cannot_be_hashed_is_refused(content: object, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        content_version(content)
