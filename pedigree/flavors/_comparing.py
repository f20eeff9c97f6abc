"""Comparison of a saved model's outputs with the model's own: bit for bit, or within its spread."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from pedigree.flavors._answers import Leaf

Answer = Sequence[Leaf]
_LONGEST_VALUE = 80


class Difference(NamedTuple):
    """The first place where two outputs differ, with both values."""

    place: str
    expected: str
    found: str


class Compared(NamedTuple):
    """How an output compares with those of the model itself."""

    difference: Difference | None
    varies: bool = False
    """The model returned different outputs."""
    spread: float | None = None
    """The largest distance between their numbers; None if they are equal."""


def outline(answer: Answer) -> list[tuple[str, str, str | None]]:
    """Return the structure of an output, without its values."""
    return [(leaf.place, leaf.kind, leaf.dtype) for leaf in answer]


def compare(own: Sequence[Answer], found: Answer) -> Compared:
    """Compare an output with those of the model itself for the same sample.

    Args:
        own: The model's outputs, one or more, with the same outline.
        found: The output of the saved bytes.
    """
    if difference := _other_outline(own[0], found):
        return Compared(difference)
    varies, spread = False, None
    for index, leaf in enumerate(found):
        variants = [answer[index] for answer in own]
        if any(variant != variants[0] for variant in variants):
            varies = True
            if leaf.dtype is not None:
                spread = max(spread or 0.0, _spread(variants))
        if leaf not in variants and (difference := _outside(variants, leaf)):
            return Compared(difference, varies, spread)
    return Compared(None, varies, spread)


def _other_outline(expected: Answer, found: Answer) -> Difference | None:
    left, right = outline(expected), outline(found)
    for (place, left_kind, left_dtype), other in zip(left, right, strict=False):
        if (place, left_kind, left_dtype) != other:
            return Difference(place, left_kind, other[1])
    if len(left) == len(right):
        return None
    place, kind, _ = max(left, right, key=len)[min(len(left), len(right))]
    return Difference(place, *((kind, "nothing") if len(left) > len(right) else ("nothing", kind)))


def _spread(variants: Sequence[Leaf]) -> float:
    """Return the largest distance between two of the model's own numbers at one place."""
    import numpy as np  # noqa: PLC0415 - loaded if there are arrays

    values = np.stack([_numbers(variant) for variant in variants])
    with np.errstate(invalid="ignore"):
        apart = np.abs(values[:, None] - values[None, :])
    finite = apart[np.isfinite(apart)]
    return float(finite.max()) if finite.size else 0.0


def _outside(variants: Sequence[Leaf], found: Leaf) -> Difference | None:
    """Return the first value outside of the range of the model's own outputs, if there is one."""
    if found.dtype is not None:
        return _outside_numbers(variants, found)
    if not found.texts or len(found.texts) != len(variants[0].texts):
        return Difference(found.place, _cut(variants[0].data.hex()), _cut(found.data.hex()))
    # As tolerant as the spread of numbers: a text that the model returned anywhere is accepted.
    varies = any(variant != variants[0] for variant in variants)
    given = {text for variant in variants for text in variant.texts} if varies else set()
    for index, text in enumerate(found.texts):
        if text not in given and variants[0].texts[index] != text:
            where = f"{found.place}[{index}]"
            return Difference(where, _cut(variants[0].texts[index]), _cut(text))
    return None


def _outside_numbers(variants: Sequence[Leaf], found: Leaf) -> Difference | None:
    import numpy as np  # noqa: PLC0415 - loaded if there are arrays

    saved = _numbers(found)
    own = np.stack([_numbers(variant) for variant in variants])
    # A deterministic model has no spread: the bits must be equal.
    deterministic = all(variant == variants[0] for variant in variants)
    same = np.stack([_same_bits(variant, found) for variant in variants]).any(axis=0)
    if not deterministic:
        with np.errstate(invalid="ignore"):
            near = (np.abs(own - saved) <= _spread(variants)).any(axis=0)
        same |= near | (np.isnan(own).any(axis=0) & np.isnan(saved))
    outside = np.flatnonzero(~same)
    if not outside.size:
        return None
    first = int(outside[0])
    more = f" and at {outside.size - 1} more of {saved.size}" if outside.size > 1 else ""
    where = f"{found.place}[{first}]{more}"
    return Difference(where, _value(variants[0], first), _value(found, first))


def _numbers(leaf: Leaf) -> Any:
    """Return an array's numbers in a type that is wide enough for differences."""
    import numpy as np  # noqa: PLC0415 - loaded if there are arrays

    values = np.frombuffer(leaf.data, dtype=leaf.dtype)
    return values.astype("complex128" if values.dtype.kind == "c" else "float64")


def _same_bits(one: Leaf, other: Leaf) -> Any:
    import numpy as np  # noqa: PLC0415 - loaded if there are arrays

    size = np.dtype(one.dtype).itemsize
    left, right = (np.frombuffer(leaf.data, "u1").reshape(-1, size) for leaf in (one, other))
    return (left == right).all(axis=1)


def _value(leaf: Leaf, index: int) -> str:
    import numpy as np  # noqa: PLC0415 - loaded if there are arrays

    return repr(np.frombuffer(leaf.data, dtype=leaf.dtype)[index].item())


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
