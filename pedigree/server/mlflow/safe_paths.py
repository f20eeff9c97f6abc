"""Paths of requests that are judged before anything is found by them: decoded once, and repeatedly.

A path may be decoded again on its way, by a proxy or by another server. So what is refused in a
path is refused in each form that decoding gives it.
"""

from collections.abc import Iterator
from urllib.parse import unquote

from pedigree.server.mlflow.fields import UnacceptedRequestError

_INVALID = "Invalid path"
# A path that is encoded more often than that hides something.
_MOST_DECODINGS = 8
_MOST_CHARACTERS = 4096


def require_safe_path(path: str) -> tuple[str, ...]:
    """Return the forms of a path, the given one first, each decoded from the one before it.

    Args:
        path: A path as the server decoded it, with or without a slash at its begin and end.

    Raises:
        UnacceptedRequestError: A form leaves its folder, has an empty part, a backslash, a drive, a
            ``#`` or a control character, or it is encoded too often. The text is MLflow's.
    """
    if len(path) > _MOST_CHARACTERS:
        raise UnacceptedRequestError(_INVALID)
    forms = tuple(_forms(path))
    if not all(map(_is_safe, forms)):
        raise UnacceptedRequestError(_INVALID)
    return forms


def _forms(path: str) -> Iterator[str]:
    for _ in range(_MOST_DECODINGS):
        yield path
        decoded = unquote(path, errors="surrogateescape")
        if decoded == path:
            return
        path = decoded
    raise UnacceptedRequestError(_INVALID)


def _is_safe(path: str) -> bool:
    r"""Return whether a form of a path names what it seems to name.

    >>> [_is_safe(each) for each in ("/a/b/", "a/../b", "a//b", "a\\b", "file:/a")]
    [True, False, False, False, False]
    """
    if "\\" in path or "#" in path or not path.isprintable():
        return False
    parts = path.removeprefix("/").removesuffix("/").split("/")
    if parts == [""]:
        return True
    return {"", ".", ".."}.isdisjoint(part.strip() for part in parts) and ":" not in parts[0]
