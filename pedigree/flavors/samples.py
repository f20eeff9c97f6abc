"""Why a model refuses a sample: which column or dtype, and what to do about it.

Libraries say this each in its own way, some not at all. What they raise is quoted; the columns and
dtypes are compared here with what the model itself says that it takes.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pedigree.errors import InvalidSampleError

# What pandas calls the index of a frame that was written to a CSV file with it.
_WRITTEN_INDEX = re.compile(r"Unnamed: \d+|index|level_\d+")
_SHOWN_COLUMNS = 12
_SHOWN_OF_AN_ERROR = 300
_FLOATS_OF_ONNX = {
    "tensor(float16)": "float16",
    "tensor(float)": "float32",
    "tensor(double)": "float64",
}
_NUMBERS = re.compile(r"(?i)u?int|float|double|bool|complex|decimal")


def require_rows(sample: object) -> None:
    """Refuse a sample without rows: what a model gives for nothing says nothing.

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
    """Return the error that a model refused a sample, with the column or dtype that is to blame."""
    reason, remedy = next(
        (found for blame in (_by_columns, _by_dtype, _by_text) if (found := blame(model, sample))),
        (_described(sample), "Give inputs as the model was trained on"),
    )
    said = " ".join(str(error).split())[:_SHOWN_OF_AN_ERROR].rstrip(".")
    return InvalidSampleError(
        f"the model cannot predict it: {reason}; {type(error).__name__}: {said}",
        field="sample",
        remedy=remedy,
    )


Blame = tuple[str, str] | None


def _by_columns(model: object, sample: object) -> Blame:
    """Compare the sample's columns with those that the model names, or how many it takes."""
    given, taken = _columns(sample), _taken(model)
    if not given:
        return None
    if taken is None:
        return _by_number(model, given)
    added = [name for name in given if name not in taken]
    missing = [name for name in taken if name not in given]
    if added:
        many = "columns" if len(added) > 1 else "column"
        reason = f"it has the {many} {_listed(added)}, which the model was not trained with"
        if missing:
            reason += f", and lacks {_listed(missing)}"
        return reason, _without(added)
    if missing:
        reason = f"it lacks {_listed(missing)}, which the model was trained with"
        return reason, "Give all columns that the model was trained with"
    if list(given) != list(taken):
        return (
            f"its columns are in the order {_listed(given)}",
            f"Give them in the order of the training: {_listed(taken)}",
        )
    return None


def _by_number(model: object, given: list[str]) -> Blame:
    taken = _attribute(model, "n_features_in_")
    if not isinstance(taken, int) or taken == len(given):
        return None
    reason = f"it has {len(given)} columns, {_listed(given)}, and the model takes {taken}"
    written = [name for name in given if _WRITTEN_INDEX.fullmatch(name)]
    return reason, _without(written) if written else "Give the columns of the training alone"


def _without(added: list[str]) -> str:
    if any(_WRITTEN_INDEX.fullmatch(name) for name in added):
        return f"Write the CSV file without its index, index=False, or drop {_listed(added)}"
    return f"Drop {_listed(added)} from the sample"


def _by_dtype(model: object, sample: object) -> Blame:
    """Compare the dtype of the sample's numbers with that of a network's weights or inputs."""
    taken = _dtype_taken(model)
    if taken is None:
        return None
    for name, dtype in _dtypes(sample):
        if dtype != taken and dtype.startswith("float"):
            subject = f"{name!r} is {dtype}" if name else f"it is {dtype}"
            return (
                f"{subject}, and the model takes {taken}",
                f"Convert the sample to {taken}, such as by .astype({taken!r})",
            )
    return None


def _by_text(model: object, sample: object) -> Blame:  # noqa: ARG001 - as the others
    """Name the columns that hold no numbers, where some do: most models take numbers alone."""
    odd = [f"{name!r} is {dtype}" for name, dtype in _dtypes(sample) if not _NUMBERS.match(dtype)]
    if not odd:
        return None
    return f"{', '.join(odd[:_SHOWN_COLUMNS])}", "Give the dtypes that the model was trained on"


def _described(sample: object) -> str:
    shape = getattr(sample, "shape", None)
    size = f" of the shape {list(shape)}" if isinstance(shape, tuple) else ""
    dtypes = [f"{name!r}: {dtype}" if name else dtype for name, dtype in _dtypes(sample)]
    more = ", …" if len(dtypes) > _SHOWN_COLUMNS else ""
    held = f" with {', '.join(dtypes[:_SHOWN_COLUMNS])}{more}" if dtypes else ""
    return f"it is a {type(sample).__name__}{size}{held}"


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
    """Yield the names and dtypes of a sample's columns or arrays; of an only one without a name."""
    if isinstance(sample, Mapping):
        yield from ((str(name), _dtype_name(each)) for name, each in sample.items())
    elif hasattr(sample, "dtypes"):
        dtypes = sample.dtypes if isinstance(sample.dtypes, list) else list(sample.dtypes)
        yield from zip(_columns(sample), (_plain(each) for each in dtypes), strict=False)
    elif hasattr(sample, "dtype"):
        yield None, _dtype_name(sample)


def _dtype_name(value: Any) -> str:
    return _plain(getattr(value, "dtype", type(value).__name__))


def _plain(dtype: object) -> str:
    """Return a dtype as numpy writes it: torch says ``torch.float64``, polars ``Float64``."""
    return str(dtype).rpartition(".")[2].lower()


def _taken(model: object) -> list[str] | None:
    """Return the columns that a model says it was trained with."""
    for name in ("feature_names_in_", "feature_names", "feature_name"):
        found = _attribute(model, name)
        found = _called(found) if callable(found) else found
        if found is not None and not isinstance(found, str):
            return [str(each) for each in found]
    return None


def _dtype_taken(model: object) -> str | None:
    """Return the one dtype of floats that a module of torch, or a session of ONNX, takes."""
    inputs = _called(_attribute(model, "get_inputs"))
    for node in inputs or ():
        if found := _FLOATS_OF_ONNX.get(str(_attribute(node, "type"))):
            return found
    parameters = _called(_attribute(model, "parameters"))
    first = next(iter(parameters), None) if isinstance(parameters, Iterator) else None
    return None if first is None else _dtype_name(first)


def _attribute(model: object, name: str) -> Any:
    try:
        return getattr(model, name, None)
    except Exception:  # a property of a model that is not ready for it
        return None


def _called(method: Any) -> Any:
    try:
        return method() if callable(method) else None
    except Exception:  # the same
        return None


def _listed(names: list[str]) -> str:
    more = ", …" if len(names) > _SHOWN_COLUMNS else ""
    return ", ".join(map(repr, names[:_SHOWN_COLUMNS])) + more
