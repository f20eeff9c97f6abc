"""What a service tells somebody who wants to log in."""

from pydantic import Field

from pedigree._record import Record


class LoginOffer(Record):
    """A provider with which people log in."""

    provider: str
    issuer: str
    client_id: str = Field(description="A public client, without a secret")
    audience: str
    scopes: tuple[str, ...]


class LoginOffers(Record):
    """The providers with which people log in."""

    offers: tuple[LoginOffer, ...]
