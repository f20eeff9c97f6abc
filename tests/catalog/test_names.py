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


@pytest.mark.parametrize(
    "twin",
    [
        "Churn \uff26it",  # full-width
        "churn ﬁt",  # a ligature
        "CHURN FIT",
        "churn\u00a0fit",  # a space that does not break
        "ᶜhurn fit",  # a raised letter
    ],
)
def test_a_name_in_another_character_form_has_the_same_key(twin: str) -> None:
    assert name_key(twin) == name_key("churn fit")


@pytest.mark.parametrize("hidden", ["\u200d", "\ufe0f", "\u034f", "\u3164", "\u2060", "\u00ad"])
def test_an_invisible_character_is_refused(hidden: str) -> None:
    with pytest.raises(InvalidNameError):
        validate_name(f"chu{hidden}rn")


def test_a_name_that_grows_by_normalization_is_refused() -> None:
    with pytest.raises(InvalidNameError, match="too long after Unicode normalization"):
        validate_name("\ufdfa" * 200)  # one character for a phrase of eighteen


@pytest.mark.parametrize("alias", ["\uff4catest", "\uff363", "\u017ftaging"])
def test_an_alias_equivalent_to_a_reserved_word_is_refused(alias: str) -> None:
    with pytest.raises(InvalidAliasError):
        validate_alias(alias, frozenset({"staging"}))
