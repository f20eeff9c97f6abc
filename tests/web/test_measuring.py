"""Texts that must stay within their boxes."""

from hypothesis import given
from hypothesis import strategies as st

from pedigree.server.web.pictures.measuring import ELLIPSIS, shortened, width_of


@given(st.text(max_size=300), st.floats(20, 300), st.booleans(), st.booleans())
def test_a_shortened_text_is_never_wider_than_its_place(
    text: str, most: float, is_bold: bool, keeps_end: bool
) -> None:
    found = shortened(text, most, 12.5, is_bold=is_bold, keeps_end=keeps_end)
    assert width_of(found, 12.5, is_bold=is_bold) <= most
    rest = found.replace(ELLIPSIS, "", 1)
    assert text == found or (text.endswith(rest) if keeps_end else text.startswith(rest))


def test_a_text_that_fits_stays_whole() -> None:
    assert shortened("customers", 100, 12.5) == "customers"


def test_the_end_of_the_key_of_an_asset_is_kept() -> None:
    found = shortened("warehouse/eu/" + "x" * 200 + "/customers", 120, 12.5, keeps_end=True)
    assert found.startswith(ELLIPSIS)
    assert found.endswith("/customers")


def test_wide_characters_count_as_wide() -> None:
    assert width_of("顧客データ", 10) > width_of("customer", 10)
