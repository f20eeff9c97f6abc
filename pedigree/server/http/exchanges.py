"""The form of a token exchange (RFC 8693)."""

from urllib.parse import parse_qsl

from fastapi import Request

from pedigree.errors import ExchangeRefusedError
from pedigree.server.http.inputs import WrongContentTypeError

URLENCODED = "application/x-www-form-urlencoded"
GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
_OF_TOKENS = "urn:ietf:params:oauth:token-type:"
ACCESS_TOKEN = f"{_OF_TOKENS}access_token"
# Libraries call a workload's token any of these; it is verified as a JSON Web Token.
SUBJECT_TYPES = (f"{_OF_TOKENS}jwt", f"{_OF_TOKENS}id_token", ACCESS_TOKEN)
_MOST_FIELDS = 20


async def subject_token(request: Request) -> str:
    """Return the token that a request offers for exchange.

    Raises:
        WrongContentTypeError: The body is not a form.
        ExchangeRefusedError: The form is not one of a token exchange that the service performs.
    """
    given = request.headers.get("content-type")
    if (given or "").partition(";")[0].strip().lower() != URLENCODED:
        raise WrongContentTypeError(
            "is not a form",
            field="Content-Type",
            value=given,
            remedy=f"Send the header `Content-Type: {URLENCODED}` with the body",
        )
    fields = _fields(await request.body())
    _require(fields, "grant_type", (GRANT,))
    _require(fields, "subject_token_type", SUBJECT_TYPES)
    if "requested_token_type" in fields:
        _require(fields, "requested_token_type", (ACCESS_TOKEN,))
    if "actor_token" in fields:
        raise _refused("actor_token", "is not supported", "Leave it out")
    if not fields.get("subject_token"):
        raise _refused("subject_token", "is missing", "Send the token of the workload")
    return fields["subject_token"]


def _fields(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError:
        raise _refused("body", "is not a form", f"Send at most {_MOST_FIELDS} fields") from None
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise _refused("body", "has a field twice", "Send each field once")
    return fields


def _require(fields: dict[str, str], name: str, accepted: tuple[str, ...]) -> None:
    if fields.get(name) not in accepted:
        given = "is missing" if name not in fields else "is not supported"
        raise _refused(name, given, f"Send one of {', '.join(accepted)}")


def _refused(field: str, message: str, remedy: str) -> ExchangeRefusedError:
    return ExchangeRefusedError(message, field=field, remedy=remedy)
