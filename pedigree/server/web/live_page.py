"""What a page that is open needs, so that its stream says when it has moved."""

from collections.abc import Sequence
from typing import NamedTuple, Self, TypeAlias

from pydantic_core import to_json
from starlette.requests import Request

Watched: TypeAlias = tuple[str, int | None]
"""The name of a model, and the number of a version; None for all of the model."""


class LivePage(NamedTuple):
    """A page that says when what it shows has moved.

    Attributes:
        place: The place of the feed up to which it shows everything.
        watches: What it shows, as JSON.
        lists: It lists requests for stages.
    """

    place: int
    watches: str
    lists: bool

    @classmethod
    def of(
        cls, request: Request, place: int, watches: Sequence[Watched] | None, *, lists: bool
    ) -> Self:
        """Return what a page needs.

        Args:
            request: Its request.
            place: The place of the feed before it read anything.
            watches: What it shows; what its path names when None.
            lists: It lists requests for stages.
        """
        if watches is None:
            watches = _named_in(request)
        return cls(place, to_json(watches).decode(), lists)


def _named_in(request: Request) -> Sequence[Watched]:
    name, version = (request.path_params.get(part) for part in ("name", "version"))
    if name is None:
        return ()
    return ((name, int(version) if version and version.isascii() and version.isdigit() else None),)
