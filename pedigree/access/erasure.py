"""Erase the names of a person; what they did stays, under pseudonyms that lead to nobody."""

from pedigree.access import people
from pedigree.access.granting import revoke_access
from pedigree.access.people_records import ErasedPerson
from pedigree.access.tokens import SQL
from pedigree.audit.records import Actor
from pedigree.postgres.transaction import Transaction

_REASON = "the person is erased"


def erase_person(transaction: Transaction, principal: str, actor: Actor) -> ErasedPerson:
    """Erase the names of a person and the subjects of their identities, and end their rights.

    Args:
        transaction: Where to write it.
        principal: A pseudonym of the person.
        actor: Who erases them.

    Raises:
        PrincipalNotFoundError: Nobody has the name.
        NotPermittedError: The actor is that person.
    """
    rows = transaction.execute(SQL["principals_of_person"], {"name": principal}).fetchall()
    for name in dict.fromkeys((principal, *(row["name"] for row in rows))):
        revoke_access(transaction, name, actor, tokens=True, reason=_REASON)
    done = people.erase(transaction, principal, actor)
    return ErasedPerson(pseudonyms=tuple(done["pseudonyms"]), keeps_older_names=done["is_former"])
