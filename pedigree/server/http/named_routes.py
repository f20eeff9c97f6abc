"""Routes outside of FastAPI whose template logs, traces and metrics name, as those of the API."""

from typing import Any

from starlette.routing import Match, Route
from starlette.types import Scope


class NamedRoute(Route):
    """A route that is in the scope of its requests, as FastAPI's routes are."""

    def matches(self, scope: Scope) -> tuple[Match, dict[str, Any]]:
        """Return whether it serves a request, and what the scope then has."""
        match, found = super().matches(scope)
        return match, {**found, "route": self}
