import os
import pickle
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pedigree.dagster.capture.data_versions import content_version
from pedigree.errors import InvalidInputError
from tests.dagster.capture.versions import CELLS, FRAMES, categories, column, objects, versions
from tests.marking import few_or_many

PROGRAM = Path(__file__).with_name("versions.py")
ROOT = PROGRAM.parents[3]

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
def test_every_difference_of_a_frame_changes_the_version(other: pd.DataFrame) -> None:
    assert content_version(other) != content_version(FRAME)


def test_frames_that_differ_for_a_model_have_different_versions() -> None:
    times = Counter(versions().values())
    alike = [name for name, version in versions().items() if times[version] > 1]
    assert alike == []


@pytest.mark.parametrize("seed", ["1", "4711"])
def test_another_process_computes_the_same_versions(seed: str) -> None:
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, PROGRAM], env=environment, check=True, capture_output=True, text=True
    )
    printed = dict(line.split(": sha256:") for line in done.stdout.splitlines())
    here = {name: version.removeprefix("sha256:") for name, version in versions().items()}
    different = {name for name, version in here.items() if printed[name] != version}
    # The program's own class differs there: its module is __main__.
    assert different == {"cell: enum", "cell: another enum"}


def test_a_data_version_is_stable() -> None:
    mixed = pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": pd.Categorical(["u", "v"])})
    assert content_version(mixed).value == (
        "sha256:42154179eaab8c499fa441dbdd0d1760baf91c164da1ccfa2bee6f04e171130c"
    )


@pytest.mark.parametrize("name", FRAMES)
def test_copies_and_pickled_frames_have_the_same_version(name: str) -> None:
    frame = FRAMES[name]
    for other in (frame.copy(), pickle.loads(pickle.dumps(frame))):
        assert content_version(other) == content_version(frame)


def test_the_memory_layout_of_a_frame_does_not_count() -> None:
    grid = np.arange(6.0).reshape(2, 3)
    rows = pd.DataFrame(grid, columns=list("abc"))
    assert content_version(pd.DataFrame(np.asfortranarray(grid), columns=list("abc"))) == (
        content_version(rows)
    )
    assert content_version(pd.concat([rows[["a"]], rows[["b", "c"]]], axis=1)) == (
        content_version(rows)
    )
    counted = pd.DataFrame({"a": [1, 2]}, index=pd.Index([0, 1]))
    assert content_version(counted) == content_version(pd.DataFrame({"a": [1, 2]}))
    payload = np.array([0x7FF8000000000001], dtype="uint64").view("float64")
    assert content_version(column(payload)) == content_version(column([np.nan]))
    assert content_version(column(["a"], "string[python]")) == content_version(
        column(["a"], "string[pyarrow]")
    )


def appearance(value: Any) -> Any:
    """Return the visible properties of a value, without any of the code under test."""
    if isinstance(value, set | frozenset):
        return type(value), sorted(map(repr, map(appearance, value)))
    if isinstance(value, np.ndarray):
        return np.ndarray, str(value.dtype), value.shape, repr(value.tolist())
    if isinstance(value, tuple | list):
        return type(value), [appearance(each) for each in value]
    return type(value), repr(value)


def seen(frame: pd.DataFrame) -> Any:
    """Return all properties in which two frames of one column can differ."""
    cells = frame.iloc[:, 0]
    encoding: Any = None
    if isinstance(cells.dtype, pd.CategoricalDtype):
        encoding = (str(cells.dtype.categories.dtype), cells.dtype.ordered)
        encoding = (*encoding, [appearance(each) for each in cells.dtype.categories.tolist()])
    return (
        [appearance(label) for label in frame.columns.tolist()],
        str(cells.dtype),
        encoding,
        [appearance(each) for each in cells.tolist()],
        str(frame.index.dtype),
        [appearance(each) for each in frame.index.tolist()],
    )


VALUES = [each for name, each in CELLS.items() if "enum" not in name]
TEXTS = st.sampled_from(["", "1", "11", "a", "a1"])
ONE_COLUMN = st.one_of(
    st.lists(st.sampled_from(VALUES), max_size=2).map(lambda cells: objects(*cells)),
    st.builds(column, st.lists(TEXTS | st.none(), max_size=3), st.sampled_from(["str", "string"])),
    st.builds(
        column,
        st.lists(st.sampled_from([0, 1]), max_size=3),
        st.sampled_from(["int8", "int64", "Int64", "float64", "bool", "int64[pyarrow]"]),
    ),
    st.builds(
        lambda names, ordered, codes: categories(
            *names, ordered=ordered, codes=[code % len(names) for code in codes]
        ),
        st.lists(TEXTS, min_size=1, max_size=3, unique=True),
        st.booleans(),
        st.lists(st.integers(0, 2), max_size=2),
    ),
)


@few_or_many(150, 600)
def test_versions_differ_exactly_if_frames_differ(examples: int) -> None:
    @settings(max_examples=examples, deadline=None, derandomize=True)
    @given(ONE_COLUMN, ONE_COLUMN, st.sampled_from([0, 1, "1", None]))
    def check(one: pd.DataFrame, other: pd.DataFrame, label: Any) -> None:
        renamed = other.set_axis([label], axis="columns") if label is not None else other
        for left, right in ((one, other), (one, renamed), (other, renamed)):
            alike = seen(left) == seen(right)
            assert (content_version(left) == content_version(right)) is alike

    check()


def test_a_file_name_that_is_not_valid_text_counts_for_the_version_of_a_folder(
    tmp_path: Path,
) -> None:
    before = content_version(tmp_path)
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff")).touch()
    assert content_version(tmp_path) != before


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
        ([1], "cannot be hashed"),
        (objects(object()), r"column 'a': .*values of type builtins\.object"),
        (objects((1, [Path("/")])), r"column 'a': .*Path"),
        (pd.DataFrame({Path("/"): [1]}), "a label: .*Path"),
        (objects(pd.Series([1])), "column 'a': .*Series"),
    ],
)
def test_content_that_cannot_be_hashed_is_refused(content: object, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        content_version(content)
