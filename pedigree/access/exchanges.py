"""Exchange the token of a workload for a short token of the service, once."""

import hashlib
from datetime import timedelta

from pydantic import JsonValue

from pedigree.access import people, tokens
from pedigree.access.oidc.identities import Identity
from pedigree.access.principal import Principal
from pedigree.access.records import IssuedToken, Permission
from pedigree.audit.records import Actor
from pedigree.errors import ExchangeRefusedError, NameTakenError, NotPermittedError
from pedigree.postgres.transaction import Transaction

LIFETIME = timedelta(minutes=15)
"""How long the token of a workload is valid."""


def exchange(transaction: Transaction, workload: Identity) -> IssuedToken:
    """Create a token for a workload, bounded by the rule that its own token met.

    Args:
        transaction: The transaction of all of it.
        workload: Who its token stands for.

    Raises:
        ExchangeRefusedError: Its token has no ``jti``, or was exchanged before; or its name
            belongs to somebody else, or is deactivated.
    """
    jti = workload.token_id
    if jti is None:
        raise ExchangeRefusedError(
            "the token has no jti, and each token is exchanged once",
            field="subject_token",
            remedy="Use a provider that gives each token a jti",
        )
    described: dict[str, JsonValue] = {
        "provider": workload.provider,
        "issuer": workload.issuer,
        "subject": workload.subject,
        "rule": workload.rule,
        "claims": dict(workload.claims),
        "jti": jti,
    }
    issued = _issued(transaction, workload, described)
    values = {
        "issuer": workload.issuer,
        "jti_hash": hashlib.sha256(jti.encode()).digest(),
        "expires_at": workload.expires_at,
        "token_id": issued.token.token_id,
    }
    if transaction.execute(tokens.SQL["note_exchange"], values).fetchone() is None:
        raise ExchangeRefusedError(
            "the token was exchanged before, and each is exchanged once",
            field="subject_token",
            remedy="Ask the provider for a new token",
        )
    return issued


def _issued(
    transaction: Transaction, workload: Identity, described: dict[str, JsonValue]
) -> IssuedToken:
    """Create the token for the principal of the workload, which is added at its first exchange."""
    try:
        principal = people.see(transaction, workload).principal
        return tokens.create_token(
            transaction,
            principal,
            _bounded(transaction, workload, principal),
            roles=workload.roles,
            models=workload.models,
            expires=LIFETIME,
            workload=described,
        )
    except (NameTakenError, NotPermittedError) as error:
        raise ExchangeRefusedError(
            error.message, field="subject_token", value=error.value, remedy=error.remedy
        ) from None


def _bounded(transaction: Transaction, workload: Identity, principal: str) -> Principal:
    """Return the workload as the creator of its token, which has the roles of its rule alone."""
    held = tokens.held_by(transaction, principal, workload.roles)
    carried = held.carried(workload.models, "the rule")
    if any(Permission.ADMINISTER in each.permissions for each in carried):
        # A custom role, which the file of providers does not define.
        raise ExchangeRefusedError(
            "a workload must not create tokens, which would outlive its own",
            field="subject_token",
            remedy="Remove the role from the rule of the provider",
        )
    actor = Actor(name=principal, source=workload.actor.source)
    return Principal(actor=actor, grants=carried, reads_store=False)
