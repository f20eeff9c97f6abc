"""Who the bearer of a valid token is: the first rule that its claims meet."""

from dataclasses import dataclass
from datetime import UTC, datetime

from pedigree._values import KEY_BYTES
from pedigree.access.oidc.claims import Claims, claim, filled, names_in
from pedigree.access.oidc.judgement import TRUSTED_EVENTS, TRUSTED_SOURCES
from pedigree.access.oidc.providers import Provider, ProviderKind, ProviderRule, TokenUse
from pedigree.access.oidc.refusals import NoRuleError
from pedigree.access.reserved import is_reserved

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
        expires_at: When the token expires.
        token_id: The ``jti`` of the token; None if it has none.
        claims: The claims that the rule names.
    """

    principal: str
    roles: tuple[str, ...]
    models: tuple[str, ...]
    provider: str
    issuer: str
    subject: str
    rule: int
    expires_at: datetime
    token_id: str | None
    claims: Claims


def identity_of(claims: Claims, provider: Provider) -> Identity:
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
                expires_at=datetime.fromtimestamp(float(str(claims["exp"])), UTC),
                token_id=_text(claims.get("jti")),
                claims={name: claim(claims, name) for name in rule.when},
            )
    raise NoRuleError(f"the token meets no rule of the provider {provider.name}")


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _is_trusted(claims: Claims, provider: Provider, rule: ProviderRule) -> bool:
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
    short = len(name) <= _LONGEST_NAME and len(name.encode(errors="replace")) <= KEY_BYTES
    if not short or not name.isprintable() or name != name.strip():
        raise NoRuleError("the principal of the token is not a valid name")
    if is_reserved(name):
        raise NoRuleError("the principal of the token is reserved for Pedigree")
    return name
