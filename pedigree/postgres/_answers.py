"""Statements of a pipeline by psycopg's means: how each is sent, and how its rows are received."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg
from psycopg import Cursor, adapt, pq
from psycopg._preparing import Prepare
from psycopg.abc import PQGen
from psycopg.errors import error_from_result
from psycopg.generators import fetch, fetch_many
from psycopg.rows import DictRow

from pedigree.postgres.pages import FetchedPage
from pedigree.postgres.together import Question

if TYPE_CHECKING:
    from pedigree.postgres._asking_connection import AskingConnection


class SentQuestion(NamedTuple):
    """A question that was sent.

    Attributes:
        cursor: Reads its rows.
        question: The question.
        is_new: It was prepared right before, which has a result of its own.
    """

    cursor: Any
    question: Question
    is_new: bool


def send_question(connection: "AskingConnection", question: Question) -> SentQuestion:
    """Send a statement in a pipeline; it is prepared if the session can have that."""
    cursor: Any = Cursor(connection)
    cursor._tx = adapt.Transformer(cursor)
    pgq = cursor._convert_query(question.query, question.params)
    prepared: Any = connection._prepared
    # At once: a page has the same questions each time, and planning takes longer than reading.
    prep, name = prepared.get(pgq, True)
    if prepared.prepare_threshold is None:
        cursor._execute_send(pgq, force_extended=True)
        return SentQuestion(cursor, question, is_new=False)
    is_new = prep is Prepare.SHOULD
    if is_new:
        cursor._send_prepare(name, pgq)
    cursor._send_query_prepared(name, pgq)
    prepared.maybe_add_to_cache(pgq, prep, name)
    if is_new:
        prepared._rotate()
    return SentQuestion(cursor, question, is_new)


def receive_answer(
    connection: "AskingConnection", asked: SentQuestion, most_bytes: int | None
) -> PQGen[FetchedPage]:
    """Return the rows of a statement that was sent.

    After a page that is cut, the statements that follow it in the pipeline may have no answer.

    Raises:
        psycopg.Error: Postgres refused it, or one before it.
    """
    pgconn, error = connection.pgconn, None
    if asked.is_new:
        (planned,) = yield from fetch_many(pgconn)
        error = _error_of(planned)
    if asked.question.is_page and most_bytes is not None:
        page = yield from _receive_page(connection, asked.cursor, most_bytes)
    else:
        (result,) = yield from fetch_many(pgconn)
        page = _rows_of(asked.cursor, result)
    if error is not None:
        raise error
    if isinstance(page, psycopg.Error):
        raise page
    return page


def _rows_of(cursor: Any, result: pq.abc.PGresult) -> FetchedPage | psycopg.Error:
    if (error := _error_of(result)) is not None:
        return error
    cursor._set_results([result])
    rows: list[DictRow] = cursor.fetchall()
    return FetchedPage(rows, is_cut=False)


def _receive_page(
    connection: "AskingConnection", cursor: Any, most_bytes: int
) -> PQGen[FetchedPage | psycopg.Error]:
    """Receive rows one by one, as many as fit; then the statement is canceled."""
    pgconn = connection.pgconn
    pgconn.set_single_row_mode()
    rows: list[DictRow] = []
    size, is_cut, error, make_row = 0, False, None, None
    while (result := (yield from fetch(pgconn))) is not None:
        if result.status != pq.ExecStatus.SINGLE_TUPLE:  # the end, or an error
            error = _error_of(result)
            continue
        if is_cut:
            continue
        size += sum(len(result.get_value(0, column) or b"") for column in range(result.nfields))
        if rows and size > most_bytes:
            is_cut = True
            # The other rows could be many times as large, and nobody wants them.
            with suppress(psycopg.Error):
                connection.cancel_safe()
            continue
        cursor.pgresult = result
        cursor._tx.set_pgresult(result, set_loaders=not rows)
        if not rows:
            make_row = cursor._make_row_maker()
        rows.append(cursor._tx.load_row(0, make_row))
    return FetchedPage(rows, is_cut=is_cut) if error is None or is_cut else error


def _error_of(result: pq.abc.PGresult) -> psycopg.Error | None:
    if result.status == pq.ExecStatus.FATAL_ERROR:
        return error_from_result(result)
    if result.status == pq.ExecStatus.PIPELINE_ABORTED:
        return psycopg.errors.PipelineAborted("a statement before this one failed")
    return None
