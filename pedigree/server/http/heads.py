"""``HEAD``: every resource that answers GET answers it, without a body."""

from starlette.types import Message, Scope

_KEY = "pedigree.head"


def as_get(scope: Scope) -> Scope:
    """Return the scope of the GET request whose headers answer a HEAD request."""
    # A copy: the server reads the method of its own scope to know that no body follows.
    return {**scope, "method": "GET", _KEY: True} if scope["method"] == "HEAD" else scope


def is_head(scope: Scope) -> bool:
    """Return whether the caller wants only the headers."""
    return _KEY in scope


def without_body(message: Message) -> Message:
    """Return a part of an answer without its bytes."""
    return {**message, "body": b""} if message["type"] == "http.response.body" else message
