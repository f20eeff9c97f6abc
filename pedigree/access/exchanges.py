"""Exchange the token of a workload for a short token of the service, once."""

import hashlib
from datetime import timedelta

from pydantic import JsonValue

from pedigree.access import tokens
from pedigree.access.oidc.identities import Identity
from pedigree.access.principal import Principal
from pedigree.access.records import IssuedToken, Permission
from pedigree.audit.records import Actor
from pedigree.errors import ExchangeRefusedError
from pedigree.postgres.transaction import Transaction

LIFETIME = timedelta(minutes=15)
"""How long the token of a workload is valid."""


def exchange(transaction: Transaction, workload: Identity) -> IssuedToken:
    """Create a token for a workload, bounded by the rule that its own token met.

    Args:
        transaction: The transaction of all of it.
        workload: Who its token stands for.

    Raises:
        ExchangeRefusedError: Its token has no ``jti``, or was exchanged before.
    """
    jti = workload.token_id
    if jti is None:
        raise ExchangeRefusedError(
            "the token has no jti, and each token is exchanged once",
            field="subject_token",
            remedy="Use a provider that gives each token a jti",
        )
    actor = Actor(name=workload.principal, source=f"workload {workload.provider}")
    described: dict[str, JsonValue] = {
        "provider": workload.provider,
        "issuer": workload.issuer,
        "subject": workload.subject,
        "rule": workload.rule,
        "claims": dict(workload.claims),
        "jti": jti,
    }
    held = tokens.held_by(transaction, workload.principal, workload.roles)
    if any(Permission.ADMINISTER in each.permissions for each in held.carried((), "the rule")):
        # A custom role, which the file of providers does not define.
        raise ExchangeRefusedError(
            "a workload must not create tokens, which would outlive its own",
            field="subject_token",
            remedy="Remove the role from the rule of the provider",
        )
    issued = tokens.create_token(
        transaction,
        workload.principal,
        Principal(actor=actor, grants=held.carried(workload.models, "the rule"), reads_store=False),
        roles=workload.roles,
        models=workload.models,
        expires=LIFETIME,
        workload=described,
    )
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
