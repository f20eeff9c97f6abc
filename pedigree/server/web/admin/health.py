"""Admin: whether the registry is well, what waits in it, and what it holds."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from anyio import from_thread
from starlette.responses import Response

from pedigree.access.records import Permission
from pedigree.delivery.metrics import DatabaseMetrics
from pedigree.distribution import own_version
from pedigree.maintenance.fsck_runs import FsckRun
from pedigree.postgres.migrate import SchemaState, schema_state
from pedigree.registry.operations import RegistryOperations
from pedigree.server.health import health_of
from pedigree.server.http.auth import requires
from pedigree.server.registry_metrics import RegistryMetrics
from pedigree.server.web.admin import links
from pedigree.server.web.admin.pages import admin_page
from pedigree.server.web.links import ADMIN, Links
from pedigree.server.web.routes import Pages
from pedigree.server.web.visits import Visit
from pedigree.server.web.words import plural, span

pages = Pages()

# Sealing and delivery are done within seconds; longer than this they deserve a look.
_LATE_S = 60.0


class HealthLine(NamedTuple):
    """One thing that the page states.

    Attributes:
        name: What it is about.
        mark: ``good``, ``warn`` or ``bad``; None for a fact, or for what is not known.
        says: What is known of it.
        at: When that was; None if it is so now.
        link: The page that shows more; None without one.
    """

    name: str
    mark: str | None
    says: str
    at: datetime | None = None
    link: str | None = None


@pages.get(ADMIN)
@requires(Permission.AUDIT)
def admin_health(visit: Visit) -> Response:
    """Show whether the registry is well, what waits, and what it holds."""
    health = from_thread.run(health_of, visit.request)
    metrics: RegistryMetrics = visit.request.app.state.registry_metrics
    operations = visit.registry.operations
    lines = (
        invariants(operations.fsck.newest_run()),
        *waiting(metrics.measured(), visit.links),
        sealed(operations, visit.now),
        schema(schema_state(visit.registry.database)),
        HealthLine("version of the service", None, own_version()),
    )
    return admin_page(
        visit, "health.html", ADMIN, health=health, lines=lines, stats=visit.registry.stats()
    )


def invariants(run: FsckRun | None) -> HealthLine:
    """Return what the newest run of `fsck` found."""
    if run is None:
        return HealthLine("invariants", None, "not known: no run of fsck is recorded")
    scope = "with the bytes of all objects" if run.hashes else "without reading the bytes"
    by = f"checked by {run.actor}, {scope}"
    if not run.violated:
        return HealthLine("invariants", "good", f"all held, {by}", run.at)
    found = ", ".join(f"{name} ({count:,})" for name, count in sorted(run.violated.items()))
    return HealthLine("invariants", "bad", f"violated: {found}; {by}", run.at)


def waiting(read: DatabaseMetrics | None, to: Links) -> Iterator[HealthLine]:
    """Yield what waits: for its place in the feed, for its delivery, and for another attempt."""
    if read is None:
        yield HealthLine("what waits", None, "not known: the database did not answer in time")
        return
    yield _queue("order of events", "event", read.unsealed, read.sealer_lag)
    if not read.outbox_pending and not read.sink_behind:
        yield HealthLine("deliveries", None, "there is no active webhook and no sink")
    for webhook, pending in sorted(read.outbox_pending.items(), key=lambda each: int(each[0])):
        line = _queue(f"webhook {webhook}", "delivery", pending, read.outbox_age.get(webhook, 0))
        yield line._replace(link=to.to(links.WEBHOOK, webhook_id=webhook))
    for sink, behind in sorted(read.sink_behind.items()):
        yield _queue(f"sink {sink}", "event", behind, read.sink_lag.get(sink, 0))
    failing = {work: int(count) for work, count in read.failing_members.items() if count}
    if not failing:
        yield HealthLine("background work", "good", "nothing fails")
    for work, count in sorted(failing.items()):
        yield HealthLine(f"background work: {work}", "warn", f"{plural(count, 'member')} failed")


def _queue(name: str, kind: str, count: float, seconds: float) -> HealthLine:
    """Return how long a queue is, and how late."""
    if not count and seconds < 1:
        return HealthLine(name, "good", "nothing waits")
    if not count:
        late = span(timedelta(seconds=seconds))
        return HealthLine(name, "warn", f"the oldest event that was not sent is {late} old")
    many = plural(int(count), kind, "deliveries" if kind == "delivery" else None)
    says = f"{many} waiting, the oldest for {span(timedelta(seconds=seconds))}"
    return HealthLine(name, "warn" if seconds > _LATE_S else "good", says)


def sealed(operations: RegistryOperations, now: datetime) -> HealthLine:
    """Return how far the log is sealed, and since when."""
    checkpoint, head = operations.audit.log_checkpoint(), operations.audit.log_head()
    if checkpoint is None:
        return HealthLine("audit log", "warn", "no key seals it: set PEDIGREE_AUDIT_KEY")
    rest, at = head - checkpoint.size, checkpoint.sealed_at
    says = f"sealed up to event {checkpoint.size:,}"
    if rest <= 0:
        return HealthLine("audit log", "good", f"{says}, which is the newest", at)
    mark = "warn" if now - at > timedelta(seconds=_LATE_S) else "good"
    return HealthLine("audit log", mark, f"{says}; {plural(rest, 'event')} since then", at)


def schema(state: SchemaState) -> HealthLine:
    """Return how the schema of the database compares with the code."""
    name = "schema of the database"
    if state.lacking:
        lacking = ", ".join(state.lacking)
        return HealthLine(name, "bad", f"lacks {lacking}: run pedigree migrate", state.applied_at)
    newest, at = state.newest or "no migration", state.applied_at
    if state.unknown:
        return HealthLine(name, "warn", f"{newest}, which is newer than this code", at)
    return HealthLine(name, "good", f"{newest}, which is the newest", at)
