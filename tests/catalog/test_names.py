import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedigree.catalog.names import name_key, validate_alias, validate_name
from pedigree.errors import InvalidAliasError, InvalidNameError


@pytest.mark.parametrize(
    "name", ["churn", "customer churn", "Größe", "a.b-c_d", "模型", "x" * 256, "v1", "latest"]
)
def test_a_good_name_is_taken_as_it_is(name: str) -> None:
    assert validate_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x" * 257,
        "a/b",
        "a\\b",
        "a:b",
        "a@b",
        "a%2fb",
        "a#b",
        " a",
        "a ",
        ".a",
        "a.",
        "a\nb",
        "a\x00b",
        "a\u200bb",  # zero width space
        "a\u202eb",  # right-to-left override
        "e\u0301",  # NFD
        "\ud800",
    ],
)
def test_a_bad_name_is_refused_with_field_value_and_remedy(name: str) -> None:
    with pytest.raises(InvalidNameError) as caught:
        validate_name(name)
    assert caught.value.field == "name"
    assert caught.value.value == name
    assert caught.value.remedy


@given(st.text(min_size=1, max_size=20))
def test_names_that_differ_by_case_only_have_one_key(name: str) -> None:
    assert name_key(name) == name_key(name_key(name))
    assert name_key(name.upper().casefold()) == name_key(name.upper())


@pytest.mark.parametrize("alias", ["champion", "a-b_c", "x" * 255, "Prüfling"])
def test_a_good_alias_is_taken(alias: str) -> None:
    assert validate_alias(alias, frozenset({"staging"})) == alias


@pytest.mark.parametrize(
    "alias", ["", "latest", "Latest", "v3", "V3", "staging", "none", "a b", "a/b", "x" * 256]
)
def test_a_bad_alias_is_refused(alias: str) -> None:
    with pytest.raises(InvalidAliasError) as caught:
        validate_alias(alias, frozenset({"staging"}))
    assert caught.value.field == "alias"
