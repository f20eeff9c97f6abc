"""Requests that only read, as endpoints see them, and their answers."""

from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import quote, urlencode

from fastapi import Request
from pydantic_core import to_json
from starlette.responses import Response

from pedigree.access.pseudonyms import Names
from pedigree.catalog.rows import version_json
from pedigree.postgres.transaction import Row
from pedigree.registry import Registry
from pedigree.server.http.auth import Caller
from pedigree.server.http.etags import etag_of, is_known
from pedigree.server.http.heads import is_head
from pedigree.server.http.pages import has_more
from pedigree.server.http.proxies import public_path
from pedigree.server.point_reads import PointReads

T = TypeVar("T")

# A cache must revalidate an answer before each use.
_CACHING = {"Cache-Control": "private, no-cache"}


class ReadRequest:
    """A request that only reads."""

    def __init__(self, request: Request, if_none_match: str | None) -> None:
        self._request = request
        self._if_none_match = if_none_match

    @property
    def caller(self) -> Caller:
        """The authenticated caller."""
        caller: Caller = self._request.state.caller
        return caller

    @property
    def registry(self) -> Registry:
        """The registry with the caller's permissions."""
        return self.caller.registry

    @property
    def _names(self) -> Names:
        return self.registry.context.names

    @property
    def is_head(self) -> bool:
        """Whether the caller wants only the headers."""
        return is_head(self._request.scope)

    def answer(self, value: object) -> Response:
        """Answer with a record, in which people are named, or with 304 if the caller has it."""
        return self._answer(self._names.shown_json(to_json(value)))

    def answer_json(self, body: bytes) -> Response:
        """Answer with the JSON of a record that has names already."""
        return self._answer(body)

    async def version(self, reference: str) -> Response:
        """Answer with a version, or with 304 if the caller already has it."""
        return self._answer(await self.point_reads.version(self.registry, reference))

    @property
    def point_reads(self) -> PointReads:
        """The reads of one record."""
        reads: PointReads = self._request.app.state.point_reads
        return reads

    def page(
        self,
        found: Sequence[T],
        limit: int,
        place: Callable[[T], object],
        parameter: str = "after",
    ) -> Response:
        """Answer with a page; one record more than the limit means that there is a next page.

        So does a page that was cut because of its size.

        Args:
            found: The records.
            limit: How many the page has at most.
            place: Returns the cursor of the page after a record.
            parameter: The query parameter that takes the cursor.
        """
        items = found[:limit]
        further = str(place(items[-1])) if has_more(found, limit) else None
        return self.paged({"items": items, "next": further}, further, parameter)

    def page_of_versions(self, found: Sequence[Row], limit: int) -> Response:
        """Answer with a page of versions, given as rows of the search record."""
        items = found[:limit]
        further = str(items[-1]["version"]) if has_more(found, limit) else None
        listed = ",".join(map(version_json, items))
        cursor = to_json(further).decode()
        return self.paged_json(f'{{"items":[{listed}],"next":{cursor}}}'.encode(), further)

    def page_before(self, found: Sequence[T], limit: int, place: Callable[[T], object]) -> Response:
        """Answer with a page of a list that is read backward: the last records, in order."""
        items = found[-limit:]
        further = str(place(items[0])) if has_more(found, limit) else None
        return self.paged({"items": items, "next": further}, further, "before")

    def paged(self, value: object, further: str | None, parameter: str = "after") -> Response:
        """Answer with a page, and the link to the next one."""
        return self.paged_json(to_json(value), further, parameter)

    def paged_json(self, body: bytes, further: str | None, parameter: str = "after") -> Response:
        """Answer with the JSON of a page, and the link to the next one."""
        headers = {}
        if further is not None:
            query = [*self._request.query_params.multi_items()]
            query = [each for each in query if each[0] != parameter] + [(parameter, further)]
            path = public_path(self._request.scope, quote(self._request.scope["path"]))
            headers["Link"] = f'<{path}?{urlencode(query)}>; rel="next"'
        return self._answer(self._names.shown_json(body), headers)

    def text(self, body: str, media_type: str, headers: dict[str, str]) -> Response:
        """Answer with a text, or with 304 if the caller already has it."""
        return self._answer(body.encode(), headers, media_type)

    @property
    def is_conditional(self) -> bool:
        """Whether the caller names ETags that it already has."""
        return self._if_none_match is not None

    def knows(self, etag: str) -> bool:
        """Return whether the caller already has the state of an ETag, so that 304 is enough."""
        return is_known(self._if_none_match, etag)

    def unchanged(self, etag: str) -> Response:
        """Answer that the caller already has the state of an ETag."""
        return Response(status_code=304, headers={"ETag": etag, **_CACHING})

    def _answer(
        self,
        body: bytes,
        headers: dict[str, str] | None = None,
        media_type: str = "application/json",
    ) -> Response:
        etag = etag_of(body)
        all_headers = {"ETag": etag, **_CACHING, **(headers or {})}
        if self.knows(etag):
            return Response(status_code=304, headers=all_headers)
        return Response(body, headers=all_headers, media_type=media_type)
