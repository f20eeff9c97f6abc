"""What a token still gives, after what the registry saw of its identity."""

from datetime import timedelta

from pedigree._names import person_key
from pedigree.access.oidc.identities import Identity
from pedigree.access.people_records import SeenIdentity

# The clocks of an issuer and of the database differ by some seconds.
_LEEWAY = timedelta(seconds=30)


def says_the_same(known: SeenIdentity, found: Identity) -> bool:
    """Return whether a token says nothing that must be noted before it is used.

    Args:
        known: What is known of its identity, with the name of the e-mail instead of its pseudonym.
        found: Who the token stands for.
    """
    if known.issued_at is None:
        return False
    if found.issued_at < known.issued_at:
        return True
    return (
        known.roles == tuple(str(role) for role in found.roles)
        and known.models == found.models
        and known.groups == found.groups
        and (found.email is None or _is_one_person(known.email, found.email))
    )


def _is_one_person(known: str | None, found: str) -> bool:
    return known is not None and person_key(known) == person_key(found)


def is_ended(known: SeenIdentity, found: Identity) -> bool:
    """Return whether the rights of a token were ended after its issuer made it."""
    return known.ended_at is not None and found.issued_at <= known.ended_at + _LEEWAY


def narrowed(known: SeenIdentity, found: Identity) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the roles and models of a token: of an older one only what the newest has, too."""
    if known.issued_at is None or found.issued_at >= known.issued_at:
        return found.roles, found.models
    roles = tuple(role for role in found.roles if role in known.roles)
    if not known.models or not found.models:
        return roles, known.models or found.models
    models = tuple(each for each in found.models if each in known.models)
    return (roles, models) if models else ((), found.models)
