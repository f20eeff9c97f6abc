"""The pages of the web page: the server's 95th percentile, and the bytes of a view.

A separate server with two workers answers 8 connections from another process, for each kind of
page in turn, warm. By default it has 1,000 models with 10 versions each; ``--data DIR`` takes the
million of ``benchmarks._million`` in that folder. A view is a page with all files that it loads,
compressed as a browser asks for them; a later view is the page alone, since files never change
under one name.

The load is as much as the server can do: its processes and the load share the processors.
"""

import re
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote_plus
from urllib.request import Request, urlopen

from benchmarks._million import million, small
from benchmarks._million_rows import Shape, name_of
from benchmarks._report import Measured, report
from benchmarks._servers import Running, drive, running
from pedigree import Registry, Settings
from pedigree.access.records import Role
from pedigree.postgres import EmbeddedPostgres

_SHAPE = Shape(models=1_000, versions=10)
_MOST_S = 0.050
_FIRST_VIEW, _LATER_VIEW = 100.0, 20.0  # kB
_WARM_UP_S = 2.0
_PAGES_OF_A_KIND = 50
_FILES = re.compile(rb'(?:href|src)="(/static/[^"]+)"')
_BIN = Path(sys.executable).parent


def _filter(text: str) -> str:
    return f"/?q={quote_plus(text)}"


# The paths of a kind of page by the name of a model; a model is another one each time.
_PAGES: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        "models": lambda _: "/",
        "models, by the newest": lambda _: "/?sort=newest",
        "models of a team": lambda _: "/?team=team-0",
        "models by words": lambda name: f"/?q={name[:5]}",
        "versions by a filter": lambda _: _filter("metrics.auc > 0.9 AND stage = 'production'"),
        "a model": lambda name: f"/models/{name}",
        "a version": lambda name: f"/models/{name}/versions/1",
        "a comparison": lambda name: f"/compare?v={name}%2F1&v={name}%2F2",
        "approvals": lambda _: "/approvals",
    }
)


def main() -> int:
    """Measure and report; return the exit code."""
    words = sys.argv[1:]
    home = million(words) if "--data" in words else small(words, _SHAPE)
    models = 10_000 if "--data" in words else _SHAPE.models
    with tempfile.TemporaryDirectory(prefix="pedigree-bench-") as folder, ExitStack() as stack:
        url = EmbeddedPostgres(home).url("pedigree")
        environment = {
            "PEDIGREE_DATABASE_URL": url,
            "PEDIGREE_HOME": folder,
            "PEDIGREE_ACTOR": "bench",
            "PEDIGREE_SERVE_DRAIN": "0s",
            "PEDIGREE_SERVE_SEALS": "false",
        }
        secret = _token(url, Path(folder))
        server = stack.enter_context(
            running([str(_BIN / "pedigree"), "serve", "--workers", "2"], environment, "/livez")
        )
        figures = _measure(server, secret, models)
    return report(figures, words)


def _measure(server: Running, secret: str, models: int) -> list[Measured]:
    figures = []
    step = max(1, models // _PAGES_OF_A_KIND)
    names = [name_of(number) for number in range(1, models + 1, step)]
    for what, path in _PAGES.items():
        paths = list(dict.fromkeys(map(path, names)))
        if not _exists(server, secret, paths[0]):
            print(f"there is no page of this kind: {what}", file=sys.stderr)
            continue
        figures += _page(server, secret, what, paths)
    return figures


def _page(server: Running, secret: str, what: str, paths: Sequence[str]) -> list[Measured]:
    exchanges = [[_request(path, secret)] for path in paths]
    drive(server, exchanges, seconds=_WARM_UP_S)
    found = drive(server, exchanges)
    page, files = _view(server, secret, paths[0])
    return [
        Measured(
            what=f"{what}: 95th percentile at 8 connections, {found['rate']:.0f} /s",
            value=found["p95"],
            unit="s",
            target=_MOST_S,
            at_least=False,
        ),
        Measured(
            what=f"{what}: first view",
            value=(page + files) / 1000,
            unit="kB",
            target=_FIRST_VIEW,
            at_least=False,
        ),
        Measured(
            what=f"{what}: later view",
            value=page / 1000,
            unit="kB",
            target=_LATER_VIEW,
            at_least=False,
        ),
    ]


def _view(server: Running, secret: str, path: str) -> tuple[int, int]:
    """Return the bytes of a page and of the files that it loads, compressed."""
    page = _read(server, secret, path)
    plain = _read(server, secret, path, encoding="identity")
    files = set(_FILES.findall(plain))
    return len(page), sum(len(_read(server, secret, each.decode())) for each in files)


def _exists(server: Running, secret: str, path: str) -> bool:
    try:
        _read(server, secret, path)
    except OSError:
        return False
    return True


def _read(server: Running, secret: str, path: str, encoding: str = "gzip") -> bytes:
    headers = {
        "Authorization": f"Bearer {secret}",
        "Accept": "text/html",
        "Accept-Encoding": encoding,
    }
    asked = Request(f"http://127.0.0.1:{server.port}{path}", headers=headers)
    with urlopen(asked, timeout=60) as answer:
        content: bytes = answer.read()
    return content


def _request(path: str, secret: str) -> str:
    return (
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {secret}\r\n"
        "Accept: text/html\r\nAccept-Encoding: gzip\r\n\r\n"
    )


def _token(url: str, folder: Path) -> str:
    settings = Settings(database_url=url, home=folder, actor="bench")
    with Registry.connect(settings=settings) as registry:
        return registry.create_token("bench", roles=[Role.ADMIN]).secret


if __name__ == "__main__":
    sys.exit(main())
