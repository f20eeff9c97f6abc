"""Headers that limit what a browser does with an answer; every answer has them."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]

# An answer is data: a browser that shows it as a page loads and runs nothing, in nobody's frame.
_NOTHING = b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
SECURITY_HEADERS: Headers = (
    (b"content-security-policy", _NOTHING),
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)

# The report draws charts as SVG with styles of its own, and runs no script.
REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'; sandbox"
)
# Swagger UI sets styles of elements and has icons as data URLs; its scripts are files of ours.
DOCUMENTATION_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)


def with_security_headers(given: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return an answer's headers with the missing ones of these; its own policy stays.

    >>> [name for name, _ in with_security_headers([(b"X-Frame-Options", b"DENY")])][:2]
    [b'X-Frame-Options', b'content-security-policy']
    """
    headers = [(bytes(name), bytes(value)) for name, value in given]
    known = {name.lower() for name, _ in headers}
    headers += [each for each in SECURITY_HEADERS if each[0] not in known]
    return headers
