"""Reasons why a model rejects a sample: the column or dtype, and the remedy.

Libraries report this in different ways, and some not at all. Their errors are quoted; the columns
and dtypes are compared here with those that the model itself states.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pedigree.errors import InvalidSampleError

# The names that pandas gives to an index that was written to a CSV file.
_WRITTEN_INDEX = re.compile(r"Unnamed: \d+|index|level_\d+")
_MOST_COLUMNS = 12
_LONGEST_ERROR = 300
_FLOATS_OF_ONNX = {
    "tensor(float16)": "float16",
    "tensor(float)": "float32",
    "tensor(double)": "float64",
}
_NUMBERS = re.compile(r"(?i)u?int|float|double|bool|complex|decimal")


def require_rows(sample: object) -> None:
    """Refuse a sample without rows, for which a model's output means nothing.

    Raises:
        InvalidSampleError: It is a frame, a table or an array without rows, or holds such an array.
    """
    parts = sample.items() if isinstance(sample, Mapping) else [(None, sample)]
    for name, part in parts:
        shape = getattr(part, "shape", None)
        if isinstance(shape, tuple) and shape and shape[0] == 0:
            raise InvalidSampleError(
                f"{f'the array {name!r} of the sample' if name else 'the sample'} has no rows",
                field="sample",
                value=f"{type(part).__name__} of the shape {list(shape)}",
                remedy="Give one or more rows of input",
            )


def refused_sample(model: object, sample: object, error: Exception) -> InvalidSampleError:
    """Return the error for a rejected sample, with the column or dtype that is the cause."""
    reason, remedy = next(
        (found for find in (_by_columns, _by_dtype, _by_text) if (found := find(model, sample))),
        (_describe(sample), "Give inputs like the training data"),
    )
    cause = " ".join(str(error).split())[:_LONGEST_ERROR].rstrip(".")
    return InvalidSampleError(
        f"the model cannot predict it: {reason}; {type(error).__name__}: {cause}",
        field="sample",
        remedy=remedy,
    )


Cause = tuple[str, str] | None


def _by_columns(model: object, sample: object) -> Cause:
    """Compare the sample's columns with the names, or the number of columns, of the model."""
    given, expected = _columns(sample), _expected_columns(model)
    if not given:
        return None
    if expected is None:
        return _by_number(model, given)
    added = [name for name in given if name not in expected]
    missing = [name for name in expected if name not in given]
    if added:
        noun = "columns" if len(added) > 1 else "column"
        reason = f"it has the {noun} {_listed(added)}, which the model was not trained with"
        if missing:
            reason += f", and lacks {_listed(missing)}"
        return reason, _without(added)
    if missing:
        reason = f"it lacks {_listed(missing)}, which the model was trained with"
        return reason, "Give all columns that the model was trained with"
    if list(given) != list(expected):
        return (
            f"its columns are in the order {_listed(given)}",
            f"Give them in the order of the training data: {_listed(expected)}",
        )
    return None


def _by_number(model: object, given: list[str]) -> Cause:
    expected = _attribute(model, "n_features_in_")
    if not isinstance(expected, int) or expected == len(given):
        return None
    reason = f"it has {len(given)} columns, {_listed(given)}, but the model expects {expected}"
    index = [name for name in given if _WRITTEN_INDEX.fullmatch(name)]
    return reason, _without(index) if index else "Give only the columns of the training data"


def _without(added: list[str]) -> str:
    if any(_WRITTEN_INDEX.fullmatch(name) for name in added):
        return f"Write the CSV file with index=False, or drop {_listed(added)}"
    return f"Drop {_listed(added)} from the sample"


def _by_dtype(model: object, sample: object) -> Cause:
    """Compare the dtype of the sample's numbers with that of a network's weights or inputs."""
    expected = _expected_dtype(model)
    if expected is None:
        return None
    for name, dtype in _dtypes(sample):
        if dtype != expected and dtype.startswith("float"):
            subject = f"{name!r} is {dtype}" if name else f"it is {dtype}"
            return (
                f"{subject}, but the model expects {expected}",
                f"Convert the sample to {expected}, such as with .astype({expected!r})",
            )
    return None


def _by_text(model: object, sample: object) -> Cause:  # noqa: ARG001 - same signature as the others
    """Name the columns that are not numeric: most models accept only numbers."""
    odd = [f"{name!r} is {dtype}" for name, dtype in _dtypes(sample) if not _NUMBERS.match(dtype)]
    if not odd:
        return None
    return f"{', '.join(odd[:_MOST_COLUMNS])}", "Give the dtypes of the training data"


def _describe(sample: object) -> str:
    shape = getattr(sample, "shape", None)
    size = f" of the shape {list(shape)}" if isinstance(shape, tuple) else ""
    dtypes = [f"{name!r}: {dtype}" if name else dtype for name, dtype in _dtypes(sample)]
    more = ", …" if len(dtypes) > _MOST_COLUMNS else ""
    content = f" with {', '.join(dtypes[:_MOST_COLUMNS])}{more}" if dtypes else ""
    return f"it is a {type(sample).__name__}{size}{content}"


def _columns(sample: Any) -> list[str]:
    if isinstance(sample, Mapping):
        return [str(name) for name in sample]
    columns = getattr(sample, "columns", None)
    names = getattr(sample, "column_names", None) if columns is None else columns
    if names is None or callable(names):
        return []
    try:
        return [str(name) for name in names]
    except TypeError:
        return []


def _dtypes(sample: Any) -> Iterator[tuple[str | None, str]]:
    """Yield names and dtypes of a sample's columns or arrays; a single array has no name."""
    if isinstance(sample, Mapping):
        yield from ((str(name), _dtype_name(array)) for name, array in sample.items())
    elif hasattr(sample, "dtypes"):
        dtypes = sample.dtypes if isinstance(sample.dtypes, list) else list(sample.dtypes)
        yield from zip(_columns(sample), map(_plain, dtypes), strict=False)
    elif hasattr(sample, "dtype"):
        yield None, _dtype_name(sample)


def _dtype_name(value: Any) -> str:
    return _plain(getattr(value, "dtype", type(value).__name__))


def _plain(dtype: object) -> str:
    """Return numpy's name of a dtype: torch has ``torch.float64``, polars ``Float64``."""
    return str(dtype).rpartition(".")[2].lower()


def _expected_columns(model: object) -> list[str] | None:
    """Return the columns with which a model states that it was trained."""
    for name in ("feature_names_in_", "feature_names", "feature_name"):
        found = _attribute(model, name)
        found = _call(found) if callable(found) else found
        if found is not None and not isinstance(found, str):
            return list(map(str, found))
    return None


def _expected_dtype(model: object) -> str | None:
    """Return the floating-point dtype that a torch module or an ONNX session expects."""
    inputs = _call(_attribute(model, "get_inputs"))
    for node in inputs or ():
        if found := _FLOATS_OF_ONNX.get(str(_attribute(node, "type"))):
            return found
    parameters = _call(_attribute(model, "parameters"))
    first = next(iter(parameters), None) if isinstance(parameters, Iterator) else None
    return None if first is None else _dtype_name(first)


def _attribute(model: object, name: str) -> Any:
    try:
        return getattr(model, name, None)
    except Exception:  # a property of an unfitted model can raise anything
        return None


def _call(method: Any) -> Any:
    try:
        return method() if callable(method) else None
    except Exception:  # so can a method
        return None


def _listed(names: list[str]) -> str:
    more = ", …" if len(names) > _MOST_COLUMNS else ""
    return ", ".join(map(repr, names[:_MOST_COLUMNS])) + more
