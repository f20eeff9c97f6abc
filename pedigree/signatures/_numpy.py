"""The signature types of numpy's arrays."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from pedigree.errors import InvalidSignatureError
from pedigree.signatures._types import no_type
from pedigree.signatures.records import Tensor

if TYPE_CHECKING:
    import numpy as np

Array: TypeAlias = "np.ndarray[tuple[int, ...], np.dtype[Any]]"

_TEXT_DTYPES: Mapping[str, str] = {
    "U": "str",
    "S": "bytes",
}  # without the length of the longest value


def tensor(array: Array, name: str | None, where: str) -> Tensor:
    """Return an array's type and shape; its first extent, the batch, is free.

    Raises:
        InvalidSignatureError: It has no dimension, or a signature does not support its dtype.
    """
    if array.ndim == 0:
        raise InvalidSignatureError(
            "an array without dimensions has no batch dimension",
            field=where,
            remedy="Give an array of one row or more, such as numpy.atleast_1d(value)",
        )
    return Tensor(name=name, dtype=_dtype(array, where), shape=(-1, *array.shape[1:]))


def _dtype(array: Array, where: str) -> str:
    kind = array.dtype.kind
    if kind in _TEXT_DTYPES:
        return _TEXT_DTYPES[kind]
    if kind == "O" and array.size and all(isinstance(value, str) for value in array.flat):
        return "str"
    if kind in "biufcM":
        return str(array.dtype.name)
    raise no_type(where, str(array.dtype), "Convert it to numbers, booleans, strings or times")
