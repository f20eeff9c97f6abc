"""What was decided and overridden recently, and what the visitor asked for."""

from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from pedigree.lifecycle.recent import RecentPage
from pedigree.registry.activity import ActivityOperations
from pedigree.server.web.keys import key_before
from pedigree.server.web.visits import Visit

_AT_ONCE = 50

_Read = Callable[[ActivityOperations, str, int | None], RecentPage[Any]]

RECENT: dict[str, tuple[str, _Read]] = {
    "asked": (
        "Asked by me",
        lambda activity, me, before: activity.requests_of(me, limit=_AT_ONCE, before=before),
    ),
    "decided": (
        "Decided",
        lambda activity, _, before: activity.recent_decisions(limit=_AT_ONCE, before=before),
    ),
    "decided-by-me": (
        "Decided by me",
        lambda activity, me, before: activity.recent_decisions(
            by=me, limit=_AT_ONCE, before=before
        ),
    ),
    "overrides": (
        "Overrides",
        lambda activity, _, before: activity.recent_overrides(limit=_AT_ONCE, before=before),
    ),
}
"""The lists by the word that the URL has for them: their titles, and how they are read."""


def recent_page(visit: Visit) -> Response:
    """Show the list that the URL names, the newest first."""
    shown = visit.query["show"]
    title, read = RECENT[shown]
    before = key_before(visit.query)
    found = read(visit.registry.operations.activity, visit.principal.shown_name, before)
    return visit.page(
        "approvals_recent.html",
        lists=True,
        title=title,
        shown=shown,
        found=found,
        is_first=before is None,
    )
