"""The first admin of a registry, whom the file of providers names; the database decides, once."""

from pedigree.access.changes import AccessChange
from pedigree.access.granting import NewGrant, create_grant
from pedigree.access.records import Role
from pedigree.access.reserved import FIRST_ADMIN
from pedigree.access.tokens import SQL
from pedigree.postgres.transaction import Transaction


def claim_first_admin(transaction: Transaction, principal: str) -> None:
    """Grant the role admin to a principal, unless the registry ever had an admin."""
    # Until the end of the transaction, nobody else grants anything.
    AccessChange(transaction, FIRST_ADMIN)
    if transaction.execute(SQL["had_admin"]).fetchone() == {"had_admin": False}:
        reason = "the first admin, by the file of providers"
        create_grant(
            transaction, NewGrant(role=Role.ADMIN, to=principal, reason=reason), FIRST_ADMIN
        )
