"""What the fast paths of reads and of writes share: finding a route, and reading its path."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter
from starlette.routing import BaseRoute, Route

T = TypeVar("T")


class FastRoutes(Generic[T]):
    """The routes of a method, in their order: the first one that matches a path serves it.

    Args:
        routes: All routes of an application.
        method: The HTTP method.
        fast_form: Returns a route in its fast form; None if it has none.
    """

    def __init__(
        self, routes: Sequence[BaseRoute], method: str, fast_form: Callable[[Route], T | None]
    ) -> None:
        self._routes: list[tuple[re.Pattern[str], T | None]] = [
            (each.path_regex, fast_form(each))
            for each in routes
            if isinstance(each, Route) and method in (each.methods or ())
        ]

    def at(self, path: str) -> tuple[T | None, dict[str, str]]:
        """Return the fast form of the route that serves a path, and the parts of the path."""
        for pattern, found in self._routes:
            if match := pattern.match(path):
                return found, match.groupdict()
        return None, {}


def path_arguments(
    parameters: Mapping[str, TypeAdapter[Any]], parts: Mapping[str, str]
) -> dict[str, Any]:
    """Return an endpoint's arguments from the parts of a path.

    Raises:
        ValidationError: One of them is invalid.
    """
    return {name: adapter.validate_python(parts[name]) for name, adapter in parameters.items()}
