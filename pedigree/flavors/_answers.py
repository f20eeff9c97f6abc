"""Outputs of a model, flattened so that two processes can compare them bit for bit.

An output becomes a list of leaves: arrays of numbers with their bytes, anything else as strings.
Leaves are exchanged as JSON, because reading a pickle from the new process could run code.
"""

import base64
import datetime
import decimal
import enum
import struct
import sys
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

# Types whose values are equal if their ``repr`` is equal.
_PLAIN = (
    bool, int, str, bytes, type(None), decimal.Decimal, uuid.UUID, enum.Enum, range,
    datetime.date, datetime.time, datetime.timedelta,
)  # fmt: skip


class IncomparableError(Exception):
    """An output holds a value of a type that two processes cannot compare."""


class Leaf(NamedTuple):
    """One array of an output, or some values that are not numbers."""

    place: str
    """The path in the output, such as ``predict_proba`` or ``predict['age']``."""
    kind: str
    """Everything but the values: types, shape, names."""
    dtype: str | None
    """The numpy dtype of an array of numbers; None for strings."""
    data: bytes
    texts: tuple[str, ...] = ()

    def to_json(self) -> list[Any]:
        """Return the leaf as a JSON array."""
        data = base64.b64encode(self.data).decode()
        return [self.place, self.kind, self.dtype, data, list(self.texts)]

    @classmethod
    def from_json(cls, content: list[Any]) -> "Leaf":
        """Return the leaf that :meth:`to_json` wrote."""
        place, kind, dtype, data, texts = content
        return cls(place, kind, dtype, base64.b64decode(data), tuple(texts))


def leaves_of_all(answers: Mapping[str, object]) -> list[Leaf]:
    """Return the leaves of the outputs that a flavor's ``answers`` returned.

    Raises:
        IncomparableError: An output holds a value that cannot be compared.
    """
    return [leaf for name, answer in answers.items() for leaf in leaves_of(answer, name)]


def leaves_of(answer: object, place: str) -> Iterator[Leaf]:
    """Yield the leaves of an output, in an order that depends only on the output.

    Raises:
        IncomparableError: It holds a value that cannot be compared.
    """
    for library, names, flatten in _KINDS:
        if _is(answer, library, *names):
            yield from flatten(answer, place)
            return
    if isinstance(answer, Mapping):
        yield Leaf(place, f"{_name(answer)} of {len(answer)}", None, b"")
        for key, value in answer.items():
            yield from leaves_of(value, f"{place}[{key!r}]")
    elif isinstance(answer, list | tuple):
        yield from _of_sequence(answer, place)
    else:
        yield Leaf(place, _name(answer), None, b"", (_text(answer),))


def _of_sequence(values: list[Any] | tuple[Any, ...], place: str) -> Iterator[Leaf]:
    kind = f"{_name(values)} of {len(values)}"
    if all(isinstance(value, (*_PLAIN, float, complex)) for value in values):
        yield Leaf(place, kind, None, b"", tuple(map(_text, values)))
        return
    yield Leaf(place, kind, None, b"")
    for index, value in enumerate(values):
        yield from leaves_of(value, f"{place}[{index}]")


def _of_array(array: Any, place: str) -> Iterator[Leaf]:
    import numpy as np  # noqa: PLC0415 - loaded if there is an array

    kind = f"{_name(array)} {array.dtype} {list(array.shape)}"
    if isinstance(array, np.ma.MaskedArray):
        yield from _of_array(np.ma.getmaskarray(array), f"{place}.mask")
    plain = np.asarray(array)
    if plain.dtype.kind in "biufc":
        yield Leaf(place, kind, plain.dtype.str, plain.tobytes())
    elif plain.dtype.kind in "SUVmM" and not plain.dtype.hasobject:
        yield Leaf(
            place, f"{kind} {plain.dtype.descr}", None, plain.tobytes(), _element_texts(plain)
        )
    elif plain.dtype.kind == "O":
        yield from _of_elements(plain.ravel().tolist(), place, kind)
    else:
        raise IncomparableError(f"an array of {plain.dtype}")


def _element_texts(array: Any) -> tuple[str, ...]:
    return () if array.dtype.kind == "V" else tuple(map(str, array.ravel().astype(str).tolist()))


def _of_elements(values: Iterable[Any], place: str, kind: str) -> Iterator[Leaf]:
    nested: list[Leaf] = []
    texts = []
    for index, value in enumerate(values):
        try:
            texts.append(_text(value))
        except IncomparableError:
            texts.append(f"[{index}]")
            nested += leaves_of(value, f"{place}[{index}]")
    yield Leaf(place, kind, None, b"", tuple(texts))
    yield from nested


def _of_frame(frame: Any, place: str) -> Iterator[Leaf]:
    yield Leaf(place, f"{_name(frame)} {list(frame.shape)}", None, b"")
    yield from _of_index(frame.columns, f"{place}.columns")
    yield from _of_index(frame.index, f"{place}.index")
    for number, name in enumerate(frame.columns):
        yield from _of_column(frame.iloc[:, number], f"{place}[{name!r}]")


def _of_series(series: Any, place: str) -> Iterator[Leaf]:
    yield Leaf(f"{place}.name", _name(series.name), None, b"", (repr(series.name),))
    yield from _of_index(series.index, f"{place}.index")
    yield from _of_column(series, place)


def _of_index(index: Any, place: str) -> Iterator[Leaf]:
    yield Leaf(place, f"{_name(index)} {list(map(repr, index.names))}", None, b"")
    for level in range(index.nlevels):
        yield from _of_column(index.get_level_values(level), f"{place}[{level}]")


def _of_column(column: Any, place: str) -> Iterator[Leaf]:
    """Yield the values of a series or an index."""
    import numpy as np  # noqa: PLC0415 - pandas imports it

    if isinstance(column.dtype, np.dtype):
        yield from _of_array(column.to_numpy(), place)
        return
    if _is(column.dtype, "pandas", "CategoricalDtype"):
        categories = column.dtype.categories
        yield from _of_column(categories, f"{place}.categories")
        codes = column.codes if hasattr(column, "codes") else column.cat.codes
        yield from _of_array(np.asarray(codes), f"{place}.codes")
        yield Leaf(place, f"category, ordered {column.dtype.ordered}", None, b"")
        return
    # Lists, because an array of objects might add a time zone to a value without one.
    yield from _of_elements(list(column), place, f"{column.dtype} [{len(column)}]")


def _of_polars(frame: Any, place: str) -> Iterator[Leaf]:
    yield from _of_arrow(frame.to_arrow(), place, _name(frame))


def _of_arrow(table: Any, place: str, kind: str | None = None) -> Iterator[Leaf]:
    kind = kind or _name(table)
    if hasattr(table, "schema"):
        yield Leaf(place, f"{kind} {table.schema.to_string()}", None, b"")
        for number, name in enumerate(table.schema.names):
            values = table.column(number).to_pylist()
            yield from _of_elements(values, f"{place}[{name!r}]", f"[{len(values)}]")
    else:
        yield from _of_elements(table.to_pylist(), place, f"{kind} {table.type} [{len(table)}]")


def _of_sparse(matrix: Any, place: str) -> Iterator[Leaf]:
    yield Leaf(place, f"{_name(matrix)} {matrix.dtype} {list(matrix.shape)}", None, b"")
    rows = matrix.tocsr()
    for part in ("data", "indices", "indptr"):
        yield from _of_array(getattr(rows, part), f"{place}.{part}")


def _of_tensor(tensor: Any, place: str) -> Iterator[Leaf]:
    import torch  # noqa: PLC0415 - loaded if there is a tensor

    plain = tensor.detach().cpu()
    if plain.layout is not torch.strided or plain.is_quantized:
        raise IncomparableError(f"a tensor of the layout {plain.layout}")
    kind = f"torch.Tensor {plain.dtype} {list(plain.shape)}"
    try:
        array = plain.contiguous().numpy()
    except TypeError:  # numpy lacks bfloat16 and similar types: compare their bits
        data = plain.contiguous().view(torch.uint8).numpy().tobytes() if plain.dim() else b""
        texts = tuple(map(str, plain.flatten().tolist()))
        yield Leaf(place, kind, None, data, texts)
    else:
        yield Leaf(place, kind, array.dtype.str, array.tobytes())


def _text(value: object) -> str:
    """Return a string that is unique to a value.

    Raises:
        IncomparableError: There is no such string for the value's type.
    """
    if isinstance(value, float):
        return f"{_name(value)} {float(value)!r} {_bits(value)}"
    if isinstance(value, complex):
        return f"{_name(value)} {complex(value)!r} {_bits(value.real)} {_bits(value.imag)}"
    if isinstance(value, _PLAIN):
        return f"{_name(value)} {value!r}"
    if _is(value, "numpy", "generic"):
        item = value.tobytes().hex() if value.dtype.kind != "O" else repr(value)  # type: ignore[attr-defined]  # numpy's
        return f"{_name(value)} {value} {item}"
    missing = getattr(sys.modules.get("pandas"), "NA", None)
    if value is missing:
        return "pandas.NA"
    if _is(value, "pandas", "Interval", "Period"):
        return f"{_name(value)} {value!r}"
    raise IncomparableError(f"a value of the type {_name(value)}")


def _bits(value: float) -> str:
    """Return the bits of a number, which distinguish NaNs, and 0.0 from -0.0."""
    return struct.pack(">d", value).hex()


def _name(value: object) -> str:
    kind = type(value)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return f"{module}{kind.__qualname__}"


def _is(value: object, library: str, *names: str) -> bool:
    """Return whether a value is of a library's type; False if the library is not loaded."""
    loaded = sys.modules.get(library)
    kinds = (getattr(loaded, name, None) for name in names)
    return any(kind is not None and isinstance(value, kind) for kind in kinds)


_KINDS: tuple[tuple[str, tuple[str, ...], Any], ...] = (
    ("numpy", ("ndarray",), _of_array),
    ("pandas", ("DataFrame",), _of_frame),
    ("pandas", ("Series",), _of_series),
    ("pandas", ("Index",), _of_index),
    ("polars", ("DataFrame", "Series"), _of_polars),
    ("pyarrow", ("Table", "RecordBatch", "Array", "ChunkedArray"), _of_arrow),
    ("scipy.sparse", ("spmatrix", "sparray"), _of_sparse),
    ("torch", ("Tensor",), _of_tensor),
)
