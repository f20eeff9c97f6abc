from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedigree.signatures.compare import RULES, WIDENS, Change, breaking_changes, changes
from pedigree.signatures.records import Column, ColumnType, Port, Signature, Tensor
from tests.documents import assert_part_current

LONG, DOUBLE, INTEGER, FLOAT = (
    ColumnType.LONG,
    ColumnType.DOUBLE,
    ColumnType.INTEGER,
    ColumnType.FLOAT,
)
SCORE = Column(name="score", type=DOUBLE)
AGE = Column(name="age", type=LONG)
OPTIONAL_AGE = Column(name="age", type=LONG, required=False)


def takes(*inputs: Port) -> Signature:
    return Signature(inputs=inputs, outputs=(SCORE,))


def gives(*outputs: Port) -> Signature:
    return Signature(inputs=(AGE,), outputs=outputs)


def column(kind: ColumnType, name: str = "x", *, required: bool = True) -> Column:
    return Column(name=name, type=kind, required=required)


def tensor(dtype: str = "float32", shape: Sequence[int] = (-1,), name: str | None = None) -> Tensor:
    return Tensor(name=name, dtype=dtype, shape=tuple(shape))


NEW = column(ColumnType.STRING, "plan")
CASES: list[tuple[Change, Signature, Signature]] = [
    (Change.REQUIRED_INPUT_ADDED, takes(AGE), takes(AGE, NEW)),
    (
        Change.OPTIONAL_INPUT_ADDED,
        takes(AGE),
        takes(AGE, NEW.model_copy(update={"required": False})),
    ),
    (Change.INPUT_REMOVED, takes(AGE, NEW), takes(AGE)),
    (Change.INPUT_NOW_REQUIRED, takes(OPTIONAL_AGE), takes(AGE)),
    (Change.INPUT_NOW_OPTIONAL, takes(AGE), takes(OPTIONAL_AGE)),
    (Change.INPUT_WIDENED, takes(column(INTEGER)), takes(column(LONG))),
    (Change.INPUT_WIDENED, takes(column(INTEGER)), takes(column(DOUBLE))),
    (Change.INPUT_WIDENED, takes(column(FLOAT)), takes(column(DOUBLE))),
    (Change.INPUT_WIDENED, takes(tensor("uint8")), takes(tensor("float32"))),
    (Change.INPUT_RETYPED, takes(column(LONG)), takes(column(INTEGER))),
    (Change.INPUT_RETYPED, takes(column(LONG)), takes(column(DOUBLE))),
    (Change.INPUT_RETYPED, takes(column(LONG)), takes(column(ColumnType.STRING))),
    (Change.INPUT_RETYPED, takes(column(ColumnType.BOOLEAN)), takes(column(LONG))),
    (Change.INPUT_RETYPED, takes(column(LONG)), takes(tensor("int64", name="x"))),
    (Change.INPUT_SHAPE_WIDENED, takes(tensor(shape=(-1, 3))), takes(tensor(shape=(-1, -1)))),
    (Change.INPUT_RESHAPED, takes(tensor(shape=(-1, 3))), takes(tensor(shape=(-1, 4)))),
    (Change.INPUT_RESHAPED, takes(tensor(shape=(-1, -1))), takes(tensor(shape=(-1, 4)))),
    (Change.INPUT_RESHAPED, takes(tensor(shape=(-1,))), takes(tensor(shape=(-1, 1)))),
    (Change.OUTPUT_ADDED, gives(SCORE), gives(SCORE, NEW)),
    (Change.OUTPUT_REMOVED, gives(SCORE, NEW), gives(SCORE)),
    (Change.OUTPUT_NOW_OPTIONAL, gives(AGE), gives(OPTIONAL_AGE)),
    (Change.OUTPUT_NOW_REQUIRED, gives(OPTIONAL_AGE), gives(AGE)),
    (Change.OUTPUT_NARROWED, gives(column(DOUBLE)), gives(column(FLOAT))),
    (Change.OUTPUT_RETYPED, gives(column(FLOAT)), gives(column(DOUBLE))),
    (Change.OUTPUT_RETYPED, gives(tensor("int64")), gives(tensor("str"))),
    (Change.OUTPUT_SHAPE_NARROWED, gives(tensor(shape=(-1, -1))), gives(tensor(shape=(-1, 2)))),
    (Change.OUTPUT_RESHAPED, gives(tensor(shape=(-1, 2))), gives(tensor(shape=(-1, -1)))),
    (Change.REORDERED, takes(AGE, NEW), takes(NEW, AGE)),
    (Change.REORDERED, gives(AGE, NEW), gives(NEW, AGE)),
]


@pytest.mark.parametrize(("change", "old", "new"), CASES, ids=[case[0].name for case in CASES])
def test_each_change_is_detected_and_classified_by_its_rule(
    change: Change, old: Signature, new: Signature
) -> None:
    assert [found for found, _ in changes(old, new)] == [change]
    assert bool(breaking_changes(old, new)) == RULES[change].breaks


def test_every_rule_has_a_case() -> None:
    assert {change for change, _, _ in CASES} == set(Change) == set(RULES)


def test_a_sentence_names_the_column_and_both_types() -> None:
    old = takes(column(LONG, "tenure"))
    new = takes(column(ColumnType.STRING, "tenure"), NEW)
    assert breaking_changes(old, new) == (
        "input 'plan' (string) is new and required",
        "input 'tenure' was long and is string",
    )


def test_a_frame_and_an_array_are_incompatible() -> None:
    assert breaking_changes(takes(AGE), takes(tensor("int64"))) == (
        "the input (a tensor of int64) is new and required",
    )


def test_widening_is_a_strict_order() -> None:
    for narrow, wider in WIDENS.items():
        assert narrow not in wider
        for wide in wider:
            assert WIDENS.get(wide, frozenset()) <= wider  # wider than wider is wider


columns = st.builds(
    Column,
    name=st.sampled_from("abcd"),
    type=st.sampled_from(ColumnType),
    required=st.booleans(),
)
tensors = st.builds(
    Tensor,
    name=st.sampled_from("abcd"),
    dtype=st.sampled_from([*WIDENS, "float64", "int64", "str"]),
    shape=st.lists(st.sampled_from([-1, 1, 2]), max_size=3).map(tuple),
)
ports = st.lists(columns | tensors, min_size=1, max_size=4, unique_by=lambda port: port.name)
signatures = st.builds(
    lambda inputs, outputs: Signature(inputs=tuple(inputs), outputs=tuple(outputs)), ports, ports
)


@given(signatures)
def test_nothing_changes_between_a_signature_and_itself(signature: Signature) -> None:
    assert changes(signature, signature) == ()


@given(signatures, st.randoms(use_true_random=False))
def test_a_different_order_breaks_nothing(signature: Signature, random: object) -> None:
    inputs = list(signature.inputs)
    random.shuffle(inputs)  # type: ignore[attr-defined]  # hypothesis types its Random as object
    shuffled = Signature(inputs=tuple(inputs), outputs=signature.outputs[::-1])
    assert breaking_changes(signature, shuffled) == ()


@given(signatures, signatures)
def test_every_difference_is_detected(old: Signature, new: Signature) -> None:
    assert bool(changes(old, new)) == (old != new)


@given(signatures, signatures)
def test_breaking_input_changes_do_not_depend_on_the_outputs(
    old: Signature, new: Signature
) -> None:
    alone = breaking_changes(
        Signature(inputs=old.inputs, outputs=(SCORE,)),
        Signature(inputs=new.inputs, outputs=(SCORE,)),
    )
    assert set(alone) <= set(breaking_changes(old, new))


@given(signatures, signatures, signatures)
def test_compatible_steps_are_compatible_as_one_step(
    first: Signature, second: Signature, third: Signature
) -> None:
    # Not if an input is removed and added again with another type: old callers still send it.
    names = [{port.name for port in each.inputs} for each in (first, second, third)]
    if names[0] == names[1] == names[2] and not (
        breaking_changes(first, second) or breaking_changes(second, third)
    ):
        assert breaking_changes(first, third) == ()


def test_the_documentation_has_the_same_rules() -> None:
    rows = [
        f"| {change.value} | {'**breaks**' if rule.breaks else 'fine'} | {rule.why} |"
        for change, rule in RULES.items()
    ]
    table = "\n".join(["| Change | Verdict | Why |", "|---|---|---|", *rows])
    assert_part_current("docs/signatures.md", "rules", table)


def test_the_documentation_has_the_same_widenings() -> None:
    rows = [
        f"| {narrow} | {', '.join(sorted(wider, key=_by_width))} |"
        for narrow, wider in WIDENS.items()
    ]
    table = "\n".join(["| From | To any of |", "|---|---|", *rows])
    assert_part_current("docs/signatures.md", "widens", table)


def _by_width(dtype: str) -> tuple[str, int]:
    kind = dtype.rstrip("0123456789")
    return kind, int(dtype.removeprefix(kind))
