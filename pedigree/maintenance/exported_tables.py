"""The tables that an export of the audit log has, for the offline verifier."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from pedigree.audit.export import ExportedTables
from pedigree.audit.verifier.access_states import (
    GRANT,
    GROUP,
    IDENTITY,
    MEMBER,
    PRINCIPAL,
    ROLE,
    TOKEN,
    member_key,
)
from pedigree.maintenance.fsck_fold import states_of_models
from pedigree.maintenance.queries import SQL
from pedigree.postgres.transaction import Row, Transaction, stream

# The query of each table, and the column that is the key of a row.
_QUERIES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        ROLE: ("rows_of_roles", "name"),
        GROUP: ("rows_of_groups", "name"),
        GRANT: ("rows_of_grants", "grant_id"),
        TOKEN: ("rows_of_tokens", "token_id"),
        PRINCIPAL: ("rows_of_principals", "principal_id"),
        IDENTITY: ("rows_of_identities", "identity_id"),
    }
)


def rows_of_access(transaction: Transaction) -> Iterator[tuple[str, str, Row]]:
    """Yield the rows of roles, groups, members, grants, tokens, principals and identities.

    Each with the name of its table and its key. Call it in a snapshot.
    """
    for table, (query, key) in _QUERIES.items():
        for row in stream(transaction, SQL[query]):
            yield table, str(row.pop(key)), row
    for row in stream(transaction, SQL["rows_of_members"]):
        yield MEMBER, member_key(row["group"], row["member"]), row


TABLES = ExportedTables(states_of_models, rows_of_access)
"""All tables of an export."""
