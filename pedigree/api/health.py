"""``/livez`` and ``/readyz``: whether the process runs, and whether what it stands on answers."""

from collections.abc import Callable
from typing import Any

import anyio
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request
from pydantic_core import to_json
from starlette.responses import Response

from pedigree._record import Record
from pedigree.errors import PedigreeError
from pedigree.registry import Registry

router = APIRouter(tags=["health"])

# No balancer waits longer for an answer.
_PATIENCE_S = 2.0
# Its own threads: it answers also when all others are at work.
_THREADS = 4


class Health(Record):
    """Whether the service can answer, and each part it stands on."""

    ready: bool
    parts: dict[str, str]


_OPEN: dict[str, Any] = {"security": []}


@router.get("/livez", responses={200: {"model": Health}}, openapi_extra=_OPEN)
async def livez() -> Response:
    """Say that the process runs; nothing else is asked."""
    return _answer(Health(ready=True, parts={}))


@router.get(
    "/readyz",
    responses={200: {"model": Health}, 503: {"model": Health}},
    openapi_extra=_OPEN,
)
async def readyz(request: Request) -> Response:
    """Say whether the database and the store answer; 503 where one does not."""
    registry: Registry = request.app.state.registry
    parts = {
        "database": registry.has_tokens,
        "store": lambda: registry.store.size("readyz"),
    }
    found = {name: await _ask(request, part) for name, part in parts.items()}
    return _answer(Health(ready=set(found.values()) == {"ok"}, parts=found))


async def _ask(request: Request, part: Callable[[], object]) -> str:
    limiter: CapacityLimiter = request.app.state.health_threads
    try:
        with anyio.fail_after(_PATIENCE_S):
            await to_thread.run_sync(part, abandon_on_cancel=True, limiter=limiter)
    except TimeoutError:
        return f"no answer within {_PATIENCE_S:g} s"
    except PedigreeError as error:
        return type(error).__name__
    return "ok"


def threads() -> CapacityLimiter:
    """Return what the health checks run in; to be made inside the event loop."""
    return CapacityLimiter(_THREADS)


def _answer(health: Health) -> Response:
    status = 200 if health.ready else 503
    headers = {"Cache-Control": "no-store"}
    return Response(to_json(health), status, headers=headers, media_type="application/json")
