"""Parse a filter: sqlglot's tokens and boolean structure, around comparisons of our own.

The dialect has only the words of this grammar. Anything else of SQL is an error at that place, so
no function, cast, subquery or comment gets through.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, ClassVar, NoReturn

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import TokenError
from sqlglot.parser import Parser
from sqlglot.tokenizer_core import Token, TokenType
from sqlglot.tokens import Tokenizer

from pedigree.catalog.search.ast import Comparison, Expression, Field, FieldPlace, Literal
from pedigree.catalog.search.fields import check_comparison, check_field
from pedigree.catalog.search.parsed_tree import ComparisonLeaf, folded
from pedigree.errors import InvalidSearchError

MAX_LENGTH = 8_000
MAX_TERMS = 200
"""The maximum number of values in a filter; a comparison with NULL counts as one."""
MAX_DEPTH = 20
"""The maximum nesting of parentheses and NOT."""

_NUMBER = re.compile(r"(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
_WORD = re.compile(r"[^\W\d]\w*")
_SYMBOLS = {"=": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_COMPARING = {*_SYMBOLS, "MATCH"}
_OPERATORS = (*_SYMBOLS, "LIKE", "ILIKE", "IN", "BETWEEN", "IS NULL", "MATCH")


@lru_cache(maxsize=512)
def parse_filter(text: str) -> Expression | None:
    """Return the syntax tree of a filter; None if it is empty.

    Raises:
        InvalidSearchError: It cannot be read, or has a field, an operator or a value that is not
            allowed; the message points at the place and lists what is.
    """
    _check_text(text)
    tokens = _tokens(text)
    return _GrammarParser(text).read(tokens) if tokens else None


def _check_text(text: str) -> None:
    if len(text) > MAX_LENGTH:
        raise InvalidSearchError(
            f"the filter has {len(text)} characters, more than {MAX_LENGTH}",
            expression=text,
            place=(MAX_LENGTH, MAX_LENGTH + 1),
            remedy="Shorten it, or split the search",
        )
    for index, char in enumerate(text):
        if char == "\0" or "\ud800" <= char <= "\udfff":
            raise InvalidSearchError(
                "a character that is not allowed in text",
                expression=text,
                place=(index, index + 1),
                remedy="Remove it",
            )


def _tokens(text: str) -> list[Token]:
    try:
        tokens = _Grammar().tokenize(text)
    except TokenError:
        quote = max(text.rfind("'"), text.rfind('"'), 0)
        raise InvalidSearchError(
            "a quote is not closed",
            expression=text,
            place=(quote, len(text)),
            remedy="Close it; a quote inside a text is written twice, as in 'it''s'",
        ) from None
    commented = next((token.end + 1 for token in tokens if token.comments), 0)
    if commented or (text.strip() and not tokens):
        place = (commented, len(text))
        raise InvalidSearchError(
            "a comment is not allowed", expression=text, place=place, remedy="Remove it"
        )
    return tokens


class _GrammarTokenizer(Tokenizer):
    QUOTES: ClassVar[list[Any]] = ["'"]
    IDENTIFIERS: ClassVar[list[Any]] = ['"']
    COMMENTS: ClassVar[list[Any]] = []
    KEYWORDS: ClassVar[dict[str, TokenType]] = {
        "AND": TokenType.AND,
        "OR": TokenType.OR,
        "NOT": TokenType.NOT,
        "!=": TokenType.NEQ,
        "<>": TokenType.NEQ,
        "<=": TokenType.LTE,
        ">=": TokenType.GTE,
    }


class _GrammarParser(Parser):
    """Parses AND and OR as sqlglot does, and between them only our comparisons."""

    def __init__(self, text: str) -> None:
        super().__init__(dialect=_Grammar)
        self._text = text
        self._depth = 0
        self._terms = 0

    def read(self, tokens: list[Token]) -> Expression:
        """Return the syntax tree of all tokens."""
        (tree,) = self._parse(lambda _: self._parse_all(), _without_semicolons(tokens), self._text)
        return folded(tree)

    def _parse_all(self) -> exp.Expression | None:
        tree = self._parse_disjunction()
        if self._curr:
            self._refuse("the text here is not expected", "AND", "OR", "the end")
        return tree

    def _parse_equality(self) -> exp.Expression:
        """Parse one operand of AND and OR."""
        if self._match(TokenType.NOT):
            return exp.Not(this=self._nested(self._parse_equality))
        if self._match(TokenType.L_PAREN):
            tree = self._nested(self._parse_disjunction)
            if not self._match(TokenType.R_PAREN):
                self._refuse("a parenthesis is not closed", ")", "AND", "OR")
            return exp.Paren(this=tree)
        return self._comparison()

    def _nested(self, read: Callable[[], Any]) -> Any:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._refuse(f"parentheses and NOT are nested more than {MAX_DEPTH} deep")
        tree = read()
        self._depth -= 1
        return tree

    def _comparison(self) -> exp.Expression:
        field = self._field()
        check_field(field, self._text)
        start = self._curr
        negated = self._match(TokenType.NOT)
        operator, values = self._operator()
        place = FieldPlace(start=start.start, end=self._operator_end + 1)
        found = Comparison(field=field, operator=operator, values=values, place=place)
        checked = check_comparison(found, self._text)
        leaf = ComparisonLeaf(this=checked)
        return exp.Not(this=leaf) if negated else leaf

    def _field(self) -> Field:
        first = self._curr
        if not first or not _is_word(first):
            self._refuse("a field is missing", "a field", "(", "NOT")
        self._advance()
        if not self._match(TokenType.DOT):
            name = first.text if _quoted(first) else first.text.lower()
            return Field(name=name, place=FieldPlace(start=first.start, end=first.end + 1))
        parts = [self._key()]
        while self._match(TokenType.DOT):
            parts.append(self._key())
        place = FieldPlace(start=first.start, end=self._prev.end + 1)
        return Field(name=first.text.lower(), key=".".join(parts), place=place)

    def _key(self) -> str:
        token = self._curr
        if not token or not _is_word(token):
            self._refuse("a key is missing", "a word", 'a quoted key, as in tags."a key"')
        self._advance()
        return str(token.text)

    def _operator(self) -> tuple[str, tuple[Literal, ...]]:
        """Parse an operator and its values; the field, and a NOT, are already parsed."""
        token = self._curr
        negated = self._prev.token_type == TokenType.NOT
        word = token.text.upper() if token and not _quoted(token) else ""
        self._operator_end = token.end if token else len(self._text) - 1
        self._advance()
        if word in {"LIKE", "ILIKE"} or (word in _COMPARING and not negated):
            return _SYMBOLS.get(word, word), (self._value(),)
        match word:
            case "IN":
                return word, self._values()
            case "BETWEEN":
                return word, self._bounds()
            case "IS" if not negated:
                return self._null(), ()
        self._advance(-1)
        allowed = ("LIKE", "ILIKE", "IN", "BETWEEN") if negated else _OPERATORS
        return self._refuse("an operator is missing", *allowed)

    def _values(self) -> tuple[Literal, ...]:
        if not self._match(TokenType.L_PAREN):
            self._refuse("a list is missing", "('one', 'two', …)")
        values = [self._value()]
        while self._match(TokenType.COMMA):
            values.append(self._value())
        if not self._match(TokenType.R_PAREN):
            self._refuse("a list is not closed", ",", ")")
        return tuple(values)

    def _bounds(self) -> tuple[Literal, ...]:
        low = self._value()
        if not self._match(TokenType.AND):
            self._refuse("BETWEEN has only one bound", "AND")
        return low, self._value()

    def _null(self) -> str:
        negated = self._match(TokenType.NOT)
        if not self._curr or _quoted(self._curr) or self._curr.text.upper() != "NULL":
            self._refuse("IS must be followed by NULL", "NULL", "NOT NULL")
        self._operator_end = self._curr.end
        self._count_term()
        self._advance()
        return "IS NOT NULL" if negated else "IS NULL"

    def _value(self) -> Literal:
        self._count_term()
        first = self._curr
        sign = (self._match(TokenType.DASH) and -1) or 1
        token = self._curr
        if token and token.token_type == TokenType.STRING and sign == 1:
            value: str | int | float | bool = str(token.text)
        elif token and token.token_type == TokenType.NUMBER and _NUMBER.fullmatch(token.text):
            value = sign * (int if token.text.isdigit() and len(token.text) <= 18 else float)(
                token.text
            )
        elif token and sign == 1 and _is_word(token) and token.text.lower() in {"true", "false"}:
            value = token.text.lower() == "true"
        else:
            self._refuse("a value is missing", "'text'", "a number", "true", "false")
        if isinstance(value, float) and abs(value) == float("inf"):
            self._refuse("the number is too large", "a finite number")
        self._advance()
        return Literal(value=value, place=FieldPlace(start=first.start, end=token.end + 1))

    def _count_term(self) -> None:
        self._terms += 1
        if self._terms > MAX_TERMS:
            self._refuse(f"the filter has more than {MAX_TERMS} values to compare with")

    def _refuse(self, message: str, *allowed: str) -> NoReturn:
        token = self._curr
        end = len(self._text)
        place = (token.start, token.end + 1) if token else (end, end + 1)
        raise InvalidSearchError(message, expression=self._text, place=place, allowed=allowed)


class _Grammar(Dialect):
    tokenizer_class = _GrammarTokenizer
    parser_class: type[Parser] = _GrammarParser


def _without_semicolons(tokens: list[Token]) -> list[Token]:
    # A semicolon would start another statement; as an unknown token it is refused at its place.
    for token in tokens:
        if token.token_type == TokenType.SEMICOLON:
            token.token_type = TokenType.UNKNOWN
    return tokens


def _is_word(token: Token) -> bool:
    if token.token_type in {TokenType.STRING, TokenType.NUMBER}:
        return False
    return _quoted(token) or _WORD.fullmatch(token.text) is not None


def _quoted(token: Token) -> bool:
    return bool(token.token_type == TokenType.IDENTIFIER)
