"""The clauses of a filter as sqlparse groups them.

MLflow reads filters with sqlparse, so what is a clause is decided by its tokens: which words are
keywords, and what of a text is one identifier. Only its tokens are used; nothing of a filter
becomes SQL.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import sqlparse
from sqlparse.exceptions import SQLParseError
from sqlparse.sql import Comparison as ComparisonToken
from sqlparse.sql import Identifier, Parenthesis
from sqlparse.tokens import Keyword, Literal

from pedigree._storable import storable_text
from pedigree.catalog.mlflow_search.refusals import RefusedSearchError

MAX_LENGTH = 8_000
"""The characters that are parsed: sqlparse takes longer than in proportion to a text's length."""
_NUMBERS = frozenset({Literal.Number.Integer, Literal.Number.Float})
_ENTITIES = ("attribute", "tag", "tags")
_NULLS = frozenset({"NULL", "NOT NULL"})


class Clause(NamedTuple):
    """A comparison, as sqlparse sees its three parts.

    Args:
        left: The text of the identifier.
        comparator: In upper case.
        right: The text of the value.
        form: What kind of value it is.
    """

    left: str
    comparator: str
    right: str
    form: str


TEXT, NUMBER, FLOAT, LIST, OTHER = "text", "number", "float", "list", "other"


def clauses(text: str) -> list[Clause]:
    """Return the clauses of a filter, which AND joins.

    Raises:
        RefusedSearchError: It has anything else, or is too long.
    """
    if not text:
        return []
    statements = parsed(text, "filter")
    if not statements:
        raise RefusedSearchError(f"Invalid filter '{text}'. Could not be parsed.")
    if len(statements) > 1:
        raise RefusedSearchError(
            f"Search filter contained multiple expression {text!r}. Provide AND-ed expression list."
        )
    found = _grouped([each for each in statements[0].tokens if not each.is_whitespace])
    invalid = [each for each in found if not _is_expected(each)]
    if invalid:
        listed = ", ".join(map(str, invalid))
        raise RefusedSearchError(f"Invalid clause(s) in filter string: {listed}")
    return [_clause(each) for each in found if isinstance(each, list | ComparisonToken)]


def parsed(text: str, what: str) -> Sequence[Any]:
    """Return the statements of a text.

    Raises:
        RefusedSearchError: It is too long, nested too deeply, or has a NUL or a lone surrogate.
    """
    if len(text) > MAX_LENGTH:
        raise RefusedSearchError(
            f"The {what} has {len(text)} characters, more than {MAX_LENGTH}. Split the search."
        )
    if storable_text(text) != text:
        raise RefusedSearchError(f"The {what} has a character that is not allowed in text.")
    try:
        return sqlparse.parse(text)
    except (SQLParseError, RecursionError) as error:
        raise RefusedSearchError(f"Error on parsing {what} '{text}'") from error


def entity_and_key(identifier: str) -> tuple[str, str]:
    """Return what an identifier names, ``attribute``, ``tag`` or ``tags``, and its key as written.

    Raises:
        RefusedSearchError: It names something else.
    """
    entity, dot, key = identifier.partition(".")
    if not dot:
        return "attribute", identifier
    if entity not in _ENTITIES:
        raise RefusedSearchError(
            f"Invalid entity type '{entity}'. Valid entity types are {_ENTITIES}"
        )
    return entity, key


def unquoted(text: str) -> str:
    """Return what is between single or double quotes; the text itself if there are none."""
    for quote in "'\"":
        if (found := without(text, quote)) is not text:
            return found
    return text


def without(text: str, quote: str) -> str:
    """Return what is between two quotes; the text itself if they are not there."""
    is_quoted = len(text) >= 2 and text[0] == quote == text[-1]
    return text[1:-1] if is_quoted else text


def as_set(names: Iterable[str]) -> str:
    """Return names as MLflow shows a set, in an order that is always the same."""
    return "{" + ", ".join(map(repr, sorted(names))) + "}"


def _grouped(tokens: Sequence[Any]) -> list[Any]:
    """Return the tokens, with a list for the tokens of each IN, NOT IN and IS NULL.

    sqlparse does not group those. As MLflow does, it looks at three or four tokens from an
    identifier on, and then goes on after them, whether they are such a comparison or not.
    """
    found: list[Any] = []
    at = 0
    while at < len(tokens):
        left = tokens[at : at + 4]
        if len(left) < 3:
            return found + list(left)
        if not isinstance(left[0], Identifier):
            found.append(left[0])
            at += 1
            continue
        length = _length_of_comparison(left)
        found += [list(left[:length])] if length else left
        at += length or 4
    return found


def _length_of_comparison(tokens: Sequence[Any]) -> int:
    """Return how many tokens from an identifier on are one comparison; 0 if they are none."""
    words = [each.value.upper() if each.ttype is Keyword else None for each in tokens]
    if words[1] == "IN" and isinstance(tokens[2], Parenthesis):
        return 3
    if words[1] == "IS" and words[2] in _NULLS:
        return 3
    is_negated = words[1:3] == ["NOT", "IN"]
    return 4 if is_negated and len(tokens) == 4 and isinstance(tokens[3], Parenthesis) else 0


def _is_expected(token: Any) -> bool:
    return isinstance(token, list | ComparisonToken) or token.match(Keyword, ["AND"])


def _clause(token: Any) -> Clause:
    if isinstance(token, list):
        if len(token) == 3 and token[1].value.upper() == "IS":
            raise RefusedSearchError(
                "IS NULL / IS NOT NULL is not supported for model registry search."
            )
        comparator = " ".join(each.value.upper() for each in token[1:-1])
        return Clause(token[0].value, comparator, token[-1].value, LIST)
    parts = [each for each in token.tokens if not each.is_whitespace]
    if len(parts) != 3:
        raise RefusedSearchError(f"Invalid comparison clause. Expected 3 tokens found {len(parts)}")
    left, comparator, right = parts
    if not isinstance(left, Identifier):
        raise RefusedSearchError(f"Invalid comparison clause. Expected 'Identifier' found '{left}'")
    return Clause(left.value, comparator.value.upper(), right.value, _form(right))


def _form(token: Any) -> str:
    if token.ttype is Literal.String.Single or isinstance(token, Identifier):
        return TEXT
    if isinstance(token, Parenthesis):
        return LIST
    if token.ttype in _NUMBERS:
        return FLOAT if token.ttype is Literal.Number.Float else NUMBER
    return OTHER
