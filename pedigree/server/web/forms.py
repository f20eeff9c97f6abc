"""Forms of pages: what a request must be to count as one, and its fields."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request

from pedigree.errors import InvalidInputError, NotPermittedError
from pedigree.server.http.inputs import WrongContentTypeError

MOST_FORM_BYTES = 64_000

_KIND = "application/x-www-form-urlencoded"
_OWN_SITES = frozenset({"same-origin", "none"})
_MOST_FIELDS = 200


def require_form(request: Request) -> None:
    """Require that a form of this site comes; every current browser says which site sends it.

    Raises:
        NotPermittedError: Another site sends it.
        WrongContentTypeError: It is not encoded as forms of pages are.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in _OWN_SITES:
        raise NotPermittedError(
            "another site sent the form",
            field="Sec-Fetch-Site",
            value=site,
            remedy="Open the page of this registry, and send the form from there",
        )
    kind = request.headers.get("content-type")
    if kind is not None and kind.partition(";")[0].strip().lower() != _KIND:
        raise WrongContentTypeError(
            "is not that of a form",
            field="Content-Type",
            value=kind,
            remedy=f"Send the form as {_KIND}",
        )


def fields_of(body: bytes) -> Mapping[str, str]:
    """Return the fields of a form.

    Raises:
        InvalidInputError: It is not a form, or a field is there twice.
    """
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            encoding="utf-8",
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except (UnicodeDecodeError, ValueError):
        raise InvalidInputError(
            "the body is not a form", field="body", remedy="Send the form from its page"
        ) from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise InvalidInputError(
            "a field of the form is there twice", field="body", remedy="Send each field once"
        )
    return fields
