"""A process runs few searches at once."""

import pytest

from pedigree.errors import DatabaseBusyError
from pedigree.postgres import _search_places
from pedigree.postgres._search_places import SearchPlaces


def test_a_search_without_a_place_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_search_places, "_LONGEST_WAIT_S", 0.01)
    places = SearchPlaces(1)
    with places.taken():
        with pytest.raises(DatabaseBusyError, match="1 searches run already"), places.taken():
            pass
        with places.renewed().taken():  # as in a forked process
            pass
    with places.taken():
        pass
