"""The caller of a public audit log: a monitor without a token, which may read the log alone."""

from pedigree.access.grants import Grant
from pedigree.access.principal import Principal
from pedigree.access.records import Permission
from pedigree.access.reserved import PUBLIC_MONITOR

_OF_LOG = frozenset({Permission.READ, Permission.AUDIT})

MONITOR = Principal(
    actor=PUBLIC_MONITOR,
    grants=(Grant(permissions=_OF_LOG, origin="public log"),),
    reads_store=False,
)
"""Only routes of the log accept it."""
