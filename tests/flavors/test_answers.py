"""Outputs of all types are compared bit for bit, after a transfer as JSON."""

import datetime
import itertools
import json
import struct
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedigree.flavors._answers import IncomparableError, Leaf, leaves_of
from pedigree.flavors._comparing import compare
from tests.flavors.test_all import needs
from tests.lazy import lazy

pd = lazy("pandas")
pl = lazy("polars")
pa = lazy("pyarrow")
sparse = lazy("scipy.sparse")


def leaves(value: object) -> list[Leaf]:
    return list(leaves_of(value, "answer"))


def travelled(value: object) -> list[Leaf]:
    """Return the leaves as another process reads them."""
    return [
        Leaf.from_json(each)
        for each in json.loads(json.dumps([x.to_json() for x in leaves(value)]))
    ]


ODD_NAN = struct.unpack(">d", bytes.fromhex("7ff8000000000001"))[0]
DAY = datetime.date(2026, 1, 2)


def different_frames(frame: Any) -> list[Any]:
    """Frames that each differ from a frame, and from each other."""
    return [
        frame,
        frame.rename(columns={"a": "c"}),
        frame[["b", "a"]],
        frame.set_axis([1, 2]),
        frame.astype({"a": "float32"}),
        frame.astype({"a": "Float64"}),
        frame.astype({"b": "category"}),
        frame.assign(b=pd.Categorical(["x", "y"], ["y", "x"])),
        frame.assign(b=pd.Categorical(["x", "y"], ordered=True)),
        frame.rename_axis("rows"),
        frame.assign(a=[1.0, np.nan]),
        frame["a"],
        frame["a"].rename("b"),
        frame["a"].rename(None),
        frame.set_index("b"),
        frame.set_index(["a", "b"]),
        frame.to_numpy(),
        frame.assign(b=[["x"], ["y"]]),
        frame.assign(b=[["x"], ["z"]]),
    ]


# Each differs from all others of its group in a way that callers can distinguish.
DIFFERENT: dict[str, Callable[[], list[Any]]] = {
    "numbers": lambda: [
        0.0,
        -0.0,
        float("nan"),
        ODD_NAN,
        0,
        False,
        "0.0",
        np.float64(0),
        np.float32(0),
        None,
    ],
    "texts": lambda: [
        "1",
        b"1",
        1,
        True,
        Decimal(1),
        "True",
        Decimal("1.0"),
        [1],
        (1,),
        {"1": 1},
        {1: 1},
    ],
    "times": lambda: [
        DAY,
        "2026-01-02",
        datetime.datetime(2026, 1, 2),  # noqa: DTZ001 -- deliberately without a time zone
        pd.Timestamp("2026-01-02", tz="UTC"),
        np.datetime64("2026-01-02"),
        pd.NaT,
        pd.NA,
    ],
    "mappings": lambda: [{"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1}, {"a": 1, "b": 2.0}],
    "arrays": lambda: [
        np.zeros(2),
        np.zeros((2, 1)),
        np.zeros(2, "float32"),
        np.zeros(2, ">f8"),
        -np.zeros(2),
        np.array([np.nan, 0]),
        np.array([ODD_NAN, 0]),
        np.array([0, 0]),
        np.array(["0", "0"]),
        np.array(["0", "0"], object),
        np.array([0, "0"], object),
        np.array([b"0", b"0"]),
        np.array([None, None]),
        np.ma.masked_array(np.zeros(2), [False, True]),
        np.matrix([[0.0, 0.0]]),
    ],
    "frames": lambda: different_frames(pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})),
    "zones": lambda: [
        pd.Series(pd.to_datetime(["2026-01-01"])),
        pd.Series(pd.to_datetime(["2026-01-01"], utc=True)),
        pd.Series(pd.to_datetime(["2026-01-01"])).dt.tz_localize("Europe/Berlin"),
    ],
    "others": lambda: [
        pl.DataFrame({"a": [1.0]}),
        pl.DataFrame({"a": [1]}),
        pl.Series("a", [1.0]),
        pa.table({"a": [1.0]}),
        pa.table({"a": [None]}),
        pa.table({"b": [1.0]}),
        pa.array([1.0]),
        pa.chunked_array([[1.0]]),
    ],
    "sparse": lambda: [
        sparse.csr_matrix(np.eye(2)),
        sparse.csc_matrix(np.eye(2)),
        sparse.csr_matrix(2 * np.eye(2)),
        sparse.csr_matrix(np.eye(3)),
        sparse.csr_array(np.eye(2)),
    ],
}


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("group", DIFFERENT)
def test_distinguishable_outputs_are_not_equal(group: str) -> None:
    for one, other in itertools.combinations(DIFFERENT[group](), 2):
        assert leaves(one) != leaves(other), f"{one!r} and {other!r}"
        assert compare([leaves(one)], travelled(other)).difference is not None


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("group", DIFFERENT)
def test_equal_outputs_are_equal_after_the_transfer_to_another_process(group: str) -> None:
    for value in DIFFERENT[group]():
        assert compare([leaves(value)], travelled(value)) == (None, False, None)


def test_tensors_are_distinguished() -> None:
    needs("torch")
    import torch

    different = [
        torch.zeros(2),
        -torch.zeros(2),
        torch.zeros(2, 1),
        torch.zeros(2, dtype=torch.float64),
        torch.zeros(2, dtype=torch.bfloat16),
        torch.ones(2, dtype=torch.bfloat16),
        np.zeros(2, "float32"),
    ]
    for one, other in itertools.combinations(different, 2):
        assert leaves(one) != leaves(other), f"{one!r} and {other!r}"
    assert all(travelled(each) == leaves(each) for each in different)
    with pytest.raises(IncomparableError, match="layout"):
        leaves(torch.eye(2).to_sparse())


@pytest.mark.parametrize("value", [object(), {1, 2}, lambda: 1, np.zeros(1, [("a", object)])])
def test_an_output_that_cannot_be_compared_is_an_error(value: object) -> None:
    with pytest.raises(IncomparableError):
        leaves(value)


@given(st.lists(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3), min_size=2, max_size=5))
def test_only_numbers_within_the_spread_are_accepted(rows: list[list[float]]) -> None:
    own = [leaves(np.array(row)) for row in rows]
    for answer in own:
        assert compare(own, answer).difference is None
    compared = compare(own, own[0])
    spread = compared.spread or 0.0
    expected = max(abs(a - b) for column in zip(*rows, strict=True) for a in column for b in column)
    assert spread == expected
    beyond = np.array(rows[0])
    beyond[1] = max(row[1] for row in rows) + spread * 1.5 + 1.0
    assert compare(own, leaves(beyond)).difference is not None


def test_nan_is_accepted_only_where_an_own_output_has_it() -> None:
    own = [leaves(np.array([1.0, np.nan])), leaves(np.array([2.0, 5.0]))]
    assert compare(own, leaves(np.array([1.5, np.nan]))).difference is None
    assert compare(own, leaves(np.array([np.nan, 5.0]))).difference is not None
