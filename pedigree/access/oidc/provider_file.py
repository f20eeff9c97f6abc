"""The file of providers that ``PEDIGREE_OIDC`` names, in TOML."""

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from pedigree._record import Record
from pedigree.access.oidc.judgement import require_sound
from pedigree.access.oidc.login_offers import LoginOffer, LoginOffers
from pedigree.access.oidc.providers import Provider, TokenUse
from pedigree.access.oidc.proxy import AuthenticatingProxy, require_sound_proxy
from pedigree.errors import InvalidProviderError

_MOST_BYTES = 256 << 10
_REMEDY = "See docs/access.md for an example"


class Providers(Record):
    """All providers of a file."""

    providers: Annotated[tuple[Provider, ...], Field(max_length=50, alias="provider")] = ()
    proxy: AuthenticatingProxy | None = Field(
        default=None, description="A proxy that names people in a header"
    )

    @property
    def offers(self) -> LoginOffers:
        """The providers with which people log in."""
        return LoginOffers(
            offers=tuple(
                LoginOffer(
                    provider=each.name,
                    issuer=each.issuer,
                    client_id=each.client_id,
                    audience=each.audience,
                    scopes=each.scopes,
                )
                for each in self.providers
                if each.client_id is not None and each.use is TokenUse.BEARER
            )
        )

    def of(self, issuer: object, use: TokenUse) -> Provider | None:
        """Return the provider with an issuer, which is compared as it is written."""
        return next(
            (each for each in self.providers if each.issuer == issuer and each.use is use), None
        )


def read_providers(file: Path) -> Providers:
    """Read the file of providers.

    Raises:
        InvalidProviderError: It cannot be read, is no TOML, has an unknown key, or has a rule
            that must not be.
    """
    found = Providers.model_validate({})
    try:
        content = file.read_bytes()[: _MOST_BYTES + 1]
        if len(content) > _MOST_BYTES:
            raise _refused(f"has more than {_MOST_BYTES:,} bytes", file)
        found = Providers.model_validate(tomllib.loads(content.decode()))
    except OSError as error:
        raise _refused(f"cannot be read: {error.strerror}", file) from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise _refused(f"{place}: {first['msg']}", file) from None
    except (ValueError, RecursionError) as error:
        raise _refused(f"is not TOML: {error}", file) from error
    for number, provider in enumerate(found.providers):
        require_sound(provider, found.providers[:number])
    if found.proxy is not None:
        require_sound_proxy(found.proxy, found.providers)
    return found


def _refused(message: str, file: Path) -> InvalidProviderError:
    return InvalidProviderError(message, field="PEDIGREE_OIDC", value=str(file), remedy=_REMEDY)
