"""Inference of a signature from sample inputs and outputs of a model.

>>> import numpy as np
>>> signature = infer_signature(np.zeros((3, 2)), np.zeros(3, dtype="int64"))
>>> signature.inputs[0].shape, signature.outputs[0].dtype
((-1, 2), 'int64')

A frame becomes one column per name, a named series one column, an array one tensor whose first
extent (the batch) is free, and a mapping of arrays one tensor per name. ``required`` means that a
column must be *present*, so a column with missing values in the sample is required, too: the model
was trained with the column, and omitting it is not the same as an empty cell.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any

from pedigree.errors import InvalidSignatureError
from pedigree.signatures import _arrow, _pandas, _polars
from pedigree.signatures._numpy import tensor
from pedigree.signatures.records import Port, Signature, Tensor


def infer_signature(inputs: object, outputs: object) -> Signature:
    """Return the signature of a model that predicts ``outputs`` for ``inputs``.

    Args:
        inputs: A frame or series of pandas or polars, a table, record batch or array of arrow, a
            numpy array, or a mapping of names to numpy arrays. One row is enough for typed
            columns; a column of Python objects needs a value.
        outputs: The same kinds; usually ``model.predict(inputs)``.

    Raises:
        InvalidSignatureError: A signature does not support a value, a column's name or its dtype;
            the message names the column and the dtype.
    """
    return Signature(inputs=infer_ports(inputs, "inputs"), outputs=infer_ports(outputs, "outputs"))


def infer_ports(value: Any, role: str) -> tuple[Port, ...]:
    """Return the inputs or outputs of a signature, inferred from an example.

    Args:
        value: As for :func:`infer`.
        role: ``inputs`` or ``outputs``, for error messages.

    Raises:
        InvalidSignatureError: A signature does not support a value, a column's name or its dtype.
    """
    for library, names, ports in _KINDS:
        if _is(value, library, *names):
            return ports(value, role)
    if isinstance(value, Mapping) and value:
        return tuple(_named_tensor(name, array, role) for name, array in value.items())
    raise InvalidSignatureError(
        f"a signature cannot be inferred from {type(value).__name__}",
        field=role,
        remedy="Give a frame or series of pandas or polars, a table of arrow, a numpy array, or a"
        " mapping of names to arrays",
    )


_KINDS: tuple[tuple[str, tuple[str, ...], Callable[[Any, str], tuple[Port, ...]]], ...] = (
    ("pandas", ("DataFrame",), _pandas.frame_ports),
    ("pandas", ("Series",), lambda series, role: (_pandas.series_port(series, role),)),
    ("polars", ("DataFrame", "LazyFrame"), _polars.frame_ports),
    ("polars", ("Series",), lambda series, role: (_polars.series_port(series, role),)),
    ("pyarrow", ("Table", "RecordBatch"), _arrow.table_ports),
    ("pyarrow", ("Array", "ChunkedArray"), lambda array, role: (_arrow.array_port(array, role),)),
    ("numpy", ("ndarray",), lambda array, role: (tensor(array, name=None, where=role),)),
)


def _is(value: object, library: str, *names: str) -> bool:
    """Return whether a value is of a library's type; False if the library is not loaded."""
    loaded = sys.modules.get(library)
    return loaded is not None and isinstance(value, tuple(getattr(loaded, name) for name in names))


def _named_tensor(name: object, array: Any, role: str) -> Tensor:
    if not isinstance(name, str) or not name:
        raise InvalidSignatureError(
            "a tensor's name must be a non-empty string",
            field=role,
            value=name,
            remedy="Name every array of the mapping",
        )
    if not _is(array, "numpy", "ndarray"):
        raise InvalidSignatureError(
            f"a mapping must hold numpy arrays, not {type(array).__name__}",
            field=f"{role}.{name}",
            remedy="Convert it with numpy.asarray",
        )
    return tensor(array, name=name, where=f"{role}.{name}")
