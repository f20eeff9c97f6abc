"""Identities, as verified tokens give them."""

from datetime import UTC, datetime
from typing import Any

from pedigree.access.named_records import with_names
from pedigree.access.oidc.identities import Identity
from pedigree.access.people_records import PrincipalKind, SeenIdentity
from pedigree.access.records import Role
from pedigree.registry import Registry

ISSUER = "https://sso.example.com"
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def identity(name: str = "ann", **changes: Any) -> Identity:
    """Return whom a token stands for: its subject is the name, unless a change says otherwise."""
    fields: dict[str, Any] = {
        "principal": name,
        "roles": (Role.READER,),
        "models": (),
        "provider": "sso",
        "issuer": ISSUER,
        "subject": name,
        "rule": 1,
        "expires_at": AT,
        "token_id": None,
        "claims": {},
        "kind": PrincipalKind.PERSON,
        "groups": (),
        "email": None,
        "issued_at": AT,
        "links_by_email": False,
        "scim": None,
        "is_first_admin": False,
    }
    return Identity(**fields | changes)


def see(registry: Registry, name: str = "ann", **changes: Any) -> SeenIdentity:
    """Let the registry see a token, and return what it knows then, by name."""
    seen = registry.operations.people.see(identity(name, **changes))
    return with_names(seen, registry.context.names)
