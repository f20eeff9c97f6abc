"""The types of arrow's columns; they are known without looking at a value."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pedigree.signatures._numpy import tensor
from pedigree.signatures._types import COLUMN_TYPES, columns, no_type
from pedigree.signatures.records import ColumnType, Port

if TYPE_CHECKING:
    import pyarrow as pa

# By arrow's words without their parameters: "timestamp[ns, tz=UTC]" is a timestamp.
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


def table_ports(table: "pa.Table | pa.RecordBatch", role: str) -> tuple[Port, ...]:
    """Return one column a name.

    Raises:
        InvalidSignatureError: A name or a type has no place in a signature.
    """
    return columns(
        ((field.name, _column_type(field.type, f"{role}.{field.name}")) for field in table.schema),
        role,
    )


def array_port(array: "pa.Array[Any] | pa.ChunkedArray[Any]", role: str) -> Port:
    """Return a tensor: an arrow array has no name.

    Raises:
        InvalidSignatureError: Its type has no place in a signature.
    """
    dense = array.combine_chunks() if hasattr(array, "combine_chunks") else array
    return tensor(dense.to_numpy(zero_copy_only=False), name=None, where=role)


def _column_type(dtype: "pa.DataType", where: str) -> ColumnType:
    # How a column is encoded is the table's affair; what a caller sends are its values.
    dtype = getattr(dtype, "value_type", dtype) if str(dtype).startswith("dictionary") else dtype
    known = _BY_NAME.get(str(dtype).partition("[")[0])
    if known is None:
        raise no_type(where, str(dtype))
    return known
