"""Canonical JSON is what RFC 8785 requires, on whichever path it is written."""

import json
import math
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from pedigree._canonical_json import canonical_json
from pedigree.errors import InvalidInputError

# Characters around which the two orders of names differ, and those that are escaped.
TEXTS = st.text(st.characters() | st.sampled_from('\x00\x1f"\\/\x7f\u2028\ud800\ue000\uffff😀𐀀'))
EDGES = [0.0, -0.0, 1e-4, 9.999e-5, 1e-6, 1e-7, 5e-324, 1e15, 1e16, 1e20, 1e21, 2.0**53, 1.7e308]
NUMBERS = (
    st.integers()
    | st.sampled_from([2**53 - 1, 2**53, -(2**53), 10**400])
    | st.floats()
    | st.sampled_from([*EDGES, *(math.nextafter(each, 0) for each in EDGES)])
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(TEXTS, inner),
)


@given(VALUES)
@example({"😀": 1, "\uffff": 2})
@example({"\ue000": {"𐀀": 1.0, "a": -0.0}})
@example([1e16, 1e-5, 123456789.125, 2**53 - 1])
@example({1: "a"})
@example({"\ud800": 1})
def test_bytes_are_those_of_the_rfc(value: Any) -> None:
    try:
        expected = rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError):
        with pytest.raises(InvalidInputError, match="no canonical JSON"):
            canonical_json(value)
    else:
        assert canonical_json(value) == expected


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_read_again_as_they_were(value: float) -> None:
    assert float(json.loads(canonical_json(value))) == value


def test_numbers_are_those_that_ecmascript_writes() -> None:
    # From RFC 8785, appendix B, and the bounds of each notation.
    written = {
        333333333.33333329: "333333333.3333333",
        1e30: "1e+30",
        4.50: "4.5",
        2e-3: "0.002",
        1e-27: "1e-27",
        1e21: "1e+21",
        1e20: "100000000000000000000",
        1e-6: "0.000001",
        1e-7: "1e-7",
        9007199254740992.0: "9007199254740992",
        -0.0: "0",
    }
    assert {value: canonical_json(value).decode() for value in written} == written
