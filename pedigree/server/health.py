"""``/livez`` and ``/readyz``: whether the process runs, and whether its dependencies answer."""

from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
import psycopg
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request
from pydantic import Field
from pydantic_core import to_json
from starlette.responses import Response

from pedigree._record import Record
from pedigree.artifacts.store_health import missing
from pedigree.errors import PedigreeError
from pedigree.postgres.database import Database
from pedigree.postgres.migrate import unapplied
from pedigree.registry import Registry
from pedigree.server.shutdown import Drain

router = APIRouter(tags=["health"], generate_unique_id_function=lambda route: route.name)

# Load balancers do not wait longer for an answer.
_TIMEOUT_S = 2.0
# Its own threads: it answers even when all others are busy.
_THREADS = 4


class Health(Record):
    """Whether the service can answer, and the state of each dependency."""

    ready: bool
    parts: dict[str, str]
    warnings: dict[str, str] = Field(
        default_factory=dict,
        description="What does not work now, although the service can answer",
    )


_OPEN: dict[str, Any] = {"security": []}


@router.get("/livez", responses={200: {"model": Health}}, openapi_extra=_OPEN)
async def livez() -> Response:
    """Return 200 if the process runs; no dependency is checked."""
    return _answer(Health(ready=True, parts={}))


@router.get(
    "/readyz",
    responses={200: {"model": Health}, 503: {"model": Health}},
    openapi_extra=_OPEN,
)
async def readyz(request: Request) -> Response:
    """Return whether the database, its schema and the store are available; 503 if one is not.

    It is also 503 while the process is shutting down.
    """
    return _answer(await health_of(request))


async def health_of(request: Request) -> Health:
    """Return whether the process that has a request can answer, and the state of each part."""
    drain: Drain = request.app.state.drain
    if drain.begun:
        return Health(ready=False, parts={"process": "is about to end"})
    registry: Registry = request.app.state.registry
    parts = {
        "database": partial(_lacking, registry.database),
        "store": partial(missing, registry.database, registry.store),
    }
    found = {name: await _ask(request, part) for name, part in parts.items()}
    # Tokens with known keys are valid, and all other tokens: a provider is no reason to be unready.
    problems = request.app.state.oidc.problems() if request.app.state.oidc else {}
    warnings = {f"oidc {name}": f"its keys cannot be fetched: {p}" for name, p in problems.items()}
    return Health(ready=set(found.values()) == {"ok"}, parts=found, warnings=warnings)


async def _ask(request: Request, part: Callable[[], str | None]) -> str:
    limiter: CapacityLimiter = request.app.state.health_threads
    try:
        with anyio.fail_after(_TIMEOUT_S):
            wrong = await to_thread.run_sync(part, abandon_on_cancel=True, limiter=limiter)
    except TimeoutError:
        return f"no answer within {_TIMEOUT_S:g} s"
    except (PedigreeError, psycopg.Error) as error:
        return type(error).__name__
    return wrong or "ok"


def _lacking(database: Database) -> str | None:
    names = unapplied(database)
    return f"its schema lacks {', '.join(names)}: run `pedigree migrate`" if names else None


def threads() -> CapacityLimiter:
    """Return the limiter of the health checks' threads; call it inside the event loop."""
    return CapacityLimiter(_THREADS)


def _answer(health: Health) -> Response:
    status = 200 if health.ready else 503
    headers = {"Cache-Control": "no-store"}
    return Response(to_json(health), status, headers=headers, media_type="application/json")
