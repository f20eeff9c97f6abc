"""The files that pages load: each has the hash of its content in its name, and never changes."""

import gzip
import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from pedigree.server.http.named_routes import NamedRoute
from pedigree.server.web.links import STATIC

_KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
_CACHING = {"Cache-Control": "public, max-age=31536000, immutable"}


class StaticFile(NamedTuple):
    """A file as it is served.

    Attributes:
        name: Its name with the hash of its content.
        kind: Its media type.
        content: Its bytes.
        compressed: The same with gzip; None if it is compressed already.
    """

    name: str
    kind: str
    content: bytes
    compressed: bytes | None


@cache
def static_files() -> dict[str, StaticFile]:
    """Return the files by their plain names.

    The stylesheet names the font, so its own hash covers that of the font.
    """
    folder = files(__package__).joinpath("static")
    contents = {
        each.name: each.read_bytes()
        for each in folder.iterdir()
        if Path(each.name).suffix in _KINDS  # not the license of the font
    }
    found = {name: _named(name, contents.pop(name)) for name in [*contents] if _is_font(name)}
    fonts = [*found.values()]
    for name, content in contents.items():
        found[name] = _named(name, _with_names(content, fonts))
    return found


def _with_names(content: bytes, fonts: list[StaticFile]) -> bytes:
    for font in fonts:
        content = content.replace(f"url({_plain(font)})".encode(), f"url({font.name})".encode())
    return content


def static_name(plain: str) -> str:
    """Return the name with hash of a file, such as ``pedigree.0123456789.css``."""
    return static_files()[plain].name


async def static_file(request: Request) -> Response:
    """Return a file by its name with hash."""
    found = _by_name().get(request.path_params["file"])
    if found is None:
        raise HTTPException(404, "Not Found")
    headers = {**_CACHING, "Vary": "Accept-Encoding"}
    if found.compressed is not None and accepts_gzip(request):
        headers["Content-Encoding"] = "gzip"
        return Response(found.compressed, headers=headers, media_type=found.kind)
    return Response(found.content, headers=headers, media_type=found.kind)


def accepts_gzip(request: Request) -> bool:
    """Return whether the caller takes an answer that is compressed with gzip."""
    given = request.headers.get("accept-encoding", "")
    return any(
        name.strip() in ("gzip", "*") and weight.replace(" ", "") not in ("q=0", "q=0.0")
        for name, _, weight in (each.partition(";") for each in given.split(","))
    )


ROUTES = (NamedRoute(STATIC, static_file, name="static_file"),)


@cache
def _by_name() -> dict[str, StaticFile]:
    return {each.name: each for each in static_files().values()}


def _named(plain: str, content: bytes) -> StaticFile:
    stem, _, suffix = plain.rpartition(".")
    name = f"{stem}.{hashlib.sha256(content).hexdigest()[:10]}.{suffix}"
    compressed = None if _is_font(plain) else gzip.compress(content, mtime=0)
    return StaticFile(name, _KINDS[f".{suffix}"], content, compressed)


def _plain(file: StaticFile) -> str:
    stem, _, suffix = file.name.rsplit(".", 2)
    return f"{stem}.{suffix}"


def _is_font(name: str) -> bool:
    return name.endswith(".woff2")
