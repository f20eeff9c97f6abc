"""Work that takes long: its caller is kept waiting by spaces, and told of failures all the same."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable

from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from pedigree.errors import PedigreeError, ServiceBusyError
from pedigree.server.http.problems import problem_of

_LOG = logging.getLogger(__name__)

# So often something is sent, so that nobody between takes the connection for dead.
_SILENCE_S = 10.0
_JSON = "application/json"


class LongWork:
    """Does such work, one at a time in each process."""

    def __init__(self) -> None:
        self._task: asyncio.Task[object] | None = None

    async def answer(self, work: Callable[[], object]) -> Response:
        """Do some work, and answer with the record that it returns.

        Once it has taken some seconds the answer begins: 200, and spaces, which JSON allows for.
        What goes wrong later is told by problem details, as the body of that answer.

        Raises:
            ServiceBusyError: Other such work is being done.
            PedigreeError: It failed at once.
        """
        if self._task is not None and not self._task.done():
            raise ServiceBusyError(
                "a collection or a check of the whole registry is at work",
                remedy="Try again when it is done",
            )
        task = self._task = asyncio.create_task(run_in_threadpool(work))
        done, _ = await asyncio.wait({task}, timeout=_SILENCE_S)
        if done:
            return Response(to_json(task.result()), media_type=_JSON)
        return StreamingResponse(_said(task), media_type=_JSON)


async def _said(task: asyncio.Task[object]) -> AsyncIterator[bytes]:
    while not task.done():
        yield b" "
        await asyncio.wait({task}, timeout=_SILENCE_S)
    yield to_json(_outcome(task))


def _outcome(task: asyncio.Task[object]) -> object:
    try:
        return task.result()
    except PedigreeError as error:
        return problem_of(error)
    except Exception as error:  # what it says may quote anything, so it is for the log alone
        _LOG.exception("%s", task, extra={"action": "request.crashed"}, exc_info=error)
        return problem_of(PedigreeError("the service failed", remedy="Look into its log"))
