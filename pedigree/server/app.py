"""The application: the routes of every resource, behind one gate."""

from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import Any

from anyio import to_thread
from fastapi import FastAPI
from starlette.types import ASGIApp

from pedigree import tracing
from pedigree.delivery.background_thread import BackgroundThread
from pedigree.delivery.sink_worker import SinkWorker
from pedigree.delivery.webhook_worker import WebhookWorker
from pedigree.distribution import own_version
from pedigree.registry import Registry
from pedigree.registry.reconciler import Reconciler
from pedigree.server import health, metrics
from pedigree.server.fast_reads import FastReadMiddleware
from pedigree.server.http.auth import Authenticator
from pedigree.server.http.event_stream import EventStream
from pedigree.server.http.long_requests import LongWork
from pedigree.server.http.problems import Problem, add_handlers
from pedigree.server.http.throttle import Throttle
from pedigree.server.middleware import RequestMiddleware
from pedigree.server.registry_metrics import RegistryMetrics
from pedigree.server.request_metrics import RequestMetrics
from pedigree.server.rest import (
    aliases,
    approvals,
    artifacts,
    cards,
    checks,
    datasets,
    evaluations,
    events,
    fsck,
    gc,
    lineage,
    models,
    monitoring,
    policies,
    promotions,
    quarantine,
    registration,
    retention,
    search,
    stage_requests,
    stages,
    staleness,
    statistics,
    tokens,
    uploads,
    versions,
    webhooks,
)
from pedigree.server.shutdown import Drain, draining
from pedigree.settings import Settings

_RESOURCES = (
    *(models, versions, registration, uploads, artifacts, aliases, stages, stage_requests),
    *(approvals, promotions, policies, checks, cards, datasets, evaluations, monitoring),
    *(lineage, staleness, quarantine, retention, search, events, statistics),
    *(webhooks, tokens, gc, fsck, metrics, health),
)
# Each connection may have so many requests wait for it before further ones are sent away.
_WAITING_FOR_ONE = 16
# Downloads of a version by somebody are one event an hour.
_TOLD_AGAIN_S = 3600.0


class _Service(FastAPI):
    """The application, and around it what tells of each request, also of one that crashed."""

    def build_middleware_stack(self) -> ASGIApp:
        """Put what observes around all that answers, the short way and the ordinary one."""
        answering = FastReadMiddleware(super().build_middleware_stack(), self.router.routes)
        return RequestMiddleware(answering, self.state.metrics, self.state.drain)


def create_app(settings: Settings | None = None) -> FastAPI:
    """Make the application of one process; it connects when it starts.

    Args:
        settings: This process's settings; read from the environment when None.
    """
    app = _Service(
        title="Pedigree",
        summary="A model registry that lives in the Dagster asset graph.",
        version=own_version(),
        lifespan=_lifespan(settings),
        redoc_url=None,
    )
    app.state.metrics = RequestMetrics()
    app.state.drain = Drain()
    add_handlers(app)
    for resource in _RESOURCES:
        # Not by include_router, which puts a second look-up before each of these.
        app.router.routes.extend(resource.router.routes)
    _describe(app)
    return app


def _lifespan(settings: Settings | None) -> Any:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        read = settings or Settings()
        drain: Drain = app.state.drain
        # A thread without a connection would only wait for one.
        connections = read.database_connections
        with (
            tracing.configured(),
            await to_thread.run_sync(lambda: Registry.connect(settings=read)) as registry,
            ThreadPoolExecutor(connections, "reader") as app.state.readers,
        ):
            to_thread.current_default_thread_limiter().total_tokens = connections
            app.state.registry = registry
            app.state.gate = Authenticator(
                registry, is_open=read.serve_open, most_at_work=connections * _WAITING_FOR_ONE
            )
            app.state.tail = EventStream(registry)
            app.state.long_work = LongWork()
            app.state.numbers = RegistryMetrics(registry.database)
            drain.at_once(app.state.tail.end)
            app.state.downloads = Throttle(_TOLD_AGAIN_S)
            app.state.health_threads = health.threads()
            with _working(registry, drain), draining(drain, read.serve_drain.total_seconds()):
                yield
            app.state.metrics.write()

    return lifespan


@contextmanager
def _working(registry: Registry, drain: Drain) -> Iterator[None]:
    """Do what was asked for, and deliver events; without a key there is no webhook for them."""
    database, settings = registry.database, registry.settings
    with ExitStack() as meanwhile:
        upkeep = meanwhile.enter_context(BackgroundThread(Reconciler(registry), "upkeep"))
        drain.at_once(upkeep.stop)
        if settings.serve_delivers and settings.sinks:
            feeder = meanwhile.enter_context(SinkWorker(database, settings))
            drain.at_once(meanwhile.enter_context(BackgroundThread(feeder)).stop)
        if settings.serve_delivers and settings.secret_key is not None:
            deliverer = WebhookWorker(database, settings)
            drain.at_once(meanwhile.enter_context(BackgroundThread(deliverer)).stop)
        yield


def _describe(app: FastAPI) -> None:
    """Add to the OpenAPI document what no route tells: the problems, and how to sign in."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = made()
            components = document.setdefault("components", {})
            problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            components["schemas"].update(problem.pop("$defs", {}), Problem=problem)
            components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            document["security"] = [{"token": []}]
            for path in document["paths"].values():
                for method, operation in path.items():
                    _complete(method, operation)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(method: str, operation: dict[str, Any]) -> None:
    """Say of an operation what its function does not: 304, and that no parameter is null."""
    parameters = operation.get("parameters", ())
    for parameter in parameters:
        _leave_out_null(parameter["schema"])
    if method == "get" and "if-none-match" in (each["name"] for each in parameters):
        operation["responses"]["304"] = {"description": "It is what the caller has"}


def _leave_out_null(schema: dict[str, Any]) -> None:
    """Say of a parameter what it can be; none is written as null, those without a value are not."""
    kinds = [kind for kind in schema.pop("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) == 1:
        schema.update(kinds[0])
    elif kinds:
        schema["anyOf"] = kinds
