"""Admin: quarantines, policies, and retention with its collection."""

from itertools import islice

from anyio import from_thread
from starlette.responses import Response

from pedigree.access.records import Permission
from pedigree.errors import PlanChangedError
from pedigree.maintenance.gc_records import Collection
from pedigree.registry import Registry
from pedigree.server.http.auth import requires
from pedigree.server.http.fair_use import Use
from pedigree.server.http.long_requests import LongWork
from pedigree.server.web.admin import fields, links
from pedigree.server.web.admin.lists import listed
from pedigree.server.web.admin.pages import admin_page, may
from pedigree.server.web.keys import key_before
from pedigree.server.web.routes import Pages
from pedigree.server.web.visits import Visit

pages = Pages()

_ITEMS = 50
_DEFAULTS = 100


@pages.get(links.QUARANTINES)
@requires(Permission.AUDIT)
def admin_quarantines(visit: Visit) -> Response:
    """List the open quarantines, the newest first."""
    registry, before = visit.registry, key_before(visit.query)
    found = listed(
        lambda limit: registry.quarantines(limit=limit, before=before),
        lambda each: each.quarantine_id,
    )
    return admin_page(visit, "quarantines.html", links.QUARANTINES, quarantines=found)


@pages.post(links.RELEASE, again=admin_quarantines)
@requires(Permission.QUARANTINE, model_in_body=True)
def release(visit: Visit) -> Response:
    """End a quarantine of data, or release one version."""
    form = visit.form
    reason = fields.required(form, "reason")
    asset, version = fields.text(form, "asset"), fields.text(form, "version")
    partition = fields.text(form, "partition")

    def end(registry: Registry) -> object:
        if asset is None:
            return registry.release_version(version or "", reason=reason)
        return registry.release(asset, partition, whole_asset=partition is None, reason=reason)

    return visit.act(end, then=visit.links.to(links.QUARANTINES))


@pages.get(links.POLICIES)
@requires(Permission.AUDIT)
def admin_policies(visit: Visit) -> Response:
    """List the models, each with the page of its policy."""
    registry, after = visit.registry, visit.query.get("after")
    found = listed(lambda limit: registry.models(limit=limit, after=after), lambda each: each.name)
    defaults = [
        (each, " → ".join(rule.name for rule in each.policy.stages) or "no stages")
        for each in registry.policy_defaults(limit=_DEFAULTS)
    ]
    return admin_page(visit, "policies.html", links.POLICIES, models=found, defaults=defaults)


@pages.get(links.RETENTION)
@requires(Permission.AUDIT, use=Use.SEARCHES)
def admin_retention(visit: Visit) -> Response:
    """Show what a collection would do now, if somebody who may collect asks for that."""
    if visit.query.get("plan") != "now" or not may(visit, Permission.OPERATE):
        return admin_page(visit, "retention.html", links.RETENTION, plan=None, items=())
    with visit.registry.plan_gc() as plan:
        items = [*islice(plan, _ITEMS)]
        return admin_page(visit, "retention.html", links.RETENTION, plan=plan, items=items)


@pages.post(links.COLLECT, again=admin_retention)
@requires(Permission.OPERATE)
def collect(visit: Visit) -> Response:
    """Perform exactly the plan that was shown. Sent twice, the plan has changed and is refused."""
    digest = fields.required(visit.form, "plan")
    registry = visit.registry
    long_work: LongWork = visit.request.app.state.long_work

    def perform() -> Collection:
        with registry.plan_gc() as plan:
            if plan.digest != digest:
                raise PlanChangedError(
                    "the plan has changed since you saw it",
                    field="plan",
                    value=digest,
                    remedy="Look at the new plan, and collect that",
                )
            return registry.gc(plan)

    done = from_thread.run(long_work.alone, perform)
    return admin_page(visit, "collected.html", links.RETENTION, done=done)
