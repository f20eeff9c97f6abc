import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedigree.catalog.references import parse_reference
from pedigree.errors import InvalidReferenceError


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("churn/3", "churn/3"),
        ("churn@champion", "churn@champion"),
        ("churn@production", "churn@production"),
        ("churn@latest", "churn@latest"),
        ("my churn model/12", "my churn model/12"),
        ("models:/churn/3", "churn/3"),
        ("models:/churn@champion", "churn@champion"),
        ("models:/churn/Production", "churn@production"),
        ("models:/churn/latest", "churn@latest"),
    ],
)
def test_every_spelling_is_read(text: str, meaning: str) -> None:
    assert str(parse_reference(text)) == meaning


@pytest.mark.parametrize(
    "text",
    [
        "",
        "churn",
        "churn/",
        "churn/0",
        "churn/-1",
        "churn/x",
        "churn@",
        "a/b/3",
        "/3",
        "@x",
        "c/01",
    ],
)
def test_what_names_no_version_is_refused_with_the_forms_that_do(text: str) -> None:
    with pytest.raises(InvalidReferenceError, match="Write NAME/3"):
        parse_reference(text)


@given(st.integers(min_value=1, max_value=10**9 - 1))
def test_a_reference_reads_as_it_is_written(version: int) -> None:
    assert parse_reference(str(parse_reference(f"churn/{version}"))).version == version
