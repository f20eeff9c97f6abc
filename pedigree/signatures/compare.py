"""Compatibility of two signatures: whether callers of the old model can call the new one.

A caller sends the inputs of the old signature by name, and reads its outputs by name. ``RULES`` and
``WIDENS`` are the complete rules; ``docs/signatures.md`` has the same two tables, and a test
compares them.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from pedigree.signatures.records import Column, ColumnType, Port, Signature, Tensor


class Change(StrEnum):
    """A kind of difference between two signatures, in the words of the documentation."""

    REQUIRED_INPUT_ADDED = "a required input is added"
    OPTIONAL_INPUT_ADDED = "an optional input is added"
    INPUT_REMOVED = "an input is removed"
    INPUT_NOW_REQUIRED = "an optional input becomes required"
    INPUT_NOW_OPTIONAL = "a required input becomes optional"
    INPUT_WIDENED = "an input's type is widened"
    INPUT_RETYPED = "an input's type is narrowed or changed"
    INPUT_SHAPE_WIDENED = "an extent of an input tensor becomes free"
    INPUT_RESHAPED = "an input tensor's rank or a fixed extent changes"
    OUTPUT_ADDED = "an output is added"
    OUTPUT_REMOVED = "an output is removed"
    OUTPUT_NOW_OPTIONAL = "a required output becomes optional"
    OUTPUT_NOW_REQUIRED = "an optional output becomes required"
    OUTPUT_NARROWED = "an output's type is narrowed"
    OUTPUT_RETYPED = "an output's type is widened or changed"
    OUTPUT_SHAPE_NARROWED = "a free extent of an output tensor becomes fixed"
    OUTPUT_RESHAPED = "an output tensor's rank or a fixed extent changes"
    REORDERED = "columns change places"


class Rule(NamedTuple):
    """Whether a change breaks callers, and why."""

    breaks: bool
    why: str


RULES: Mapping[Change, Rule] = {
    Change.REQUIRED_INPUT_ADDED: Rule(True, "the caller does not send it"),
    Change.OPTIONAL_INPUT_ADDED: Rule(False, "the caller can omit it"),
    Change.INPUT_REMOVED: Rule(False, "inputs are matched by name, so the value is ignored"),
    Change.INPUT_NOW_REQUIRED: Rule(True, "a caller that omits it is refused"),
    Change.INPUT_NOW_OPTIONAL: Rule(False, "the caller can still send it"),
    Change.INPUT_WIDENED: Rule(False, "the wider type holds every value that callers send"),
    Change.INPUT_RETYPED: Rule(True, "the new type may not hold a value that callers send"),
    Change.INPUT_SHAPE_WIDENED: Rule(False, "a free extent accepts the old extent"),
    Change.INPUT_RESHAPED: Rule(True, "an array of the old shape is refused"),
    Change.OUTPUT_ADDED: Rule(False, "outputs are read by name, so the new one is ignored"),
    Change.OUTPUT_REMOVED: Rule(True, "the caller reads it"),
    Change.OUTPUT_NOW_OPTIONAL: Rule(True, "the caller reads it, and it may be missing"),
    Change.OUTPUT_NOW_REQUIRED: Rule(False, "the caller already handles its value"),
    Change.OUTPUT_NARROWED: Rule(False, "the old type holds every new value"),
    Change.OUTPUT_RETYPED: Rule(True, "the old type may not hold a new value"),
    Change.OUTPUT_SHAPE_NARROWED: Rule(False, "the caller accepts any extent"),
    Change.OUTPUT_RESHAPED: Rule(True, "the caller reads an array of the old shape"),
    Change.REORDERED: Rule(False, "columns are matched by name"),
}

# From a type to the types that hold each of its values exactly. int64 → float64 is not among them:
# it loses integers above 2**53, and MLflow refuses it in requests.
WIDENS: Mapping[str, frozenset[str]] = {
    "int8": frozenset({"int16", "int32", "int64", "float16", "float32", "float64"}),
    "int16": frozenset({"int32", "int64", "float32", "float64"}),
    "int32": frozenset({"int64", "float64"}),
    "uint8": frozenset(
        {"uint16", "uint32", "uint64", "int16", "int32", "int64", "float16", "float32", "float64"}
    ),
    "uint16": frozenset({"uint32", "uint64", "int32", "int64", "float32", "float64"}),
    "uint32": frozenset({"uint64", "int64", "float64"}),
    "float16": frozenset({"float32", "float64"}),
    "float32": frozenset({"float64"}),
}

_COLUMN_DTYPES: Mapping[ColumnType, str] = {
    ColumnType.INTEGER: "int32",
    ColumnType.LONG: "int64",
    ColumnType.FLOAT: "float32",
    ColumnType.DOUBLE: "float64",
}

_Difference: TypeAlias = tuple[Change, str]


def breaking_changes(old: Signature, new: Signature) -> tuple[str, ...]:
    """Return the changes that break callers of ``old`` if it becomes ``new``, as sentences.

    An empty tuple means that ``new`` can replace ``old``.
    """
    return tuple(sentence for change, sentence in changes(old, new) if RULES[change].breaks)


def changes(old: Signature, new: Signature) -> tuple[tuple[Change, str], ...]:
    """Return all differences between two signatures, breaking or not, with a sentence for each."""
    return (
        *_input_changes(_by_name(old.inputs), _by_name(new.inputs)),
        *_output_changes(_by_name(old.outputs), _by_name(new.outputs)),
        *_order_changes(old, new),
    )


def _by_name(ports: Sequence[Port]) -> dict[str | None, Port]:
    return {port.name: port for port in ports}


def _input_changes(
    old: Mapping[str | None, Port], new: Mapping[str | None, Port]
) -> Iterator[_Difference]:
    for name, port in new.items():
        if name not in old:
            yield _added_input(port)
    for name, before in old.items():
        after = new.get(name)
        if after is None:
            yield Change.INPUT_REMOVED, f"{_title('input', before)} is gone"
            continue
        if after.required and not before.required:
            yield Change.INPUT_NOW_REQUIRED, f"{_title('input', before)} has become required"
        if before.required and not after.required:
            yield Change.INPUT_NOW_OPTIONAL, f"{_title('input', before)} has become optional"
        yield from _input_type_changes(before, after)


def _added_input(port: Port) -> _Difference:
    title = _title("input", port)
    if port.required:
        return Change.REQUIRED_INPUT_ADDED, f"{title} ({_type(port)}) is new and required"
    return Change.OPTIONAL_INPUT_ADDED, f"{title} ({_type(port)}) is new and optional"


def _input_type_changes(before: Port, after: Port) -> Iterator[_Difference]:
    title = _title("input", before)
    if not _same_type(before, after):
        widened = _widens(before, after)
        yield (
            Change.INPUT_WIDENED if widened else Change.INPUT_RETYPED,
            f"{title} was {_type(before)} and is {_type(after)}",
        )
    if isinstance(before, Tensor) and isinstance(after, Tensor) and before.shape != after.shape:
        fits = _shape_holds(wide=after.shape, narrow=before.shape)
        yield (
            Change.INPUT_SHAPE_WIDENED if fits else Change.INPUT_RESHAPED,
            f"{title} had the shape {_shape(before)} and has {_shape(after)}",
        )


def _output_changes(
    old: Mapping[str | None, Port], new: Mapping[str | None, Port]
) -> Iterator[_Difference]:
    for name, port in new.items():
        if name not in old:
            yield Change.OUTPUT_ADDED, f"{_title('output', port)} ({_type(port)}) is new"
    for name, before in old.items():
        after = new.get(name)
        if after is None:
            yield Change.OUTPUT_REMOVED, f"{_title('output', before)} ({_type(before)}) is gone"
            continue
        if before.required and not after.required:
            yield Change.OUTPUT_NOW_OPTIONAL, f"{_title('output', before)} has become optional"
        if after.required and not before.required:
            yield Change.OUTPUT_NOW_REQUIRED, f"{_title('output', before)} has become required"
        yield from _output_type_changes(before, after)


def _output_type_changes(before: Port, after: Port) -> Iterator[_Difference]:
    title = _title("output", before)
    if not _same_type(before, after):
        narrowed = _widens(after, before)
        yield (
            Change.OUTPUT_NARROWED if narrowed else Change.OUTPUT_RETYPED,
            f"{title} was {_type(before)} and is {_type(after)}",
        )
    if isinstance(before, Tensor) and isinstance(after, Tensor) and before.shape != after.shape:
        fits = _shape_holds(wide=before.shape, narrow=after.shape)
        yield (
            Change.OUTPUT_SHAPE_NARROWED if fits else Change.OUTPUT_RESHAPED,
            f"{title} had the shape {_shape(before)} and has {_shape(after)}",
        )


def _order_changes(old: Signature, new: Signature) -> Iterator[_Difference]:
    for role, before, after in (
        ("inputs", old.inputs, new.inputs),
        ("outputs", old.outputs, new.outputs),
    ):
        shared = {port.name for port in before} & {port.name for port in after}
        kept = [[port.name for port in ports if port.name in shared] for ports in (before, after)]
        if kept[0] != kept[1]:
            yield Change.REORDERED, f"the {role} are in a different order"


def _same_type(one: Port, other: Port) -> bool:
    return one.kind == other.kind and _dtype(one) == _dtype(other)


def _widens(narrow: Port, wide: Port) -> bool:
    return narrow.kind == wide.kind and _dtype(wide) in WIDENS.get(_dtype(narrow), frozenset())


def _dtype(port: Port) -> str:
    if isinstance(port, Column):
        return _COLUMN_DTYPES.get(port.type, port.type.value)
    return port.dtype


def _shape_holds(*, wide: Sequence[int], narrow: Sequence[int]) -> bool:
    return len(wide) == len(narrow) and all(
        outer in {-1, inner} for outer, inner in zip(wide, narrow, strict=True)
    )


def _title(role: str, port: Port) -> str:
    return f"the {role}" if port.name is None else f"{role} {port.name!r}"


def _type(port: Port) -> str:
    return port.type.value if isinstance(port, Column) else f"a tensor of {port.dtype}"


def _shape(tensor: Tensor) -> str:
    return f"({', '.join('any' if extent == -1 else str(extent) for extent in tensor.shape)})"
