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
def test_an_invalid_reference_is_refused_with_the_valid_forms(text: str) -> None:
    with pytest.raises(InvalidReferenceError, match="Write NAME/3"):
        parse_reference(text)


@given(st.integers(min_value=1, max_value=10**9 - 1))
def test_a_reference_reads_as_it_is_written(version: int) -> None:
    assert parse_reference(str(parse_reference(f"churn/{version}"))).version == version


@pytest.mark.parametrize(
    "text",
    [
        "churn/1\u0663",  # a digit of another script after an ASCII digit
        "churn/\u0661",
        "churn/\uff13",
        "churn/1_0",
        "churn/+3",
        "churn/ 3",
        "churn/3 ",
        "churn/3\n",
        "models:/churn/1\u0663",
        "models:/churn/\u0663",
        "models:/churn/1_0 ",
        "models:/churn/007",
        "models:/churn/\u00b3",
    ],
)
def test_a_number_has_only_ascii_digits(text: str) -> None:
    with pytest.raises(InvalidReferenceError, match="names no version"):
        parse_reference(text)


@pytest.mark.parametrize("text", ["churn@Latest", "churn@\uff2catest", "models:/churn/LATEST"])
def test_latest_is_read_in_any_form(text: str) -> None:
    assert str(parse_reference(text)) == "churn@latest"


def test_a_stage_with_a_hyphen_is_read_in_mlflow_s_spelling() -> None:
    assert str(parse_reference("models:/churn/Pre-Production")) == "churn@pre-production"
