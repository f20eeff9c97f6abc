"""Long work: spaces keep the connection open, and a later failure is still reported."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from pedigree.errors import PedigreeError, ServiceBusyError
from pedigree.server.http.problems import problem_of

T = TypeVar("T")

_LOG = logging.getLogger(__name__)

# A space is sent this often, so that no proxy takes the connection for dead.
_SILENCE_S = 10.0
_JSON = "application/json"


class LongWork:
    """Runs long work, one at a time in each process.

    Args:
        named: Returns JSON with names instead of pseudonyms.
    """

    def __init__(self, named: Callable[[bytes], bytes]) -> None:
        self._named = named
        self._task: asyncio.Task[Any] | None = None

    async def answer(self, work: Callable[[], object]) -> Response:
        """Do the work, and answer with the record that it returns.

        After some seconds the answer begins with 200 and spaces, which JSON allows. The body of
        that answer reports a later failure as problem details.

        Raises:
            ServiceBusyError: Other long work is in progress.
            PedigreeError: The work failed within the first seconds.
        """
        task = self._begun(lambda: self._named(to_json(work())))
        done, _ = await asyncio.wait({task}, timeout=_SILENCE_S)
        if done:
            return Response(task.result(), media_type=_JSON)
        return StreamingResponse(self._streamed(task), media_type=_JSON)

    async def alone(self, work: Callable[[], T]) -> T:
        """Do the work, and return its result, however long it takes.

        Raises:
            ServiceBusyError: Other long work is in progress.
        """
        return await self._begun(work)

    def _begun(self, work: Callable[[], T]) -> asyncio.Task[T]:
        if self._task is not None and not self._task.done():
            raise ServiceBusyError(
                "a collection or a check of the whole registry is in progress",
                remedy="Try again when it is done",
            )
        task = asyncio.create_task(run_in_threadpool(work))
        self._task = task
        return task

    async def _streamed(self, task: asyncio.Task[bytes]) -> AsyncIterator[bytes]:
        while not task.done():
            yield b" "
            await asyncio.wait({task}, timeout=_SILENCE_S)
        try:
            yield task.result()
        except PedigreeError as error:
            yield await run_in_threadpool(self._named, to_json(problem_of(error)))
        except Exception as error:  # its message may quote secrets, so it goes only to the log
            _LOG.exception("%s", task, extra={"action": "request.crashed"}, exc_info=error)
            failure = PedigreeError("the service failed", remedy="See its log")
            yield to_json(problem_of(failure))
