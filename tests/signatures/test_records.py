import pytest
from pydantic import ValidationError

from pedigree.signatures.records import Column, ColumnType, Signature, Tensor

AGE = Column(name="age", type=ColumnType.LONG)
ARRAY = Tensor(dtype="float32", shape=(-1,))


@pytest.mark.parametrize(
    ("ports", "message"),
    [
        ((AGE, AGE), "'age' is given twice"),
        ((ARRAY, ARRAY), "None is given twice"),
        ((AGE, ARRAY), "must be the only one"),
        ((), "at least 1 item"),
    ],
)
def test_the_ports_of_a_signature_have_distinct_names(
    ports: tuple[Column | Tensor, ...], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        Signature(inputs=ports, outputs=(ARRAY,))


def test_an_extent_is_free_or_a_size() -> None:
    with pytest.raises(ValidationError):
        Tensor(dtype="float32", shape=(-2,))


def test_a_signature_survives_json() -> None:
    signature = Signature(inputs=(AGE,), outputs=(ARRAY,))
    assert Signature.model_validate_json(signature.model_dump_json()) == signature
