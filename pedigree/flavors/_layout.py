"""Memory layout of a model's arrays, which affects the last bits of predictions.

A file keeps the numbers of a strided array, not its strides. After loading, compiled code sums the
numbers in a different order, and the last bits of a prediction can differ.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def laid_out_as_loaded(model: object) -> Iterator[bool]:
    """Give a model's arrays the layout that they have after loading; yield whether any changed.

    Attributes are replaced by equal arrays and restored at the end of the block. No method of the
    model is called.
    """
    replaced: list[tuple[dict[str, Any], str, Any]] = []
    try:
        for fields in _fields_within(model, set()):
            for name, value in list(fields.items()):
                if _is_strided(value):
                    replaced.append((fields, name, value))
                    fields[name] = value.copy(order="C")
        yield bool(replaced)
    finally:
        for fields, name, value in replaced:
            fields[name] = value


def _is_strided(value: Any) -> bool:
    flags = getattr(value, "flags", None)
    if type(value).__module__ != "numpy" or flags is None or not hasattr(value, "strides"):
        return False
    return not (flags.c_contiguous or flags.f_contiguous)


def _fields_within(value: Any, seen: set[int]) -> Iterator[dict[str, Any]]:
    """Yield the attributes of an object and of the objects in it, each once."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, list | tuple):
        parts = list(value)
    elif isinstance(value, dict):
        parts = list(value.values())
    elif isinstance(fields := getattr(value, "__dict__", None), dict):
        yield fields
        parts = list(fields.values())
    else:
        return
    for part in parts:
        yield from _fields_within(part, seen)
