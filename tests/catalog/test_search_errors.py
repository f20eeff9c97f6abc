"""An invalid filter is refused at the wrong place, and never reaches the database."""

import pytest

from pedigree.catalog.search.grammar import parse_filter
from pedigree.catalog.search.ordering import parse_order
from pedigree.errors import InvalidSearchError

# The place is marked with brackets.
WRONG = [
    ("[tgas.team] = 'x'", "no field 'tgas'"),
    ("[tags] = 'x'", "its key is missing"),
    ("[stage.x] = 'x'", "it has no keys"),
    ("stage [~] 'x'", "an operator is missing"),
    ("stage [MATCH] 'x'", "stage does not accept MATCH"),
    ("text [=] 'x'", "text does not accept ="),
    ("metrics.auc [LIKE] 'x'", "metrics.auc does not accept LIKE"),
    ("stage = [3]", "another type is needed: text"),
    ("metrics.auc > ['x']", "another type is needed: number"),
    ("metrics.auc > [true]", "another type is needed: number"),
    ("created_at > ['yesterday']", "another type is needed: time"),
    ("git_dirty = ['yes']", "another type is needed: true or false"),
    ("risk_class = ['hgih']", "there is no 'hgih' here"),
    ("size > [1e999]", "too large"),
    ("name LIKE ['a\\']", "the pattern ends"),
    ("name IN [)]", "a list is missing"),
    ("name IN ('a'[ 'b'])", "a list is not closed"),
    ("size BETWEEN 1 [OR] 2", "only one bound"),
    ("name IS ['x']", "followed by NULL"),
    ("(name = 'x'[ ]", "a parenthesis is not closed"),
    ("name = 'x' [name] = 'y'", "is not expected"),
    ("name = ['x]", "a quote is not closed"),
    ("lineage.flights[/]raw IS NULL", "an operator is missing"),
    # What SQL would understand.
    ("name = 'x'[;] DROP TABLE pedigree.event", "is not expected"),
    ("name = 'x'[ -- and so on]", "a comment"),
    ("name = 'x'[ /* and so on */]", "a comment"),
    ("[-- all]", "a comment"),
    ("name = [(]SELECT 1)", "a value is missing"),
    ("name IN ([SELECT] name FROM pedigree.event)", "a value is missing"),
    ("[pg_sleep](10) = 1", "no field 'pg_sleep'"),
    ("name[::]int = 1", "an operator is missing"),
    ("name = 'x'[::]text", "is not expected"),
    ("name = [CAST]('x' AS text)", "a value is missing"),
    ("name = [$1]", "a value is missing"),
    ("name = [%](p0)s", "a value is missing"),
    ("name = ['a'] || 'b'", None),
    ("[EXISTS] (SELECT 1)", "no field 'exists'"),
    ("[s.name] = 'x'", "no field 's'"),
    ("[{]{name}} = 'x'", "a field is missing"),
    ("name = 'x' [UNION] SELECT 1", "is not expected"),
]


@pytest.mark.parametrize(("marked", "message"), WRONG)
def test_a_wrong_filter_is_refused_at_the_place(marked: str, message: str | None) -> None:
    text = marked.replace("[", "").replace("]", "")
    with pytest.raises(InvalidSearchError) as refused:
        parse_filter(text)
    if message is not None:
        assert message in str(refused.value)
        assert refused.value.place[0] <= len(text)
        start = marked.index("[")
        assert abs(refused.value.place[0] - start) <= 1, refused.value
    assert "^" in str(refused.value)


def test_the_message_shows_the_line_with_carets_and_what_is_allowed() -> None:
    with pytest.raises(InvalidSearchError) as refused:
        parse_filter("name = 'x'\n  AND risk_class = 'hgih'\n  AND version = 1")
    assert str(refused.value) == (
        "filter: there is no 'hgih' here, at character 31."
        " Allowed here: minimal, limited, high, unacceptable.\n"
        "    AND risk_class = 'hgih'\n"
        "                     ^^^^^^"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = 'x' OR " * 700 + "name = 'x'", "more than 8000"),
        (" OR ".join(["size=1"] * 201), "more than 200 values"),
        (f"size IN ({','.join('1' * 201)})", "more than 200 values"),
        (" AND ".join(["size IS NULL"] * 201), "more than 200 values"),
        ("(" * 21 + "size = 1" + ")" * 21, "more than 20 deep"),
        ("NOT " * 1_000 + "size = 1", "more than 20 deep"),
        ("(" * 5_000, "more than 20 deep"),
        ("name = '\0'", "a character that is not allowed in text"),
        ("name = '\ud800'", "a character that is not allowed in text"),
        (f"size > {'9' * 7_000}", "too large"),
    ],
)
def test_a_filter_above_the_limits_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidSearchError, match=message):
        parse_filter(text)


@pytest.mark.parametrize(
    "text", ["nobody", "text", "owner", "name; DROP", "name,", "", "metrics", "name DOWN", "a(b)"]
)
def test_a_wrong_order_is_refused(text: str) -> None:
    with pytest.raises(InvalidSearchError, match="order_by"):
        parse_order(text)


def test_too_many_keys_are_refused() -> None:
    with pytest.raises(InvalidSearchError, match="more than 5 keys"):
        parse_order(["name"] * 6)
