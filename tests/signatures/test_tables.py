"""Polars' and arrow's tables, whose types are known without a value."""

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from pedigree.errors import InvalidSignatureError
from pedigree.signatures.infer import infer
from pedigree.signatures.records import Column, ColumnType, Port, Tensor


def inputs_of(value: object) -> tuple[Port, ...]:
    return infer(value, np.zeros(1)).inputs


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
    ("dtype", "told"),
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
def test_a_polars_type_without_a_place_is_refused_by_column(dtype: pl.DataType, told: str) -> None:
    with pytest.raises(InvalidSignatureError, match=rf"inputs\.x: .*{told}") as refused:
        inputs_of(pl.DataFrame({"x": []}, schema={"x": dtype}))
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("dtype", "told"),
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
def test_an_arrow_type_without_a_place_is_refused_by_column(dtype: pa.DataType, told: str) -> None:
    with pytest.raises(InvalidSignatureError, match=rf"inputs\.x: .*{told}") as refused:
        inputs_of(pa.schema([pa.field("x", dtype)]).empty_table())
    assert refused.value.remedy


def test_columns_of_a_table_need_names_that_differ() -> None:
    twins = pa.schema([pa.field("x", pa.int8()), pa.field("x", pa.int8())]).empty_table()
    with pytest.raises(InvalidSignatureError, match=r"inputs\.x: two columns"):
        inputs_of(twins)
    for empty in (pl.DataFrame(), pa.schema([]).empty_table()):
        with pytest.raises(InvalidSignatureError, match="no columns"):
            inputs_of(empty)


@pytest.mark.parametrize(
    "value", [pl.Series([0.5, 1.5]), pa.array([0.5, 1.5]), pa.chunked_array([[0.5], [1.5]])]
)
def test_what_has_no_name_is_a_tensor(value: object) -> None:
    assert infer(np.zeros(1), value).outputs == (Tensor(dtype="float64", shape=(-1,)),)
