"""The file of providers that ``PEDIGREE_OIDC`` names, in TOML."""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Field,
    FilePath,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationError,
    model_validator,
)

from pedigree._record import Record
from pedigree._setting_lists import Network
from pedigree.access.oidc.claims import Claims, Wanted, claim, holds
from pedigree.access.oidc.globs import is_pattern
from pedigree.access.oidc.login_offers import LoginOffer, LoginOffers
from pedigree.access.records import MOST_ROLES, PERMISSIONS, Permission, RoleName, permitted
from pedigree.errors import InvalidProviderError
from pedigree.settings import Duration

_MOST_BYTES = 256 << 10
_REMEDY = "See docs/access.md for an example"


class ProviderKind(StrEnum):
    """The kind of a provider; all but ``oidc`` sign tokens of workloads only."""

    OIDC = "oidc"
    GITHUB = "github"
    GITLAB = "gitlab"
    KUBERNETES = "kubernetes"


class TokenUse(StrEnum):
    """What a provider's tokens are for."""

    BEARER = "bearer"
    EXCHANGE = "exchange"


class Algorithm(StrEnum):
    """An accepted algorithm of signatures; neither ``none`` nor one with a shared secret."""

    RS256 = "RS256"
    RS384 = "RS384"
    RS512 = "RS512"
    PS256 = "PS256"
    PS384 = "PS384"
    PS512 = "PS512"
    ES256 = "ES256"
    ES384 = "ES384"
    ES512 = "ES512"
    ED25519 = "Ed25519"
    # The older name of Ed25519, which most providers still use.
    EDDSA = "EdDSA"


_ISSUERS = {
    ProviderKind.GITHUB: "https://token.actions.githubusercontent.com",
    ProviderKind.GITLAB: "https://gitlab.com",
}


def _listed(given: object) -> object:
    """Return a single value as a list of one."""
    return [given] if isinstance(given, str | bool | int) else given


Texts = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=512)], ...],
    BeforeValidator(_listed),
    Field(max_length=100),
]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Template = Annotated[str, Field(min_length=1, max_length=256)]
Values = Annotated[
    tuple[StrictBool | StrictInt | StrictStr, ...],
    BeforeValidator(_listed),
    Field(min_length=1, max_length=100),
]


class ProviderRule(Record):
    """Who a token stands for, and what they may do; the first rule that matches decides."""

    principal: Template | None = Field(
        default=None, description="The name of the actor; that of the provider when null"
    )
    when: Mapping[Annotated[str, Field(min_length=1, max_length=256)], Values] = Field(
        default_factory=dict,
        max_length=32,
        description="Claims, and the values or patterns of which each must have one",
    )
    roles: Annotated[tuple[RoleName, ...], Field(min_length=1, max_length=MOST_ROLES)]
    models: Texts = Field(
        default=(), description="Names of models or patterns such as churn*; all models when empty"
    )

    @model_validator(mode="after")
    def _has_patterns(self) -> "ProviderRule":
        for name, values in self.when.items():
            for value in values:
                if isinstance(value, str) and not is_pattern(value):
                    raise ValueError(
                        f"when.{name}: {value!r} is not a pattern: * matches any characters, and"
                        " nothing else is special"
                    )
        return self

    @property
    def only_reads(self) -> bool:
        """Whether it grants reading alone; what a custom role grants is not known here."""
        return permitted(self.roles) <= {Permission.READ} and all(
            role in PERMISSIONS for role in self.roles
        )

    def is_met_by(self, claims: Claims) -> bool:
        """Return whether the claims of a token meet all its conditions."""
        return all(holds(claim(claims, name), wanted) for name, wanted in self.when.items())

    def wanted(self, name: str) -> Sequence[Wanted]:
        """Return the values of which a claim must have one; none if it has no condition."""
        return self.when.get(name, ())


class Provider(Record):
    """An OIDC provider, and what its tokens are accepted for."""

    name: Name
    kind: ProviderKind = ProviderKind.OIDC
    use: TokenUse = Field(
        default=TokenUse.BEARER,
        description="bearer: its tokens are sent to the service; exchange: each is exchanged once",
    )
    issuer: Annotated[str, Field(min_length=8, max_length=512)]
    audience: Annotated[str, Field(min_length=1, max_length=512)]
    other_audiences: Texts = Field(
        default=(), description="Audiences that a token may name beside ours"
    )
    authorized_parties: Texts = Field(
        default=(), description="Accepted values of azp, if a token has one; the audience if empty"
    )
    algorithms: Annotated[tuple[Algorithm, ...], Field(min_length=1)] = (Algorithm.RS256,)
    types: Texts = Field(
        default=(), description='Accepted values of typ in the header; "none" accepts a missing one'
    )
    longest_lifetime: Annotated[Duration, Field(gt=timedelta(0), le=timedelta(days=7))] = timedelta(
        days=1
    )
    client_id: Annotated[str, Field(min_length=1, max_length=256)] | None = Field(
        default=None, description="The public client of `pedigree login`; without it nobody logs in"
    )
    scopes: Texts = Field(
        default=("openid", "offline_access"), description="The scopes that a login asks for"
    )
    principal: Template = "{sub}"
    rules: Annotated[tuple[ProviderRule, ...], Field(min_length=1, max_length=200, alias="rule")]
    networks: tuple[Network, ...] = Field(
        default=(), description="Private networks in which the provider may be"
    )
    ca_file: FilePath | None = None
    bearer_file: FilePath | None = Field(
        default=None, description="A token that is sent when the keys are fetched, as in a cluster"
    )
    jwks_file: FilePath | None = Field(
        default=None, description="The keys, if the provider cannot be reached"
    )

    @model_validator(mode="before")
    @classmethod
    def _of_kind(cls, given: Any) -> Any:
        """Fill in what the kind determines."""
        if not isinstance(given, dict):
            return given
        kind = given.get("kind", ProviderKind.OIDC)
        filled = dict(given)
        if kind in _ISSUERS:
            filled.setdefault("issuer", _ISSUERS[kind])
        if kind != ProviderKind.OIDC:
            filled.setdefault("use", TokenUse.EXCHANGE)
        filled.setdefault(
            "types", ["at+jwt"] if filled.get("use") != TokenUse.EXCHANGE else ["JWT", "none"]
        )
        return filled


class Providers(Record):
    """All providers of a file."""

    providers: Annotated[tuple[Provider, ...], Field(max_length=50, alias="provider")] = ()

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
    # Here, because it judges the records of this module.
    from pedigree.access.oidc.judgement import require_sound  # noqa: PLC0415

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
    return found


def _refused(message: str, file: Path) -> InvalidProviderError:
    return InvalidProviderError(message, field="PEDIGREE_OIDC", value=str(file), remedy=_REMEDY)
