import datetime
import decimal
import io
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pedigree.errors import InvalidSignatureError
from pedigree.signatures.infer import infer_signature
from pedigree.signatures.records import Column, ColumnType, Port, Tensor

GAP = None


def inputs_of(value: object) -> tuple[Port, ...]:
    return infer_signature(value, np.zeros(1)).inputs


def type_of(values: Any, dtype: Any = None) -> ColumnType:
    (column,) = inputs_of(pd.DataFrame({"x": pd.Series(values, dtype=dtype)}))
    assert isinstance(column, Column)
    return column.type


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        ("bool", "boolean"),
        ("boolean", "boolean"),
        ("int8", "integer"),
        ("int16", "integer"),
        ("int32", "integer"),
        ("uint8", "integer"),
        ("uint16", "integer"),
        ("Int32", "integer"),
        ("int64", "long"),
        ("Int64", "long"),
        ("uint32", "long"),
        ("float16", "float"),
        ("float32", "float"),
        ("Float32", "float"),
        ("float64", "double"),
        ("Float64", "double"),
        ("Sparse[float64]", "double"),
        ("datetime64[s]", "datetime"),
        ("datetime64[ns]", "datetime"),
    ],
)
def test_number_and_time_columns_take_the_type_that_holds_them(dtype: str, expected: str) -> None:
    assert type_of([1, 0], dtype).value == expected


@pytest.mark.parametrize("dtype", ["str", "string", "object", None])
def test_text_is_a_string_in_all_of_pandas_dtypes(dtype: str | None) -> None:
    assert type_of(["a", GAP], dtype) is ColumnType.STRING


def test_a_string_column_needs_no_value_if_the_dtype_is_specific() -> None:
    assert type_of([GAP], "str") is ColumnType.STRING
    assert type_of([], "str") is ColumnType.STRING


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([b"a", GAP], ColumnType.BINARY),
        ([True, GAP], ColumnType.BOOLEAN),
        ([1, 2], ColumnType.LONG),
        ([1, 2.5], ColumnType.DOUBLE),
        ([datetime.date(2013, 1, 1)], ColumnType.DATETIME),
        ([datetime.datetime(2013, 1, 1, tzinfo=datetime.UTC)], ColumnType.DATETIME),
    ],
)
def test_an_object_column_is_typed_by_its_values(values: list[Any], expected: ColumnType) -> None:
    assert type_of(values, "object") is expected


def test_a_zoned_time_is_a_datetime() -> None:
    times = pd.Series(pd.to_datetime(["2013-01-01"])).dt.tz_localize("Europe/Paris")
    assert type_of(times) is ColumnType.DATETIME


@pytest.mark.parametrize(
    ("categories", "expected"),
    [(["a", "b"], ColumnType.STRING), ([1, 2], ColumnType.LONG), ([0.5], ColumnType.DOUBLE)],
)
def test_a_categorical_has_the_type_of_its_categories(
    categories: list[Any], expected: ColumnType
) -> None:
    assert type_of(pd.Categorical([categories[0]], categories=categories)) is expected


ARROW = [
    (pa.string(), "a", "string", "str"),
    (pa.large_string(), "a", "string", "str"),
    (pa.dictionary(pa.int8(), pa.string()), "a", "string", "str"),
    (pa.dictionary(pa.int8(), pa.int64()), 1, "long", "int64"),
    (pa.binary(), b"a", "binary", "bytes"),
    (pa.bool_(), True, "boolean", "bool"),
    (pa.int8(), 1, "integer", "int8"),
    (pa.uint32(), 1, "long", "uint32"),
    (pa.int64(), 1, "long", "int64"),
    (pa.float16(), 1.0, "float", "float16"),
    (pa.float32(), 1.0, "float", "float32"),
    (pa.float64(), 1.0, "double", "float64"),
    (pa.date32(), datetime.date(2026, 1, 1), "datetime", "datetime64[D]"),
    (pa.timestamp("us"), pd.Timestamp("2026-01-01"), "datetime", "datetime64[us]"),
    (pa.timestamp("ns", "UTC"), pd.Timestamp("2026-01-01", tz="UTC"), "datetime", "datetime64[ns]"),
]


@pytest.mark.parametrize(("dtype", "value", "column", "array"), ARROW, ids=str)
def test_arrow_dtypes_in_pandas_have_the_same_types_as_in_arrow(
    dtype: pa.DataType, value: Any, column: str, array: str
) -> None:
    series = pd.Series([value, None], dtype=pd.ArrowDtype(dtype))
    assert type_of(series).value == column
    assert inputs_of(series) == (Tensor(dtype=array, shape=(-1,)),)
    in_arrow = pa.table({"x": pa.array([value, None], dtype)})
    assert inputs_of(in_arrow) == inputs_of(series.to_frame("x"))


def test_a_frame_that_pandas_reads_with_arrow_dtypes_has_a_signature() -> None:
    text = "age,plan,spend,new\n1,gold,2.5,true\n2,,,"
    frame = pd.read_csv(io.StringIO(text), dtype_backend="pyarrow")
    assert inputs_of(frame) == (
        Column(name="age", type=ColumnType.LONG),
        Column(name="plan", type=ColumnType.STRING),
        Column(name="spend", type=ColumnType.DOUBLE),
        Column(name="new", type=ColumnType.BOOLEAN),
    )


@pytest.mark.parametrize(
    ("dtype", "value", "message"),
    [
        (pa.decimal128(5, 2), decimal.Decimal(1), "decimal128.*Cast it to float64"),
        (pa.duration("us"), datetime.timedelta(1), "duration.*seconds"),
        (pa.list_(pa.int64()), [1], "list"),
        (pa.time64("us"), datetime.time(1), "time64"),
        (pa.uint64(), 1, "uint64.*int64 or float64"),
    ],
)
def test_an_unsupported_arrow_type_is_refused_in_pandas_too(
    dtype: pa.DataType, value: Any, message: str
) -> None:
    with pytest.raises(InvalidSignatureError, match=rf"inputs\.x: .*{message}"):
        type_of(pd.Series([value], dtype=pd.ArrowDtype(dtype)))


@pytest.mark.parametrize(
    ("series", "dtype"),
    [
        (pd.Series(pd.to_datetime(["2026-01-01", None], utc=True).as_unit("ms")), "datetime64[ms]"),
        (pd.Series(pd.to_datetime(["2026-01-01"]).as_unit("s")), "datetime64[s]"),
        (pd.Series([1, None], dtype="Int8"), "int8"),
        (pd.Series([1, None], dtype="Float32"), "float32"),
        (pd.Series([True, None], dtype="boolean"), "bool"),
        (pd.Series(["a", None], dtype="str"), "str"),
        (pd.Series(["a", None], dtype="string"), "str"),
        (pd.Series(["a", None], dtype="object"), "str"),
        (pd.Series([b"a", None], dtype="object"), "bytes"),
        (pd.Series([datetime.date(2026, 1, 1)]), "datetime64[ns]"),
        (pd.Series(["a", None], dtype="category"), "str"),
        (pd.Series([1, None], dtype="category"), "int64"),
        (pd.Series([1.0], dtype="Sparse[float32]"), "float32"),
        (pd.Series([1], dtype="uint64"), "uint64"),
        (pd.Series([1j]), "complex128"),
    ],
    ids=lambda given: str(getattr(given, "dtype", given)),
)
def test_a_series_without_a_name_is_a_tensor_of_its_values_type(
    series: pd.Series, dtype: str
) -> None:
    assert inputs_of(series) == (Tensor(dtype=dtype, shape=(-1,)),)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([decimal.Decimal(1)], "object"),
        (["a", 1], "object"),
        ([None], "object"),
        ([pd.Period("2013-01")], None),
        ([1], "timedelta64[s]"),
        (pd.Categorical([None]), None),
    ],
)
def test_a_series_without_a_name_and_without_a_type_is_refused(values: Any, dtype: Any) -> None:
    with pytest.raises(InvalidSignatureError, match="inputs: "):
        inputs_of(pd.Series(values, dtype=dtype))


def test_a_column_with_missing_values_is_required() -> None:
    frame = pd.DataFrame({"a": [1, GAP], "b": ["x", GAP], "c": pd.array([1, GAP], dtype="Int64")})
    assert inputs_of(frame) == (
        Column(name="a", type=ColumnType.DOUBLE),  # pandas made it so
        Column(name="b", type=ColumnType.STRING),
        Column(name="c", type=ColumnType.LONG),
    )


@pytest.mark.parametrize(
    ("values", "dtype", "message"),
    [
        ([1], "uint64", "uint64"),
        ([1], "timedelta64[s]", "timedelta64"),
        ([1j], "complex128", "complex128"),
        ([decimal.Decimal(1)], "object", "decimal"),
        (["a", 1], "object", "mixed"),
        ([GAP], "object", "without a value"),
        ([], "object", "without a value"),
        ([pd.Period("2013-01")], None, "period"),
        (pd.cut([1, 2], 2), None, "interval"),
        (pd.Categorical([GAP]), None, "without a value"),
    ],
)
def test_an_unsupported_type_is_refused_with_its_column_and_dtype(
    values: Any, dtype: str | None, message: str
) -> None:
    with pytest.raises(InvalidSignatureError, match=rf"inputs\.x: .*{message}") as refused:
        type_of(values, dtype)
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame({0: [1]}), "column label 0 is not a non-empty string"),
        (pd.DataFrame({"": [1]}), "column label '' is not a non-empty string"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), r"inputs\.a: two columns"),
        (pd.DataFrame(), "no columns"),
    ],
)
def test_columns_need_distinct_names(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(InvalidSignatureError, match=message):
        infer_signature(frame, np.zeros(1))


def test_a_named_series_is_a_column_and_an_unnamed_one_a_tensor() -> None:
    named = pd.Series(["a"], name="text")
    assert inputs_of(named) == (Column(name="text", type=ColumnType.STRING),)
    assert inputs_of(pd.Series([1.5])) == (Tensor(dtype="float64", shape=(-1,)),)


@pytest.mark.parametrize(
    ("array", "dtype", "shape"),
    [
        (np.zeros((3, 2), dtype="float32"), "float32", (-1, 2)),
        (np.zeros((0, 28, 28), dtype="uint8"), "uint8", (-1, 28, 28)),
        (np.array(["yes", "no"]), "str", (-1,)),
        (np.array(["yes", "no"], dtype=object), "str", (-1,)),
        (np.array([b"a"]), "bytes", (-1,)),
        (np.array([True]), "bool", (-1,)),
        (np.array(["2013-01-01"], dtype="datetime64[D]"), "datetime64[D]", (-1,)),
    ],
)
def test_an_array_is_a_tensor_whose_batch_is_free(
    array: Any, dtype: str, shape: tuple[int, ...]
) -> None:
    assert inputs_of(array) == (Tensor(dtype=dtype, shape=shape),)


def test_a_mapping_of_arrays_is_one_tensor_per_name() -> None:
    assert inputs_of({"ids": np.zeros((1, 4), dtype="int64"), "mask": np.zeros(1)}) == (
        Tensor(name="ids", dtype="int64", shape=(-1, 4)),
        Tensor(name="mask", dtype="float64", shape=(-1,)),
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.array(1.0), "without dimensions"),
        (np.array([object()]), "dtype object"),
        (np.zeros(1, dtype=[("a", "i4")]), "dtype"),
        ({"a": [1]}, r"inputs\.a: .*not list"),
        ({1: np.zeros(1)}, "a tensor's name"),
        ({}, "cannot be inferred from dict"),
        ([[1, 2]], "cannot be inferred from list"),
        (None, "cannot be inferred from NoneType"),
    ],
)
def test_an_invalid_sample_is_refused(value: object, message: str) -> None:
    with pytest.raises(InvalidSignatureError, match=message):
        infer_signature(value, np.zeros(1))


def test_an_error_in_the_outputs_names_the_outputs() -> None:
    with pytest.raises(InvalidSignatureError, match="outputs"):
        infer_signature(np.zeros(1), [1])


def test_inference_imports_neither_pandas_nor_numpy() -> None:
    code = "import sys, pedigree.signatures.infer; print({'pandas', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
