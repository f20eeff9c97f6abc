"""The application: the routes of every resource, with one authenticator."""

from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from anyio import to_thread
from fastapi import FastAPI
from starlette.types import ASGIApp

from pedigree import tracing
from pedigree._setting_lists import Door
from pedigree._values import JSON_BYTES, JSON_DEPTH, KEY_BYTES, RECORD_BYTES, TEXT_BYTES
from pedigree.access.oidc.provider_file import read_providers
from pedigree.delivery.background_thread import BackgroundThread
from pedigree.delivery.sink_worker import SinkWorker
from pedigree.delivery.webhook_worker import WebhookWorker
from pedigree.distribution import own_version
from pedigree.registry import Registry
from pedigree.registry.log_sealing import LogSealing
from pedigree.registry.pending_registrations import PendingRegistrations
from pedigree.registry.reconciler import Reconciler
from pedigree.server import documents, health, log_tiles, login, metrics, token_exchange
from pedigree.server.connections import Connections
from pedigree.server.description import describe
from pedigree.server.fast_reads import FastReadMiddleware
from pedigree.server.fast_writes import FastWriteMiddleware
from pedigree.server.http.auth import Authenticator
from pedigree.server.http.bodies import Bodies
from pedigree.server.http.event_stream import EventStream
from pedigree.server.http.fair_use import FairUse
from pedigree.server.http.grant_uses import GrantUses
from pedigree.server.http.long_requests import LongWork
from pedigree.server.http.problems import add_handlers
from pedigree.server.http.proxies import Proxies
from pedigree.server.http.unknown_tokens import UnknownTokens
from pedigree.server.log_head import LogHead
from pedigree.server.middleware import RequestMiddleware
from pedigree.server.mlflow.door import MlflowMiddleware, open_mlflow
from pedigree.server.mlflow.reads import MLFLOW_READS
from pedigree.server.mlflow.routes import MlflowRoute
from pedigree.server.mlflow.tracking_server import tracking_server
from pedigree.server.people import PeopleOfProviders
from pedigree.server.point_reads import PointReads
from pedigree.server.registry_metrics import RegistryMetrics
from pedigree.server.request_metrics import RequestMetrics
from pedigree.server.rest import (
    access,
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
    people,
    policies,
    promotions,
    quarantine,
    registration,
    retention,
    sealing,
    search,
    stage_requests,
    stages,
    staleness,
    statistics,
    tags,
    tokens,
    uploads,
    versions,
    webhooks,
)
from pedigree.server.scim import routes as scim
from pedigree.server.scim.refusals import add_scim_errors
from pedigree.server.shutdown import Drain, draining
from pedigree.server.web.door import open_web, start_web
from pedigree.settings import Settings

if TYPE_CHECKING:
    from pedigree.server.oidc import OidcTokens

_REST = (
    *(models, versions, registration, uploads, artifacts, aliases, stages, stage_requests),
    *(approvals, promotions, policies, checks, cards, datasets, evaluations, monitoring),
    *(tags, lineage, staleness, quarantine, retention, sealing, search, events, statistics),
    *(webhooks, tokens, access, people, token_exchange, login, gc, fsck, log_tiles),
    *(scim,),
)
_ALWAYS = (metrics, health)
# How many requests may wait for each connection before the service refuses further ones.
_WAITING_FOR_ONE = 16
_SCAN_NICENESS = 10
# Keys of OIDC providers that are fetched at once.
_FETCHES = 4
_VALUES = f"""Values have bounds, in bytes of UTF-8. A value beyond its bound is answered by 422.

- A text is Unicode without NUL, and has at most {TEXT_BYTES:,} bytes.
- A text by which rows are found (a run, an asset, a partition, a check, an actor) has at most
  {KEY_BYTES:,} bytes.
- A JSON value (params, config, details, settings, metrics) has at most {JSON_BYTES:,} bytes and
  {JSON_DEPTH} levels, and only finite numbers. Tags and owners have at most {TEXT_BYTES:,} bytes.
- A record has at most {RECORD_BYTES:,} bytes.

In a schema, `x-max-bytes` and `x-max-depth` are these bounds.
"""


class _Service(FastAPI):
    """The application, with middleware that observes each request, even one that crashes."""

    def build_middleware_stack(self) -> ASGIApp:
        """Put the observing middleware around the fast paths and the regular stack."""
        state, routes = self.state, self.router.routes
        fast_writes = FastWriteMiddleware(super().build_middleware_stack(), routes)
        fast_reads: ASGIApp = FastReadMiddleware(fast_writes, routes)
        if any(isinstance(each, MlflowRoute) for each in routes):
            fast_reads = MlflowMiddleware(fast_reads, routes)
        return RequestMiddleware(
            fast_reads, state.metrics, state.drain, state.proxies, state.log_head
        )


def create_app(settings: Settings | None = None) -> FastAPI:
    """Create the application of one process; it connects when it starts.

    Args:
        settings: This process's settings; read from the environment when None.
    """
    app = _Service(
        title="Pedigree",
        summary="A model registry that lives in the Dagster asset graph.",
        description=_VALUES,
        version=own_version(),
        lifespan=_lifespan(settings),
        # Their pages would load scripts from elsewhere.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        # The middleware has spans and metrics of its own.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        # A redirect to the other form of a path would lose the prefix of a proxy.
        redirect_slashes=False,
    )
    app.state.metrics = RequestMetrics()
    app.state.drain = Drain()
    app.state.log_head = LogHead()
    app.state.proxies = Proxies()
    add_handlers(app)
    add_scim_errors(app)
    # include_router would add a second route look-up to each of these.
    for resource in _ALWAYS:
        app.router.routes.extend(resource.router.routes)
    doors = (settings or Settings()).doors
    if Door.REST in doors:
        _open_rest(app)
    if Door.WEB in doors:
        open_web(app)
    if Door.MLFLOW in doors:
        open_mlflow(app)
    return app


def _open_rest(app: FastAPI) -> None:
    for resource in _REST:
        app.router.routes.extend(resource.router.routes)
    app.router.routes.extend(documents.ROUTES)
    describe(app)


def _of_service(settings: Settings) -> Settings:
    """Return settings with which requests come before scans, but do not starve them."""
    niceness = max(settings.scan_niceness, _SCAN_NICENESS)
    return settings.model_copy(update={"scan_niceness": niceness})


def _lifespan(settings: Settings | None) -> Any:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Connections]]:
        resolved = _of_service(settings or Settings())
        drain: Drain = app.state.drain
        # A thread without a connection would only wait for one.
        connections = resolved.database_connections
        with (
            tracing.configured(),
            await to_thread.run_sync(lambda: Registry.connect(settings=resolved)) as registry,
            ThreadPoolExecutor(connections, "reader") as app.state.readers,
            ExitStack() as stack,
        ):
            point_reads = PointReads(registry, app.state.readers, MLFLOW_READS)
            stack.callback(point_reads.close)
            point_reads.start()
            app.state.point_reads = point_reads
            app.state.proxies.configure(resolved)
            to_thread.current_default_thread_limiter().total_tokens = connections
            app.state.registry = registry
            app.state.people = PeopleOfProviders(registry, point_reads, app.state.readers)
            app.state.oidc = oidc = _oidc(resolved, stack, app.state.people)
            app.state.authenticator = Authenticator(
                registry,
                point_reads.bearer,
                is_open=resolved.serve_open and oidc is None,
                identify=oidc.principal if oidc else None,
                named=oidc.named if oidc else None,
                most_at_work=connections * _WAITING_FOR_ONE,
                metrics=app.state.metrics,
                uses=GrantUses(registry.operations.access.note_grants_used, app.state.readers),
            )
            app.state.unknown_workloads = UnknownTokens(app.state.metrics)
            app.state.bodies = Bodies(resolved, app.state.metrics)
            app.state.fair_use = FairUse(resolved, app.state.metrics)
            app.state.event_stream = EventStream(registry, app.state.fair_use)
            start_web(app, registry, resolved, oidc.of_pages if oidc else {})
            app.state.long_work = LongWork(registry.context.names.shown_json)
            app.state.registry_metrics = RegistryMetrics(registry.database)
            drain.at_once(app.state.event_stream.end)
            app.state.health_threads = health.threads()
            with (
                _background_work(registry, drain),
                BackgroundThread(app.state.log_head.follow(registry.database), "log head") as head,
                draining(drain, resolved.serve_drain.total_seconds()),
            ):
                drain.at_once(head.stop)
                async with tracking_server(resolved) as app.state.tracking_server:
                    # The server hands this state to each connection.
                    yield {"connections": Connections(resolved, app.state.metrics)}
            app.state.metrics.write()

    return lifespan


def _oidc(settings: Settings, stack: ExitStack, people: PeopleOfProviders) -> "OidcTokens | None":
    """Return the tokens of OIDC providers, whose keys begin to be fetched; None without a file."""
    if settings.oidc is None:
        return None
    # The library of keys takes a tenth of a second, and not every service needs it.
    from pedigree.server.oidc import OidcTokens  # noqa: PLC0415

    threads = stack.enter_context(ThreadPoolExecutor(_FETCHES, "oidc"))
    found = OidcTokens(read_providers(settings.oidc), threads, people)
    found.start()
    return found


@contextmanager
def _background_work(registry: Registry, drain: Drain) -> Iterator[None]:
    """Run the reconciler, deliver events and seal the log, as far as their keys are set."""
    database, settings = registry.database, registry.settings
    with ExitStack() as running:
        reconciler = running.enter_context(BackgroundThread(Reconciler(registry), "upkeep"))
        drain.at_once(reconciler.stop)
        if Door.MLFLOW in settings.doors:
            registrations = BackgroundThread(PendingRegistrations(registry), "registration")
            drain.at_once(running.enter_context(registrations).stop)
        if settings.serve_delivers and settings.sinks:
            sink_worker = running.enter_context(SinkWorker(database, settings))
            drain.at_once(running.enter_context(BackgroundThread(sink_worker)).stop)
        if settings.serve_delivers and settings.secret_key is not None:
            webhook_worker = WebhookWorker(database, settings)
            drain.at_once(running.enter_context(BackgroundThread(webhook_worker)).stop)
        if settings.serve_seals and settings.audit_key is not None:
            sealing = BackgroundThread(LogSealing(registry), "sealing")
            drain.at_once(running.enter_context(sealing).stop)
        yield
