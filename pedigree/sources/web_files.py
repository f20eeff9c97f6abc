"""The files of a source at a web server, by the connection that webhooks use.

The address of the connected socket is judged, and no redirect is followed. Without MLflow's API of
artifacts a web server has no lists, so the URL is that of one file.

Needs the extra ``webhooks``; import it with :func:`pedigree.libraries.library`.
"""

from collections.abc import Iterator
from functools import partial
from urllib.parse import quote, unquote

import httpcore2

from pedigree.egress.connection import FAILURES, guarded, headers_for, reason_of
from pedigree.errors import SourceUnavailableError
from pedigree.settings import Settings
from pedigree.sources import refusals
from pedigree.sources.artifact_api import LARGEST_LIST, ROUTE, artifact_files
from pedigree.sources.offered import FetchBudget, OfferedFile
from pedigree.sources.uri import WebSource

_OK = 200
_CLIENT_FAULTS = range(300, 500)
_BUSY = (408, 425, 429)


def web_files(place: WebSource, settings: Settings, budget: FetchBudget) -> Iterator[OfferedFile]:
    """Yield the files at a URL.

    Raises:
        SourceUnavailableError: The server does not answer, or its address is not allowed.
        InvalidSourceError: It answers with another status than 200, or with no list.
    """
    origin, route, path = place.uri.partition(ROUTE)
    if route and path.startswith("/"):
        reader = _WebArtifacts(f"{origin}{ROUTE}", settings, budget)
        yield from artifact_files(reader, unquote(path[1:]), budget)
    else:
        name = unquote(place.uri.rpartition("/")[2])
        yield OfferedFile(name, partial(_chunks, place.uri, settings, budget))


class _WebArtifacts:
    """MLflow's API of artifacts at a URL that somebody named."""

    def __init__(self, root: str, settings: Settings, budget: FetchBudget) -> None:
        self._root = root
        self._settings = settings
        self._budget = budget

    def listed(self, path: str) -> bytes:
        read = bytearray()
        url = f"{self._root}?path={quote(path, safe='')}"
        for chunk in _chunks(url, self._settings, self._budget):
            read += chunk
            if len(read) > LARGEST_LIST:
                raise refusals.refused(self._budget.source, "Its list of files is too long")
        return bytes(read)

    def chunks(self, path: str) -> Iterator[bytes]:
        return _chunks(f"{self._root}/{quote(path)}", self._settings, self._budget)


def _chunks(url: str, settings: Settings, budget: FetchBudget) -> Iterator[bytes]:
    """Yield the body of the answer to a GET.

    The service sends no credential of its own.
    """
    target = httpcore2.URL(url)
    sent = headers_for(target, {"Accept": "*/*", "Accept-Encoding": "identity"})
    try:
        with (
            guarded(
                target,
                allowed=settings.mlflow_source_networks,
                timeout_s=budget.seconds_left,
                ca_file=settings.mlflow_source_ca_file,
            ) as connection,
            connection.stream("GET", target, headers=sent) as answer,
        ):
            _require_ok(answer.status, budget)
            yield from answer.iter_stream()
    except FAILURES as error:
        raise SourceUnavailableError(
            f"the server of the source does not answer: {reason_of(error)}",
            remedy="Check the URL; private networks are allowed by PEDIGREE_MLFLOW_SOURCE_NETWORKS",
        ) from None


def _require_ok(status: int, budget: FetchBudget) -> None:
    if status == _OK:
        return
    if status in _CLIENT_FAULTS and status not in _BUSY:
        raise refusals.refused(budget.source, f"Its server answered with status {status}")
    raise SourceUnavailableError(f"the server of the source answered with status {status}")
