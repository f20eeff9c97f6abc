"""Postgres: the pool, the migrations (:mod:`pedigree.postgres.migrate`), the embedded server.

Names are loaded when they are used: the supervisor of the embedded server and the command line's
help import this package and need no driver. Queries of a subject do not belong here, but to its
folder.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pedigree.postgres._embedded_status import EmbeddedStatus
    from pedigree.postgres.database import Database
    from pedigree.postgres.embedded import EmbeddedPostgres

__all__ = ["Database", "EmbeddedPostgres", "EmbeddedStatus"]

_MODULES = {
    "Database": "database",
    "EmbeddedPostgres": "embedded",
    "EmbeddedStatus": "_embedded_status",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
