"""What somebody typed into a form that could not be done, so that a page of errors shows it."""

from typing import NamedTuple

from starlette.requests import Request

from pedigree.contract.paths import PREFIX
from pedigree.errors import PedigreeError
from pedigree.server.web.form_tokens import FIELD, KEY_FIELD
from pedigree.server.web.forms import fields_of
from pedigree.server.web.links import Links

# Fields of a form that nobody types.
_UNSEEN = frozenset({KEY_FIELD, "generation", "plan"})


class KeptForm(NamedTuple):
    """A form that could not be done.

    Attributes:
        action: The link to which it is sent.
        fields: All its fields but its token.
        can_be_sent: Whether the page offers to send it again.
    """

    action: str
    fields: tuple[tuple[str, str], ...]
    can_be_sent: bool

    @property
    def typed(self) -> tuple[tuple[str, str], ...]:
        """What somebody typed or chose."""
        return tuple((name, value) for name, value in self.fields if value and name not in _UNSEEN)


def kept_form(request: Request) -> KeptForm | None:
    """Return the form that a request sent; None if it sent none that can be read."""
    body: bytes = getattr(request.state, "typed", b"")
    if not body:
        return None
    try:
        fields = fields_of(body)
    except PedigreeError:
        return None
    return KeptForm(
        Links(request.scope, None).within(request.url.path),
        tuple((name, value) for name, value in fields.items() if name != FIELD),
        is_of_our_page(request),
    )


def is_of_our_page(request: Request) -> bool:
    """Return whether the browser says that a page of ours sent a form.

    Only then it is offered again with a new token: a browser that says nothing may have been made
    to send it by another site, which would need but one click.
    """
    return request.headers.get("sec-fetch-site") == "same-origin"


def wants_page(request: Request) -> bool:
    """Return whether a person asks for something that is no part of the API."""
    return not request.url.path.startswith(f"{PREFIX}/") and "text/html" in request.headers.get(
        "accept", ""
    )
