"""The kinds of pages of the web page, and what one view of a page takes."""

import re
from collections.abc import Callable, Mapping
from time import perf_counter
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import quote_plus
from urllib.request import Request, urlopen

from benchmarks._servers import Running

_FILES = re.compile(rb'(?:href|src)="(/static/[^"]+)"')


class View(NamedTuple):
    """The bytes of one view, compressed as a browser asks for them.

    Attributes:
        page: Of the page alone: files never change under one name, so later views have no others.
        files: Of all files that it loads.
    """

    page: int
    files: int


class Reader(NamedTuple):
    """Somebody who opens pages of a service.

    Attributes:
        server: The service.
        secret: Their token.
    """

    server: Running
    secret: str

    def request(self, path: str, accept: str = "text/html") -> str:
        """Return the text of a request, for the load."""
        return (
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self.secret}\r\n"
            f"Accept: {accept}\r\nAccept-Encoding: gzip\r\n\r\n"
        )

    def seconds(self, path: str) -> float:
        """Return how long one request takes."""
        began = perf_counter()
        self.read(path)
        return perf_counter() - began

    def view(self, path: str) -> View:
        """Return the bytes of a view of a page."""
        files = set(_FILES.findall(self.read(path, encoding="identity")))
        return View(len(self.read(path)), sum(len(self.read(each.decode())) for each in files))

    def read(self, path: str, encoding: str = "gzip") -> bytes:
        """Return the body of an answer.

        Raises:
            OSError: It is an error.
        """
        headers = {
            "Authorization": f"Bearer {self.secret}",
            "Accept": "text/html",
            "Accept-Encoding": encoding,
        }
        asked = Request(f"http://127.0.0.1:{self.server.port}{path}", headers=headers)
        with urlopen(asked, timeout=60) as answer:
            content: bytes = answer.read()
        return content


def _filter(text: str) -> str:
    return f"/?q={quote_plus(text)}"


PAGES: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        "models": lambda _: "/",
        "models, by the newest": lambda _: "/?sort=newest",
        "models of a team": lambda _: "/?team=team-0",
        "models by words": lambda name: f"/?q={name[:5]}",
        "versions by a filter": lambda _: _filter("metrics.auc > 0.9 AND stage = 'production'"),
        "a model": lambda name: f"/models/{name}",
        "a policy": lambda name: f"/models/{name}/policy",
        "a version": lambda name: f"/models/{name}/versions/1",
        "the events of a version": lambda name: f"/models/{name}/versions/1/history",
        "the files of a version": lambda name: f"/models/{name}/versions/1/files",
        "evidence": lambda name: f"/models/{name}/versions/1/evidence",
        "an action's form": lambda name: f"/models/{name}/versions/1/promote",
        "a comparison": lambda name: f"/compare?v={name}%2F1&v={name}%2F2",
        "approvals": lambda _: "/approvals",
        "impact": lambda name: f"/impact?asset={name.partition('_')[0]}_sources",
        "drift": lambda _: "/drift",
        "audit": lambda _: "/audit",
        "admin": lambda _: "/admin",
    }
)
"""The paths of a kind of page by the name of a model; a model is another one each time."""
