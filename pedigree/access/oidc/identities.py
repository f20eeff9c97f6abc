"""Who the bearer of a valid token is: the first rule that its claims meet."""

from dataclasses import dataclass
from datetime import UTC, datetime

from pedigree._values import KEY_BYTES
from pedigree.access.oidc.claims import Claims, claim, filled, names_in
from pedigree.access.oidc.judgement import TRUSTED_EVENTS, TRUSTED_SOURCES
from pedigree.access.oidc.providers import (
    IdentitySource,
    ProviderKind,
    ProviderRule,
    ScimLink,
    TokenUse,
    are_met,
)
from pedigree.access.oidc.refusals import NoRuleError
from pedigree.access.people_records import PrincipalKind
from pedigree.access.reserved import is_pseudonym, is_reserved
from pedigree.audit.records import Actor

# What the sign of a trusted run is in the tokens of a kind; a rule that grants more than reading
# is met by no other run.
_TRUSTED = {
    ProviderKind.GITHUB: ("event_name", TRUSTED_EVENTS),
    ProviderKind.GITLAB: ("pipeline_source", TRUSTED_SOURCES),
}
_LONGEST_NAME = 256


@dataclass(frozen=True)
class Identity:
    """Who a token stands for, and what they may do.

    Attributes:
        principal: The name of the actor.
        roles: What they may do.
        models: Names of models or patterns that they may use; all models if empty.
        provider: The name of the provider.
        issuer: The issuer.
        subject: The subject of the token.
        rule: The number of the rule that matched, from 1.
        expires_at: When the token expires; None if it is no token.
        token_id: The ``jti`` of the token; None if it has none.
        claims: The claims that the rule names.
        kind: What acts by the token.
        groups: The groups that the token names, sorted.
        email: Their e-mail, if the issuer verified it.
        issued_at: When the issuer made the token.
        links_by_email: Whether they are the person with the same verified e-mail and the same name.
        scim: What says that they are a person whom SCIM provisioned; None: the e-mail alone.
        is_first_admin: Whether they become the first admin of a registry that never had one.
        own_key: What tells it from others of its issuer, once ``principal`` is a pseudonym.
    """

    principal: str
    roles: tuple[str, ...]
    models: tuple[str, ...]
    provider: str
    issuer: str
    subject: str
    rule: int
    expires_at: datetime | None
    token_id: str | None
    claims: Claims
    kind: PrincipalKind
    groups: tuple[str, ...]
    email: str | None
    issued_at: datetime
    links_by_email: bool
    scim: ScimLink | None
    is_first_admin: bool
    own_key: str | None = None

    @property
    def key(self) -> str:
        """What tells the identity from others of its issuer.

        A workload has as many subjects as branches and environments, and one name by its rule.
        """
        if self.own_key is not None:
            return self.own_key
        return self.principal if self.kind is PrincipalKind.WORKLOAD else self.subject

    @property
    def actor(self) -> Actor:
        """Who acts by the token."""
        if self.issuer == f"proxy:{self.provider}":
            way = "proxy"
        else:
            way = "workload" if self.kind is PrincipalKind.WORKLOAD else "oidc"
        return Actor(name=self.principal, source=f"{way} {self.provider}")


def identity_of(claims: Claims, provider: IdentitySource) -> Identity:
    """Return who a valid token stands for.

    Raises:
        NoRuleError: Its claims meet no rule, or give nobody a name.
    """
    for number, rule in enumerate(provider.rules, 1):
        if rule.is_met_by(claims) and _is_trusted(claims, provider, rule):
            template = rule.principal or provider.principal
            return Identity(
                principal=_name(template, claims),
                roles=rule.roles,
                models=rule.models,
                provider=provider.name,
                issuer=provider.issuer,
                subject=str(claims["sub"]),
                rule=number,
                expires_at=_time(claims["exp"]) if "exp" in claims else None,
                token_id=_text(claims.get("jti")),
                claims={name: claim(claims, name) for name in rule.when},
                kind=_kind(claims, provider),
                groups=_groups(claims, provider),
                email=_verified_email(claims),
                issued_at=_time(claims["iat"]),
                links_by_email=provider.links_by_email,
                scim=provider.scim,
                is_first_admin=bool(provider.first_admin) and are_met(provider.first_admin, claims),
            )
    raise NoRuleError(f"the token meets no rule of the provider {provider.name}")


def _time(seconds: object) -> datetime:
    return datetime.fromtimestamp(float(str(seconds)), UTC)


def _kind(claims: Claims, provider: IdentitySource) -> PrincipalKind:
    if provider.use is TokenUse.EXCHANGE:
        return PrincipalKind.WORKLOAD
    # A client that acts for itself, by client credentials, is its own subject (RFC 9068).
    is_client = claims["sub"] in (claims.get("client_id"), claims.get("azp"))
    return PrincipalKind.SERVICE if is_client else PrincipalKind.PERSON


def _groups(claims: Claims, provider: IdentitySource) -> tuple[str, ...]:
    named = claim(claims, provider.groups)
    listed = named if isinstance(named, list) else [named]
    return tuple(sorted({each for each in listed if isinstance(each, str) and is_name(each)}))


def _verified_email(claims: Claims) -> str | None:
    email = claims.get("email")
    if claims.get("email_verified") is True and isinstance(email, str) and is_name(email):
        return email
    return None


def is_name(text: str) -> bool:
    """Return whether a text can be a name of somebody, or of a group.

    >>> is_name("ann@risk.example"), is_name(" ann"), is_name("")
    (True, False, False)
    """
    short = len(text) <= _LONGEST_NAME and len(text.encode(errors="replace")) <= KEY_BYTES
    return bool(text) and short and text.isprintable() and text == text.strip()


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _is_trusted(claims: Claims, provider: IdentitySource, rule: ProviderRule) -> bool:
    """Return whether a rule may be met by the run that a token of a workload comes from."""
    if provider.use is not TokenUse.EXCHANGE or rule.only_reads or provider.kind not in _TRUSTED:
        return True
    name, trusted = _TRUSTED[provider.kind]
    return claims.get(name) in trusted


def _name(template: str, claims: Claims) -> str:
    name = filled(template, claims)
    if name is None:
        raise NoRuleError(f"the token lacks a claim of its principal, {template}")
    if "email" in names_in(template) and claims.get("email_verified") is not True:
        raise NoRuleError("the e-mail of the token is not verified")
    if not is_name(name):
        raise NoRuleError("the principal of the token is not a valid name")
    if is_reserved(name) or is_pseudonym(name):
        raise NoRuleError("the principal of the token is reserved for Pedigree")
    return name
