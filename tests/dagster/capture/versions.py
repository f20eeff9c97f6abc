"""Frames that look alike; as a program, this prints the data version of each.

``python versions.py``. Two processes must print the same, whatever their hashes.
"""

import datetime
import sys
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from pedigree.dagster.capture.data_versions import content_version

UTC = datetime.UTC
TIMES = pd.to_datetime(["2026-01-01", None])


class Plan(Enum):
    """A custom enum with two names."""

    GOLD = "gold"
    BASIC = "basic"


CELLS: Mapping[str, Any] = {
    "none": None,
    "nan": float("nan"),
    "NA": pd.NA,
    "NaT": pd.NaT,
    "true": True,
    "one": 1,
    "large": 1 << 80,
    "float": 1.0,
    "minus zero": -0.0,
    "zero": 0.0,
    "complex": 1 + 0j,
    "text": "1",
    "bytes": b"1",
    "bytearray": bytearray(b"1"),
    "decimal": Decimal(1),
    "decimal of one place": Decimal("1.0"),
    "numpy": np.int64(1),
    "numpy, shorter": np.int32(1),
    "numpy's float": np.float64(1),
    "numpy's long double": np.longdouble(1),
    "numpy's text": np.str_("1"),
    "numpy's time": np.datetime64("2026-01-01"),
    "date": datetime.date(2026, 1, 1),
    "moment": datetime.datetime(2026, 1, 1),  # noqa: DTZ001 - without a zone on purpose
    "moment with a zone": datetime.datetime(2026, 1, 1, tzinfo=UTC),
    "time of day": datetime.time(1),
    "duration": datetime.timedelta(1),
    "timestamp": pd.Timestamp("2026-01-01"),
    "timestamp with a zone": pd.Timestamp("2026-01-01", tz="UTC"),
    "timedelta": pd.Timedelta(1, "D"),
    "period": pd.Period("2026-01-01", "D"),
    "month": pd.Period("2026-01", "M"),
    "interval": pd.Interval(0, 1),
    "interval closed left": pd.Interval(0, 1, closed="left"),
    "text of a date": "2026-01-01",
    "text of a moment": "2026-01-01T00:00:00",
    "tuple": (1, "a"),
    "tuple of one": ("1a",),
    "tuple of texts": ("1", "a"),
    "list": [1, "a"],
    "set": {"a", "b", "c", "d"},
    "frozenset": frozenset({"a", "b", "c", "d"}),
    "frozenset of another": frozenset({"a", "b", "c", "e"}),
    "mapping": {"a": 1, "b": [2]},
    "mapping of texts": {"a": "1", "b": ["2"]},
    "array": np.array([1.0, 2.0]),
    "array of integers": np.array([1, 2]),
    "array of another shape": np.array([[1.0, 2.0]]),
    "array of objects": np.array([1, "2"], dtype=object),
    "array of texts": np.array(["1", "2"]),
    "enum": Plan.GOLD,
    "another enum": Plan.BASIC,
}


def objects(*cells: Any) -> pd.DataFrame:
    """Return a column of objects without conversion."""
    column = pd.Series([None] * len(cells), dtype=object)
    for row, cell in enumerate(cells):
        column.iat[row] = cell
    return column.to_frame("a")


def column(values: Any, dtype: Any = None) -> pd.DataFrame:
    return pd.DataFrame({"a": pd.Series(values, dtype=dtype)})


def categories(*names: Any, ordered: bool = False, codes: Any = (0, 1)) -> pd.DataFrame:
    return column(pd.Categorical.from_codes(list(codes), pd.Index(names), ordered=ordered))


FRAMES: Mapping[str, Any] = {
    **{f"cell: {name}": objects(cell) for name, cell in CELLS.items()},
    "two cells": objects("1", "1"),
    "two cells that run together": objects("11", ""),
    "text": column(["a", None], "str"),
    "text, another gap": column(["a", None], "string"),
    "text, no gap": column(["a", "None"], "str"),
    "text as objects": column(["a", None], "object"),
    "text of arrow": column(["a", None], pd.ArrowDtype(pa.string())),
    "long text of arrow": column(["a", None], pd.ArrowDtype(pa.large_string())),
    "texts in another order": column(["b", "a"], "str"),
    "texts": column(["a", "b"], "str"),
    "integers": column([1, 0]),
    "shorter integers": column([1, 0], "int32"),
    "integers with gaps": column([1, None], "Int64"),
    "integers without a gap": column([1, 0], "Int64"),
    "integers of arrow": column([1, None], "int64[pyarrow]"),
    "floats": column([1.0, 0.0]),
    "floats, minus zero": column([1.0, -0.0]),
    "floats with gaps": column([1.0, None]),
    "floats that may have gaps": column([1.0, None], "Float64"),
    "half floats": column([1.0, 0.0], "float16"),
    "long doubles": column(np.array([1, 0], dtype="longdouble")),
    "complex": column([1j, 0]),
    "booleans": column([True, False]),
    "booleans with gaps": column([True, None], "boolean"),
    "sparse": column([1.0, 0.0], "Sparse[float64]"),
    "sparse of zeros": column([1.0, 0.0], pd.SparseDtype("float64", 0.0)),
    "times": column(TIMES.as_unit("s")),
    "times in nanoseconds": column(TIMES.as_unit("ns")),
    "times in a zone": column(TIMES.as_unit("s").tz_localize("UTC")),
    "times in another zone": column(TIMES.as_unit("s").tz_localize("UTC").tz_convert("Asia/Tokyo")),
    "durations": column(pd.to_timedelta([1, None], unit="s")),
    "periods": column(pd.period_range("2026-01", periods=2, freq="M")),
    "intervals": column(pd.IntervalIndex.from_breaks([0, 1, 2])),
    "categories": categories("x", "y"),
    "categories in another order": categories("y", "x", codes=(1, 0)),
    "ordered categories": categories("x", "y", ordered=True),
    "categories and one more": categories("x", "y", "z"),
    "categories with a gap": categories("x", "y", codes=(0, -1)),
    "categories of numbers": categories(1, 2),
    "categories of texts of numbers": categories("1", "2"),
    "arrow's dictionary": column(["x", "y"], pd.ArrowDtype(pa.dictionary(pa.int8(), pa.string()))),
    "arrow's lists": column([[1], None], pd.ArrowDtype(pa.list_(pa.int64()))),
    "arrow's decimals": column([Decimal("1.50"), None], pd.ArrowDtype(pa.decimal128(5, 2))),
    "arrow's dates": column([datetime.date(2026, 1, 1)], pd.ArrowDtype(pa.date32())),
    "arrow's times": column([pd.Timestamp("2026-01-01")], pd.ArrowDtype(pa.timestamp("us"))),
    "label": pd.DataFrame({1: [1]}),
    "label that is a text": pd.DataFrame({"1": [1]}),
    "label of two": pd.DataFrame({("1", "a"): [1]}),
    "labels with a name": pd.DataFrame({"1": [1]}).rename_axis(columns="of"),
    "twins": pd.DataFrame([[1, 2]], columns=["a", "a"]),
    "twins, the other way": pd.DataFrame([[2, 1]], columns=["a", "a"]),
    "series": pd.Series([1], name="1"),
    "series without a name": pd.Series([1]),
    "index": pd.DataFrame({"1": [1]}, index=[1]),
    "index of a text": pd.DataFrame({"1": [1]}, index=["1"]),
    "index of a date": pd.DataFrame({"1": [1]}, index=[datetime.date(2026, 1, 1)]),
    "index of a time": pd.DataFrame({"1": [1]}, index=TIMES[:1]),
    "index with a name": pd.DataFrame({"1": [1]}, index=pd.Index([1], name="of")),
    "index of two levels": pd.DataFrame(
        {"1": [1]}, index=pd.MultiIndex.from_tuples([(1, "a")], names=["n", "t"])
    ),
    "no rows": column([], "int64"),
    "no rows of texts": column([], "str"),
    "no columns": pd.DataFrame(index=[0]),
    "nothing": pd.DataFrame(),
}


def versions() -> dict[str, str]:
    """Return the version of each frame."""
    return {name: content_version(frame).value for name, frame in FRAMES.items()}


if __name__ == "__main__":
    for each, version in versions().items():
        sys.stdout.write(f"{each}: {version}\n")
