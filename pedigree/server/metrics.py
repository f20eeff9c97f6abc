"""``/metrics``: the Prometheus endpoint, for callers with permission to read all models."""

from functools import partial

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from starlette.responses import Response

from pedigree.access.records import Permission
from pedigree.server.http.auth import ProtectedRoute, requires
from pedigree.server.http.problems import problem_responses
from pedigree.server.registry_metrics import RegistryMetrics
from pedigree.server.request_metrics import RequestMetrics

router = APIRouter(
    route_class=ProtectedRoute,
    tags=["health"],
    responses=problem_responses(),
    generate_unique_id_function=lambda route: route.name,
)


@router.get("/metrics", responses={200: {"content": {"text/plain": {}}}}, response_class=Response)
@requires(Permission.READ, streams=True, use=None)
async def metrics(request: Request) -> Response:
    """Return the metrics of the whole service for Prometheus; see docs/operations.md."""
    counted: RequestMetrics = request.app.state.metrics
    registry_metrics: RegistryMetrics = request.app.state.registry_metrics
    counted.write()
    # Its own threads, without waiting in the queue: metrics matter most under load.
    limiter: CapacityLimiter = request.app.state.health_threads
    exposition = await to_thread.run_sync(
        partial(generate_latest, counted.collector_with(registry_metrics)), limiter=limiter
    )
    headers = {"Cache-Control": "no-store", "Content-Type": CONTENT_TYPE_PLAIN_0_0_4}
    return Response(exposition, headers=headers)
