"""Several reads in one round trip are what they are one by one."""

from collections.abc import Iterator

import psycopg
import pytest

from pedigree.postgres import Database
from pedigree.postgres.pages import bound_pages, fetch_page
from pedigree.postgres.together import AnsweredReads, Question, ask_together
from pedigree.postgres.transaction import Transaction
from tests.statements import sent_statements

NUMBERS = Question("SELECT %(first)s::integer AS number", {"first": 1})
OTHERS = Question("SELECT %(first)s::integer AS number", {"first": 2})
ROWS = Question(
    "SELECT n AS number, repeat('x', 1000) AS filling FROM generate_series(1, %(rows)s) AS n",
    {"rows": 50},
    is_page=True,
)
LIKE = "SELECT '100%%' AS text, 5 %% 3 AS rest"


@pytest.fixture
def bounded() -> Iterator[None]:
    """Pages have ten thousand bytes at most."""
    bound_pages(10_000)
    yield
    bound_pages(None)


def test_each_question_gets_its_own_answer_once(database: Database) -> None:
    def read(transaction: Transaction) -> None:
        known = ask_together(transaction, [NUMBERS, OTHERS])
        with sent_statements() as sent:
            assert known.execute(*OTHERS[:2]).fetchall() == [{"number": 2}]
            assert known.execute(*NUMBERS[:2]).fetchone() == {"number": 1}
            assert sent == []
            assert list(known.execute(*NUMBERS[:2])) == [{"number": 1}]
            assert known.execute("SELECT 3 AS number").fetchone() == {"number": 3}
            assert len(sent) == 2

    database.read(read)


def test_answers_of_a_second_round_join_those_of_the_first(database: Database) -> None:
    def read(transaction: Transaction) -> None:
        known = ask_together(transaction, [NUMBERS])
        assert ask_together(known, [OTHERS]) is known
        with sent_statements() as sent:
            assert known.execute(*NUMBERS[:2]).fetchone() == {"number": 1}
            assert known.execute(*OTHERS[:2]).fetchone() == {"number": 2}
        assert sent == []

    database.read(read)


def test_they_are_prepared_once_and_then_give_the_same(database: Database) -> None:
    def read(transaction: Transaction) -> object:
        known = ask_together(transaction, [NUMBERS, ROWS, Question(LIKE, {})])
        return (
            known.execute(*NUMBERS[:2]).fetchall(),
            fetch_page(known, ROWS.query, ROWS.params).rows,
            known.execute(LIKE, {}).fetchall(),
        )

    found = [database.read(read) for _ in range(3)]
    assert found[0] == found[1] == found[2]
    assert found[0][2] == [{"text": "100%", "rest": 2}]  # type: ignore[index] # a tuple


@pytest.mark.usefixtures("bounded")
def test_a_page_has_as_many_rows_as_fit_like_one_that_is_read_alone(database: Database) -> None:
    def read(transaction: Transaction) -> None:
        alone = fetch_page(transaction, ROWS.query, ROWS.params)
        known = ask_together(transaction, [NUMBERS, ROWS, OTHERS])
        assert isinstance(known, AnsweredReads)
        assert fetch_page(known, ROWS.query, ROWS.params) == alone
        assert alone.is_cut
        assert 1 < len(alone.rows) < 50
        assert known.execute(*OTHERS[:2]).fetchone() == {"number": 2}

    database.read(read)


@pytest.mark.usefixtures("bounded")
def test_what_follows_a_page_of_many_rows_is_asked_again(database: Database) -> None:
    many = ROWS._replace(params={"rows": 300_000})

    def read(transaction: Transaction) -> None:
        known = ask_together(transaction, [NUMBERS, many, OTHERS])
        with sent_statements() as sent:
            assert known.execute(*NUMBERS[:2]).fetchone() == {"number": 1}
            assert sent == []
        found = fetch_page(known, many.query, many.params)
        assert found.is_cut
        assert [row["number"] for row in found.rows] == list(range(1, 1 + len(found.rows)))
        assert known.execute(*OTHERS[:2]).fetchone() == {"number": 2}

    for _ in range(3):
        database.read(read)


def test_an_error_is_raised_and_the_connection_serves_others(database: Database) -> None:
    wrong = Question("SELECT (SELECT generate_series(1, %(to)s)) AS number", {"to": 2})
    unknown = Question("SELECT nothing", {})
    for bad, error in (
        (wrong, psycopg.errors.CardinalityViolation),
        (unknown, psycopg.errors.UndefinedColumn),
    ):
        for is_page in (False, True):
            asked = [NUMBERS, bad._replace(is_page=is_page), OTHERS]
            with pytest.raises(error):
                database.read(lambda transaction: ask_together(transaction, asked))  # noqa: B023
            rows = database.read(
                lambda transaction: (
                    ask_together(transaction, [OTHERS]).execute(*OTHERS[:2]).fetchall()
                )
            )
            assert rows == [{"number": 2}]


def test_a_transaction_reads_its_own_writes(database: Database) -> None:
    def work(transaction: Transaction) -> None:
        transaction.execute("CREATE TEMPORARY TABLE written (number integer)")
        transaction.execute("INSERT INTO written VALUES (7)")
        asked = Question("SELECT number FROM written", {})
        known = ask_together(transaction, [asked])
        assert known is transaction
        assert known.execute(*asked[:2]).fetchall() == [{"number": 7}]

    database.transaction(work)
