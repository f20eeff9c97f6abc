"""Several reads in one round trip and one transaction: a page asks at once for all that it shows.

::

    known = ask_together(transaction, [holders_question(name), tenures_question(name)])
    tenures_of(known, name)  # as with the transaction itself, and nothing is sent

A read need not know of it: it gets the answer if exactly its question was asked before, and asks
itself otherwise. So a question that nobody reads, or that differs from the one that is read, costs
time and changes no answer.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, LiteralString, NamedTuple, cast

from pedigree import tracing
from pedigree.postgres.pages import FetchedPage, page_bytes
from pedigree.postgres.transaction import Row, Rows, Transaction

if TYPE_CHECKING:
    from psycopg.abc import Params

    from pedigree.postgres._asking_connection import AskingConnection


class Question(NamedTuple):
    """A statement with its parameters.

    Attributes:
        query: The statement.
        params: Its parameters.
        is_page: Its rows are read by ``fetch_page``, and bounded in bytes as that says.
    """

    query: LiteralString
    params: Mapping[str, Any]
    is_page: bool = False


class AnsweredReads:
    """A transaction of which some answers are there; each is given once.

    Args:
        transaction: Where everything else is read.
        questions: What was asked.
        answers: The rows of each question; None if it is still to be asked.
    """

    def __init__(
        self,
        transaction: Transaction,
        questions: Sequence[Question],
        answers: Sequence[FetchedPage | None],
    ) -> None:
        self.connection_in_use = transaction
        self._answers: dict[str, list[tuple[Mapping[str, Any], FetchedPage]]] = {}
        self.keep(questions, answers)

    def keep(self, questions: Sequence[Question], answers: Sequence[FetchedPage | None]) -> None:
        """Keep further answers."""
        for question, answer in zip(questions, answers, strict=True):
            if answer is not None:
                known = self._answers.setdefault(question.query, [])
                known.append((_comparable(question.params), answer))

    def execute(
        self, query: LiteralString, params: "Params | None" = None, **options: Any
    ) -> "Rows | _AnsweredCursor":
        """Return the rows of a statement: of its answer, else by asking."""
        answer = self.answer(query, params)
        if answer is None:
            return self.connection_in_use.execute(query, params, **options)
        return _AnsweredCursor(answer.rows)

    def answer(self, query: LiteralString, params: "Params | None") -> FetchedPage | None:
        """Return the answer to a question; None if it was not asked, or was given before."""
        asked = self._answers.get(query)
        if not asked or not isinstance(params, Mapping):
            return None
        wanted = _comparable(params)
        for place, (known, answer) in enumerate(asked):
            if known == wanted:
                del asked[place]
                return answer
        return None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection_in_use, name)


class _AnsweredCursor:
    """Rows that are there, read as those of a cursor."""

    def __init__(self, rows: list[Row]) -> None:
        self._rows = iter(rows)
        self.rowcount = len(rows)

    def fetchone(self) -> Row | None:
        return next(self._rows, None)

    def fetchall(self) -> list[Row]:
        return list(self._rows)

    def __iter__(self) -> Iterator[Row]:
        return self._rows


def ask_together(transaction: Transaction, questions: Sequence[Question]) -> Transaction:
    """Return a transaction that has the answers to some questions, and asks for all else.

    It sends nothing within a transaction or a pipeline, whose statements cost no more one by one.

    Args:
        transaction: A connection, as :meth:`pedigree.postgres.Database.read` gives it.
        questions: The questions.

    Raises:
        psycopg.Error: Postgres refused one of them.
    """
    known = cast("Any", transaction)
    is_first = not isinstance(known, AnsweredReads)
    connection: AskingConnection = known if is_first else known.connection_in_use
    if not connection.is_idle:
        return transaction
    with tracing.part_of_request("together", "postgresql"):
        answers = connection.fetch_together(questions, page_bytes())
    if is_first:
        return cast("Transaction", AnsweredReads(transaction, questions, answers))
    known.keep(questions, answers)
    return transaction


def _comparable(params: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return parameters that can be compared: values of JSON are wrapped for the driver."""
    return {name: getattr(value, "obj", value) for name, value in params.items()}
