"""The signature types of arrow's columns, which follow from the schema alone."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pedigree.signatures._types import ARRAY_DTYPES, COLUMN_TYPES, columns, no_type, tensor_of
from pedigree.signatures.records import ColumnType, Port

if TYPE_CHECKING:
    import pyarrow as pa

# By arrow's type names without parameters: "timestamp[ns, tz=UTC]" is a timestamp.
_BY_NAME: Mapping[str, ColumnType] = {
    **COLUMN_TYPES,
    "halffloat": ColumnType.FLOAT,
    "float": ColumnType.FLOAT,
    "double": ColumnType.DOUBLE,
    "string": ColumnType.STRING,
    "large_string": ColumnType.STRING,
    "string_view": ColumnType.STRING,
    "binary": ColumnType.BINARY,
    "large_binary": ColumnType.BINARY,
    "binary_view": ColumnType.BINARY,
    "fixed_size_binary": ColumnType.BINARY,
    "date32": ColumnType.DATETIME,
    "date64": ColumnType.DATETIME,
    "timestamp": ColumnType.DATETIME,
}

# numpy's dtypes for an array's values, which can be narrower than a column's type.
_NUMPY_NAMES: Mapping[str, str] = {
    **{name: name for name in COLUMN_TYPES},
    "uint64": "uint64",
    "halffloat": "float16",
    "float": "float32",
    "double": "float64",
    "date32": "datetime64[D]",
    "date64": "datetime64[ms]",
}


def table_ports(table: "pa.Table | pa.RecordBatch", role: str) -> tuple[Port, ...]:
    """Return one signature column for each column.

    Raises:
        InvalidSignatureError: A signature does not support a name or a type.
    """
    return columns(
        ((field.name, column_type(field.type, f"{role}.{field.name}")) for field in table.schema),
        role,
    )


def array_port(array: "pa.Array[Any] | pa.ChunkedArray[Any]", role: str) -> Port:
    """Return a tensor without a name, which an arrow array does not have.

    Raises:
        InvalidSignatureError: A signature does not support its type.
    """
    return tensor_of(array_dtype(array.type, role))


def column_type(dtype: "pa.DataType", where: str) -> ColumnType:
    """Return the signature type of a column of an arrow type.

    Raises:
        InvalidSignatureError: A signature does not support the type.
    """
    found = _BY_NAME.get(_name(_values(dtype)))
    if found is None:
        raise no_type(where, str(_values(dtype)))
    return found


def array_dtype(dtype: "pa.DataType", where: str) -> str:
    """Return numpy's dtype of the values of an arrow type, ignoring missing values.

    Raises:
        InvalidSignatureError: There is none.
    """
    values: Any = _values(dtype)
    name = _name(values)
    if name in _NUMPY_NAMES:
        return _NUMPY_NAMES[name]
    if name == "timestamp":
        return f"datetime64[{values.unit}]"
    return ARRAY_DTYPES[column_type(values, where)]


def _values(dtype: Any) -> Any:
    # The encoding of a column is internal to the table; callers send its values.
    encoded = str(dtype).startswith(("dictionary", "run_end_encoded"))
    return getattr(dtype, "value_type", dtype) if encoded else dtype


def _name(dtype: Any) -> str:
    return str(dtype).partition("[")[0]
