"""The same numbers laid out otherwise in memory: what a file keeps of an array, and sums by.

Of an array that is a slice of another a file keeps the numbers, not the strides. Compiled code adds
them in another order then, and the last bits of what a model predicts differ.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def laid_out_as_loaded(model: object) -> Iterator[bool]:
    """Let a model's arrays lie as they do once loaded, for a while; give whether any did not.

    Only attributes are replaced, by equal arrays, and put back: nothing that a model does when it
    is stored has a part in it.
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
    """Yield the attributes of an object and of those that it holds, each once."""
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
