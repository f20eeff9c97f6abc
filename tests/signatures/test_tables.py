"""Tables of polars and arrow, whose types follow from the schema."""

import datetime

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from pedigree.errors import InvalidSignatureError
from pedigree.signatures.infer import infer_signature
from pedigree.signatures.records import Column, ColumnType, Port, Tensor

AT = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def inputs_of(value: object) -> tuple[Port, ...]:
    return infer_signature(value, np.zeros(1)).inputs


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (pl.Boolean, "boolean"),
        (pl.Int8, "integer"),
        (pl.Int16, "integer"),
        (pl.Int32, "integer"),
        (pl.UInt8, "integer"),
        (pl.UInt16, "integer"),
        (pl.Int64, "long"),
        (pl.UInt32, "long"),
        (pl.Float32, "float"),
        (pl.Float64, "double"),
        (pl.String, "string"),
        (pl.Categorical, "string"),
        (pl.Enum(["a"]), "string"),
        (pl.Binary, "binary"),
        (pl.Date, "datetime"),
        (pl.Datetime("us", "UTC"), "datetime"),
    ],
)
def test_a_polars_column_takes_the_type_that_holds_it(dtype: pl.DataType, expected: str) -> None:
    frame = pl.DataFrame({"x": []}, schema={"x": dtype})
    column = (Column(name="x", type=ColumnType(expected)),)
    assert inputs_of(frame) == column
    assert inputs_of(frame.lazy()) == column
    assert inputs_of(frame["x"]) == column


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (pa.bool_(), "boolean"),
        (pa.int8(), "integer"),
        (pa.int16(), "integer"),
        (pa.int32(), "integer"),
        (pa.uint8(), "integer"),
        (pa.uint16(), "integer"),
        (pa.int64(), "long"),
        (pa.uint32(), "long"),
        (pa.float16(), "float"),
        (pa.float32(), "float"),
        (pa.float64(), "double"),
        (pa.string(), "string"),
        (pa.large_string(), "string"),
        (pa.string_view(), "string"),
        (pa.dictionary(pa.int8(), pa.string()), "string"),
        (pa.dictionary(pa.int8(), pa.int64()), "long"),
        (pa.binary(), "binary"),
        (pa.binary(4), "binary"),
        (pa.date32(), "datetime"),
        (pa.timestamp("ns", "UTC"), "datetime"),
    ],
)
def test_an_arrow_column_takes_the_type_that_holds_it(dtype: pa.DataType, expected: str) -> None:
    table = pa.schema([pa.field("x", dtype)]).empty_table()
    column = (Column(name="x", type=ColumnType(expected)),)
    assert inputs_of(table) == column
    assert inputs_of(pa.RecordBatch.from_pylist([], schema=table.schema)) == column


@pytest.mark.parametrize(
    ("dtype", "message"),
    [
        (pl.UInt64, "UInt64"),
        (pl.Decimal(10, 2), "Decimal"),
        (pl.Duration("us"), "Duration"),
        (pl.Time, "Time"),
        (pl.List(pl.Int8), "List"),
        (pl.Struct({"a": pl.Int8}), "Struct"),
        (pl.Null, "Null"),
    ],
)
def test_an_unsupported_polars_type_is_refused_with_its_column(
    dtype: pl.DataType, message: str
) -> None:
    with pytest.raises(InvalidSignatureError, match=rf"inputs\.x: .*{message}") as refused:
        inputs_of(pl.DataFrame({"x": []}, schema={"x": dtype}))
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("dtype", "message"),
    [
        (pa.uint64(), "uint64"),
        (pa.decimal128(5, 2), "decimal128"),
        (pa.duration("s"), "duration"),
        (pa.time32("s"), "time32"),
        (pa.list_(pa.int8()), "list"),
        (pa.dictionary(pa.int8(), pa.uint64()), "uint64"),
        (pa.null(), "null"),
    ],
)
def test_an_unsupported_arrow_type_is_refused_with_its_column(
    dtype: pa.DataType, message: str
) -> None:
    with pytest.raises(InvalidSignatureError, match=rf"inputs\.x: .*{message}") as refused:
        inputs_of(pa.schema([pa.field("x", dtype)]).empty_table())
    assert refused.value.remedy


def test_columns_of_a_table_need_distinct_names() -> None:
    twins = pa.schema([pa.field("x", pa.int8()), pa.field("x", pa.int8())]).empty_table()
    with pytest.raises(InvalidSignatureError, match=r"inputs\.x: two columns"):
        inputs_of(twins)
    for empty in (pl.DataFrame(), pa.schema([]).empty_table()):
        with pytest.raises(InvalidSignatureError, match="no columns"):
            inputs_of(empty)


@pytest.mark.parametrize(
    "value", [pl.Series([0.5, 1.5]), pa.array([0.5, 1.5]), pa.chunked_array([[0.5], [1.5]])]
)
def test_an_unnamed_series_or_array_is_a_tensor(value: object) -> None:
    assert infer_signature(np.zeros(1), value).outputs == (Tensor(dtype="float64", shape=(-1,)),)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (pl.Series(["a", None]), "str"),
        (pl.Series(["a"], dtype=pl.Categorical), "str"),
        (pl.Series([b"a", None]), "bytes"),
        (pl.Series([True, None]), "bool"),
        (pl.Series([1, None], dtype=pl.Int8), "int8"),
        (pl.Series([1], dtype=pl.UInt64), "uint64"),
        (pl.Series([datetime.date(2026, 1, 1), None]), "datetime64[D]"),
        (pl.Series([AT], dtype=pl.Datetime("ms", "UTC")), "datetime64[ms]"),
        (pa.array(["a", None]), "str"),
        (pa.array(["a", None]).dictionary_encode(), "str"),
        (pa.array([1, None], pa.int8()), "int8"),
        (pa.array([True, None]), "bool"),
        (pa.array([b"a", None]), "bytes"),
        (pa.array([AT, None], pa.timestamp("ms", "UTC")), "datetime64[ms]"),
        (pa.chunked_array([["a"], [None]], pa.string()), "str"),
    ],
    ids=str,
)
def test_an_array_with_missing_values_has_the_type_of_its_values(value: object, dtype: str) -> None:
    assert inputs_of(value) == (Tensor(dtype=dtype, shape=(-1,)),)


def test_an_array_of_arrays_keeps_its_width() -> None:
    pairs = pl.Series([[1.0, 2.0]], dtype=pl.Array(pl.Float64, 2))
    assert inputs_of(pairs) == (Tensor(dtype="float64", shape=(-1, 2)),)
