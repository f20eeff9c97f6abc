"""Providers of tokens, and the rules by which a token stands for somebody."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Protocol

from pydantic import (
    BeforeValidator,
    Field,
    FilePath,
    StrictBool,
    StrictInt,
    StrictStr,
    model_validator,
)

from pedigree._durations import Duration
from pedigree._record import Record
from pedigree._setting_lists import Network
from pedigree.access.oidc.claims import Claims, Wanted, claim, holds
from pedigree.access.oidc.globs import is_pattern
from pedigree.access.records import MOST_ROLES, PERMISSIONS, Permission, RoleName, permitted


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


class ScimLink(StrEnum):
    """What says that a token is that of a person whom SCIM provisioned."""

    NAME = "name"
    SUBJECT = "subject"


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


Conditions = Mapping[Annotated[str, Field(min_length=1, max_length=256)], Values]
"""Claims, and the values or patterns of which each must have one."""


def are_met(conditions: Conditions, claims: Claims) -> bool:
    """Return whether the claims of a token meet all conditions; an e-mail must be verified."""
    if "email" in conditions and claims.get("email_verified") is not True:
        return False
    return all(holds(claim(claims, name), wanted) for name, wanted in conditions.items())


class ProviderRule(Record):
    """Who a token stands for, and what they may do; the first rule that matches decides."""

    principal: Template | None = Field(
        default=None, description="The name of the actor; that of the provider when null"
    )
    when: Conditions = Field(
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
        return are_met(self.when, claims)

    def wanted(self, name: str) -> Sequence[Wanted]:
        """Return the values of which a claim must have one; none if it has no condition."""
        return self.when.get(name, ())


Rules = Annotated[tuple[ProviderRule, ...], Field(min_length=1, max_length=200, alias="rule")]


class IdentitySource(Protocol):
    """Where identities come from, and the rules by which they stand for somebody."""

    @property
    def name(self) -> str:
        """What events, logs and messages call it."""

    @property
    def kind(self) -> ProviderKind:
        """Whom it knows."""

    @property
    def use(self) -> TokenUse:
        """What its tokens are for."""

    @property
    def issuer(self) -> str:
        """The issuer of its identities."""

    @property
    def principal(self) -> str:
        """The template of names."""

    @property
    def groups(self) -> str:
        """The claim with the groups of a subject."""

    @property
    def links_by_email(self) -> bool:
        """Whether one verified e-mail and one name are one person."""

    @property
    def scim(self) -> ScimLink | None:
        """What says that a token is that of a person whom SCIM provisioned, besides the e-mail."""

    @property
    def first_admin(self) -> Conditions:
        """The conditions of the first admin."""

    @property
    def rules(self) -> Sequence[ProviderRule]:
        """The rules; the first that matches decides."""


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
    web_client_id: Annotated[str, Field(min_length=1, max_length=256)] | None = Field(
        default=None, description="The client of the web page; client_id if unset"
    )
    web_secret_file: FilePath | None = Field(
        default=None, description="The secret of the web page's client, if it has one"
    )
    scopes: Texts = Field(
        default=("openid", "offline_access"), description="The scopes that a login asks for"
    )
    principal: Template = "{sub}"
    groups: Annotated[str, Field(min_length=1, max_length=256)] = Field(
        default="groups", description="The claim with the groups of the subject"
    )
    links_by_email: bool = Field(
        default=False,
        description="A subject whose name another identity has is the same person if both have the"
        " same verified e-mail; otherwise such a subject is refused until an admin links it",
    )
    scim: ScimLink | None = Field(
        default=None,
        description="name: a name that SCIM provisioned is that of the first token with it;"
        " subject: the external id of SCIM is the sub of tokens; without it only the e-mail counts",
    )
    first_admin: Conditions = Field(
        default_factory=dict,
        max_length=32,
        description="Conditions of the registry's first admin, who becomes it once",
    )
    rules: Rules
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

    @property
    def page_client(self) -> str | None:
        """The client with which people sign in to the web page; None if they cannot."""
        return self.web_client_id or self.client_id if self.use is TokenUse.BEARER else None

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
