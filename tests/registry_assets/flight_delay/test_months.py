"""Parsing of a range of months."""

import pytest

from pedigree.errors import InvalidInputError
from registry_assets.flight_delay.months import MONTHS, months_between


def test_the_partitions_are_the_months_of_2013() -> None:
    assert MONTHS.get_partition_keys() == [f"2013-{month:02}" for month in range(1, 13)]


def test_both_ends_belong_to_the_range() -> None:
    assert months_between("2013-03", "2013-05") == ["2013-03", "2013-04", "2013-05"]
    assert months_between("2013-12", "2013-12") == ["2013-12"]


@pytest.mark.parametrize(
    ("first", "last", "field"),
    [
        ("2012-12", "2013-05", "first_month"),
        ("2013-01", "May", "last_month"),
        ("2013-05", "2013-04", "last_month"),
    ],
)
def test_an_invalid_range_names_the_field(first: str, last: str, field: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        months_between(first, last)
    assert refused.value.field == field
    assert refused.value.remedy
