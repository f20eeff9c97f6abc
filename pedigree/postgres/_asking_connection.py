"""A connection that tells the database who asks, in each transaction and without a round trip.

A statement outside of a transaction is one of its own: the messages between two syncs of the
protocol. So the settings of the asker are sent with it, and end with it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, LiteralString

import psycopg
from psycopg import Connection, Cursor, Pipeline, pq
from psycopg._preparing import Prepare, PrepareManager
from psycopg._queries import PostgresQuery
from psycopg.abc import PQGen
from psycopg.errors import error_from_result
from psycopg.generators import fetch_many, send
from psycopg.rows import DictRow

from pedigree.postgres._answers import receive_answer, send_question
from pedigree.postgres.asker import PROCESS, Asker
from pedigree.postgres.pages import FetchedPage
from pedigree.postgres.together import Question

_PREPARED = b"pedigree_asker"
# Of statements that look up few rows by their keys: a plan for other values is as good, and making
# one takes longer than they do.
_GENERIC = Question("SELECT set_config('plan_cache_mode', 'force_generic_plan', true)", {})


class AskingCursor(Cursor[DictRow]):
    """A cursor whose statements outside of a transaction name the asker.

    It sends both at once in libpq's pipeline mode. psycopg's own pipeline does the same, and takes
    longer for one statement than the statement itself.
    """

    def _maybe_prepare_gen(
        self, pgq: PostgresQuery, *, prepare: bool | None = None, binary: bool | None = None
    ) -> PQGen[None]:
        connection: Any = self._conn
        if not connection.is_idle:
            yield from super()._maybe_prepare_gen(pgq, prepare=prepare, binary=binary)
            return
        yield from connection._prepared.maintain_gen(connection)
        prep, name = self._get_prepared(pgq, prepare)
        pgconn = self._pgconn
        pgconn.enter_pipeline_mode()
        try:
            ignored = connection.send_asker()
            if prep is Prepare.SHOULD:
                self._send_prepare(name, pgq)
                ignored += 1
            if prep is Prepare.NO:
                self._execute_send(pgq, force_extended=True, binary=binary)
            else:
                self._send_query_prepared(name, pgq, binary=binary)
            pgconn.pipeline_sync()
            yield from send(pgconn)
            first = []
            for _ in range(ignored):
                first += yield from fetch_many(pgconn)
            results = yield from fetch_many(pgconn)
            yield from fetch_many(pgconn)  # the sync
        finally:
            with suppress(psycopg.Error):  # a lost connection; keep the first error
                pgconn.exit_pipeline_mode()
        key = connection._prepared.maybe_add_to_cache(pgq, prep, name)
        for result in first:
            if result.status == pq.ExecStatus.FATAL_ERROR:
                connection._prepared.validate(key, prep, name, [result])
                raise error_from_result(result, encoding=self._encoding)
        if key is not None:
            connection._prepared.validate(key, prep, name, results)
        self._check_results(results)
        self._set_results(results)


class _Prepared(PrepareManager):
    """The prepared statements of a connection, with the one that sets the asker."""

    has_asker = False

    def clear(self) -> bool:
        """Forget them, and let the server do so, as psycopg does after some statements."""
        self.has_asker = self.has_asker and not self._names
        return super().clear()


class AskingConnection(Connection[DictRow]):
    """A connection whose transactions begin with the settings of an asker."""

    asker: Asker = PROCESS

    def __init__(self, pgconn: pq.abc.PGconn, *given: Any, **options: Any) -> None:
        super().__init__(pgconn, *given, **options)
        self._prepared = self._statements = _Prepared()

    @property
    def is_idle(self) -> bool:
        """Whether no transaction and no pipeline is open."""
        return (
            self.pgconn.transaction_status == pq.TransactionStatus.IDLE
            and self.pgconn.pipeline_status == pq.PipelineStatus.OFF
        )

    def begin(self, command: LiteralString) -> None:
        """Begin a transaction.

        Args:
            command: BEGIN, with the other settings of the transaction.
        """
        Cursor(self).execute(command + self.asker.commands)

    @contextmanager
    def pipeline(self) -> Iterator[Pipeline]:
        """Send statements without waiting for their results."""
        was_idle = self.is_idle
        with super().pipeline() as pipeline:
            if was_idle:
                # Not by the cursor of traces, which show what is asked.
                Cursor(self).execute(self.asker.query, self.asker.values)
            yield pipeline

    @contextmanager
    def streaming(self) -> Iterator[None]:
        """Let the block read the rows of one statement one by one, which no pipeline allows."""
        was_idle = self.is_idle
        if was_idle:
            self.begin("BEGIN READ ONLY")
        try:
            yield
        finally:
            # libpq ends its row-by-row mode at the next statement, but not at that of a pipeline.
            # Not ROLLBACK, after which psycopg gives up all prepared statements.
            self.execute("COMMIT" if was_idle else "")

    def fetch_together(
        self, questions: Sequence[Question], most_bytes: int | None
    ) -> list[FetchedPage | None]:
        """Return the rows of several statements, which are sent at once as one transaction.

        None stands for those that have no answer, since a page before them was cut.

        Args:
            questions: The statements.
            most_bytes: The most bytes of each page of rows; None for any number.

        Raises:
            psycopg.Error: Postgres refused one of them.
        """
        with self.lock:
            return self.wait(self._together_gen(questions, most_bytes))

    def _together_gen(
        self, questions: Sequence[Question], most_bytes: int | None
    ) -> PQGen[list[FetchedPage | None]]:
        yield from self._prepared.maintain_gen(self)
        answers: list[FetchedPage | None] = []
        error: psycopg.Error | None = None
        self.pgconn.enter_pipeline_mode()
        try:
            ignored = self.send_asker()
            asked = [send_question(self, each) for each in (_GENERIC, *questions)]
            self.pgconn.pipeline_sync()
            yield from send(self.pgconn)
            for _ in range(ignored):
                error = _error_in((yield from fetch_many(self.pgconn))) or error
            for each in asked:
                try:
                    answers.append((yield from receive_answer(self, each, most_bytes)))
                except psycopg.Error as found:  # the rest of the pipeline is still to be read
                    answers.append(None)
                    error = error or found
            yield from fetch_many(self.pgconn)  # the sync
        finally:
            with suppress(psycopg.Error):  # a lost connection; keep the first error
                self.pgconn.exit_pipeline_mode()
        if error is None:
            return answers[1:]
        self._prepared.clear()  # one of them may not be prepared
        if any(page is not None and page.is_cut for page in answers):
            return answers[1:]
        raise error

    def send_asker(self) -> int:
        """Send the settings of the asker in a pipeline, and return the number of their results."""
        text, values = self.asker.text, self.asker.bytes_of_values
        if self.prepare_threshold is None or self.asker.role is not None:
            self.pgconn.send_query_params(text, values)
            return 1
        sent = 1
        if not self._statements.has_asker:
            self.pgconn.send_prepare(_PREPARED, text)
            self._statements.has_asker = True
            sent = 2
        self.pgconn.send_query_prepared(_PREPARED, values)
        return sent


def _error_in(results: list[pq.abc.PGresult]) -> psycopg.Error | None:
    refused = (each for each in results if each.status == pq.ExecStatus.FATAL_ERROR)
    return next((error_from_result(each) for each in refused), None)
