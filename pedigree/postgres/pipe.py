"""One connection on which an event loop has many short reads at a time, in libpq's pipeline mode.

::

    pipe = Pipe(database.source, [FIND])
    pipe.start()
    try:
        rows = await pipe.ask(FIND, {"name": "churn"})
    except PipeLostError:
        rows = ...  # the same read through the pool, which waits and retries

It is for statements that cannot take long: their answers come in the order of their questions, so
a slow one delays all others. It needs no thread and no pool, which cost more than such a read.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress

import psycopg
from psycopg import pq
from psycopg.conninfo import make_conninfo

from pedigree import tracing
from pedigree.errors import PedigreeError
from pedigree.postgres._failures import REFUSES_OLD_PLAN
from pedigree.postgres._sources import DatabaseSource, has_own_session
from pedigree.postgres.asker import PROCESS, Asker
from pedigree.postgres.pipe_statements import PipeLostError, PipeStatement, TextRow

_LOG = logging.getLogger(__name__)

# Nothing is set for the session, which a pooler shares: the messages between two syncs are one
# transaction, and a setting that is local to it ends with it. The pipe only reads, so nobody acts.
_SETTINGS = PipeStatement.of(
    "SELECT set_config('statement_timeout', %(limit)s, true),"
    " set_config('pedigree.models', %(models)s, true)"
)
_LIMIT_MS = 2000
_SETTINGS_NAME = b"pedigree_settings"
# The server answers within its limit. A peer that is gone does not.
_SILENCE_S = 5.0
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 5.0
# After a statement that took too long, such as one that waits for a lock, the others go elsewhere.
_SLOW_PAUSE_S = 1.0
_REFUSES_OLD_PLAN = REFUSES_OLD_PLAN.encode()
_TOO_SLOW = ("57014", "55P03")  # statement timeout, lock timeout


class _Question:
    """A read that waits for its answer."""

    __slots__ = ("answered", "error", "result", "since")

    def __init__(self, answered: "asyncio.Future[pq.abc.PGresult | None]") -> None:
        self.answered = answered
        self.result: pq.abc.PGresult | None = None
        self.error: pq.abc.PGresult | None = None
        self.since = time.monotonic()


class Pipe:
    """A connection in pipeline mode; use it in the event loop that starts it.

    Args:
        source: The database.
        statements: The statements; a session of its own prepares them once.
        limit_ms: How long one may take.
    """

    def __init__(
        self,
        source: DatabaseSource,
        statements: Iterable[PipeStatement],
        *,
        limit_ms: int = _LIMIT_MS,
    ) -> None:
        self._source = source
        self._limit = limit_ms
        self._prepared = {
            each: f"pedigree_{number}".encode() for number, each in enumerate(statements)
        }
        self._connection: pq.abc.PGconn | None = None
        self._prepares = False
        self._waiting: deque[_Question] = deque()
        self._connecting: asyncio.Task[None] | None = None
        self._watching: asyncio.TimerHandle | None = None
        self._is_closed = False

    def start(self) -> None:
        """Begin to connect; until that is done, each read is refused."""
        self._loop = asyncio.get_running_loop()
        self._connecting = self._loop.create_task(self._connect(0))

    async def ask(
        self, statement: PipeStatement, given: Mapping[str, object], asker: Asker = PROCESS
    ) -> list[TextRow]:
        """Return the rows of a read.

        Args:
            statement: One of the statements of the pipe.
            given: Its parameters.
            asker: Who asks.

        Raises:
            PipeLostError: The connection is lost, the read took too long, or Postgres refused it.
        """
        with tracing.part_of_request(statement.name, "postgresql"):
            values = statement.values(given)
            settings = _SETTINGS.values({"limit": self._limit, "models": asker.models})
            answered = self._send(statement, values, settings)
            result = await answered
        return [] if result is None else _rows(result)

    def close(self) -> None:
        """End the connection."""
        self._is_closed = True
        if self._connecting is not None:
            self._connecting.cancel()
        self._lose("the pipe is closed", pause=None)

    # --- Sending.

    def _send(
        self, statement: PipeStatement, values: list[bytes | None], settings: list[bytes | None]
    ) -> "asyncio.Future[pq.abc.PGresult | None]":
        connection = self._connection
        if connection is None:
            raise PipeLostError("there is no connection")
        try:
            if self._prepares:
                connection.send_query_prepared(_SETTINGS_NAME, settings)
                connection.send_query_prepared(self._prepared[statement], values)
            else:
                connection.send_query_params(_SETTINGS.text, settings)
                connection.send_query_params(statement.text, values)
            return self._sync(connection)
        except psycopg.Error as error:
            self._lose(error)
            raise PipeLostError("the connection is lost") from error

    def _sync(self, connection: pq.abc.PGconn) -> "asyncio.Future[pq.abc.PGresult | None]":
        """End the transaction that was sent, and return its answer."""
        connection.pipeline_sync()
        question = _Question(self._loop.create_future())
        self._waiting.append(question)
        if connection.flush():
            self._loop.add_writer(self._socket, self._on_writable)
        return question.answered

    def _on_writable(self) -> None:
        connection = self._connection
        assert connection is not None
        try:
            if not connection.flush():
                self._loop.remove_writer(self._socket)
        except psycopg.Error as error:
            self._lose(error)

    # --- Receiving.

    def _on_readable(self) -> None:
        connection = self._connection
        assert connection is not None
        try:
            connection.consume_input()
            while self._waiting and not connection.is_busy():
                self._take(connection.get_result())
                if self._connection is not connection:
                    return
            # libpq has closed the socket, which will thus never be readable again.
            if connection.status != pq.ConnStatus.OK:
                raise psycopg.OperationalError(connection.get_error_message())
        except psycopg.Error as error:
            self._lose(error)

    def _take(self, result: pq.abc.PGresult | None) -> None:
        """Take one of the results of the oldest question."""
        if result is None:  # the end of a statement
            return
        question = self._waiting[0]
        if result.status == pq.ExecStatus.TUPLES_OK:
            question.result = result  # that of the last statement remains
        elif result.status == pq.ExecStatus.FATAL_ERROR:
            question.error = result
        elif result.status == pq.ExecStatus.PIPELINE_SYNC:
            self._waiting.popleft()
            self._answer(question)

    def _answer(self, question: _Question) -> None:
        error = question.error
        if error is None:
            if not question.answered.done():  # the request may have been canceled
                question.answered.set_result(question.result)
            return
        reason = error.get_error_message()
        if not question.answered.done():
            question.answered.set_exception(PipeLostError(reason))
        state = error.error_field(pq.DiagnosticField.SQLSTATE)
        if state and state.decode() in _TOO_SLOW:
            self._lose(reason, pause=_SLOW_PAUSE_S)
        elif error.error_field(pq.DiagnosticField.SOURCE_FUNCTION) == _REFUSES_OLD_PLAN:
            self._lose(reason)

    # --- Connecting.

    async def _connect(self, pause: float) -> None:
        while not self._is_closed:
            await asyncio.sleep(pause)
            pause = min(max(2 * pause, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
            try:
                opened, self._prepares = await self._loop.run_in_executor(None, self._open)
            except (psycopg.Error, PedigreeError) as error:
                _log_loss("the connection for short reads failed: %s", error)
                continue
            self._connection, self._socket = opened, opened.socket
            self._loop.add_reader(self._socket, self._on_readable)
            self._watch()
            if self._prepares:
                with suppress(PipeLostError):
                    await self._prepare(opened)
            return

    def _open(self) -> tuple[pq.abc.PGconn, bool]:
        """Return a connection, and whether statements can be prepared on it."""
        conninfo = make_conninfo("", **self._source.options(), client_encoding="UTF8")
        opened = pq.PGconn.connect(conninfo.encode())
        if opened.status != pq.ConnStatus.OK:
            reason = opened.get_error_message()
            opened.finish()
            raise psycopg.OperationalError(reason)
        prepares = has_own_session(opened)
        opened.nonblocking = 1
        opened.enter_pipeline_mode()
        return opened, prepares

    async def _prepare(self, connection: pq.abc.PGconn) -> None:
        for statement, name in self._prepared.items():
            connection.send_prepare(name, statement.text)
        connection.send_prepare(_SETTINGS_NAME, _SETTINGS.text)
        await self._sync(connection)

    def _watch(self) -> None:
        """Notice a peer that is gone without a word."""
        if self._waiting and time.monotonic() - self._waiting[0].since > _SILENCE_S:
            self._lose(f"no answer within {_SILENCE_S:g} s")
        elif self._connection is not None:
            self._watching = self._loop.call_later(1, self._watch)

    def _lose(self, reason: object, *, pause: float | None = 0) -> None:
        """Drop the connection, refuse what waits, and connect again unless ``pause`` is None."""
        connection, self._connection = self._connection, None
        if self._watching is not None:
            self._watching.cancel()
        if connection is not None:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            connection.finish()
        lost, self._waiting = self._waiting, deque()
        for question in lost:
            if not question.answered.done():
                question.answered.set_exception(PipeLostError(str(reason)))
        if connection is not None and pause is not None:
            _log_loss("the connection for short reads is lost: %s", reason)
            self._connecting = self._loop.create_task(self._connect(pause))


def _rows(result: pq.abc.PGresult) -> list[TextRow]:
    names = [(result.fname(column) or b"").decode() for column in range(result.nfields)]
    return [
        {
            name: None if (value := result.get_value(row, column)) is None else value.decode()
            for column, name in enumerate(names)
        }
        for row in range(result.ntuples)
    ]


def _log_loss(message: str, reason: object) -> None:
    _LOG.info(message, str(reason).strip(), extra={"action": "database.pipe_lost"})
