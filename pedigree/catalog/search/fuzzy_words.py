"""The text of MATCH as a query; a word that no name has also matches similar words."""

import re
from collections.abc import Iterable

from psycopg import sql

from pedigree.catalog.search.ast import Expression, comparisons
from pedigree.catalog.search.fields import FIELDS, Kind
from pedigree.catalog.search.parameters import Parameters
from pedigree.postgres.queries import load_queries
from pedigree.postgres.transaction import Transaction

SQL = load_queries(__package__)
_WORD = re.compile(r"[^\W\d_]{4,64}")
_NEAR = 0.4
"""The minimum similarity of two words by pg_trgm: custmer and customer have 0.55."""
_NEIGHBOURS = 3


def tsqueries(transaction: Transaction, expression: Expression | None) -> dict[str, str]:
    """Return each text of a MATCH as the text of a tsquery."""
    texts = {
        str(found.values[0].value)
        for found in comparisons(expression)
        if FIELDS[found.field.name].kind is Kind.WORDS
    }
    return {text: _tsquery(transaction, text) for text in texts}


def _tsquery(transaction: Transaction, text: str) -> str:
    parameters = Parameters()
    query: sql.Composable = sql.SQL("websearch_to_tsquery('pg_catalog.english', {})").format(
        parameters.add(text)
    )
    for word, neighbour in _neighbours(transaction, _WORD.findall(text.lower())):
        given, meant = parameters.add(word), parameters.add(neighbour)
        query = sql.SQL(
            "ts_rewrite({0}, plainto_tsquery('pg_catalog.english', {1}),"
            " plainto_tsquery('pg_catalog.english', {1})"
            " || plainto_tsquery('pg_catalog.english', {2}))"
        ).format(query, given, meant)
    found = transaction.execute(sql.SQL("SELECT ({})::text AS query").format(query), parameters)
    return str((found.fetchone() or {})["query"])


def _neighbours(transaction: Transaction, words: Iterable[str]) -> list[tuple[str, str]]:
    """Return the words that no name has, each with the most similar words of names."""
    wanted = sorted(set(words))
    home = transaction.execute(SQL["trigrams"]).fetchone() if wanted else None
    if home is None:
        return []
    operator = sql.SQL("OPERATOR({}.%%)").format(sql.Identifier(home["home"]))
    similarity = sql.Identifier(home["home"], "similarity")
    statement = sql.SQL(
        "SELECT given.word, near.word AS neighbour"
        " FROM unnest(%(words)s::text[]) AS given (word)"
        " CROSS JOIN LATERAL ("
        " SELECT w.word FROM pedigree.search_word w"
        " WHERE w.word {} given.word AND {}(w.word, given.word) >= %(near)s"
        " ORDER BY {}(w.word, given.word) DESC, w.word LIMIT %(most)s) AS near"
        " WHERE NOT EXISTS (SELECT FROM pedigree.search_word w WHERE w.word = given.word)"
    ).format(operator, similarity, similarity)
    rows = transaction.execute(statement, {"words": wanted, "near": _NEAR, "most": _NEIGHBOURS})
    return [(row["word"], row["neighbour"]) for row in rows.fetchall()]
