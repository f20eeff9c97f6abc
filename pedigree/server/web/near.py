"""What somebody may have meant by an address of a model that does not exist."""

from collections.abc import Sequence
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool

from pedigree.errors import ModelNotFoundError, PedigreeError
from pedigree.server.web.links import Links
from pedigree.server.web.visitors import Visitor


class NearPage(NamedTuple):
    """A page that an address may have meant.

    Attributes:
        name: What it is called.
        link: The link to it.
    """

    name: str
    link: str


async def near_pages(error: Exception, visitor: Visitor | None, links: Links) -> Sequence[NearPage]:
    """Return the models whose names are like one that does not exist, as far as one may read them.

    Args:
        error: Why the page does not exist.
        visitor: Who asked for it; None for somebody who is not known.
        links: Links of the request.
    """
    if visitor is None or not isinstance(error, ModelNotFoundError):
        return ()
    models = visitor.caller.registry.operations.models
    try:
        names = await run_in_threadpool(models.near, str(error.value))
    except PedigreeError:  # the page says what was wrong, with or without them
        return ()
    return [NearPage(name, links.model(name)) for name in names]
