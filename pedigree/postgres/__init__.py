"""Postgres: connection pool, migrations (:mod:`pedigree.postgres.migrate`) and embedded server.

Names are imported on first use: the supervisor of the embedded server and ``pedigree --help``
import this package without a driver.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pedigree.postgres.database import Database
    from pedigree.postgres.embedded import EmbeddedPostgres, EmbeddedStatus

__all__ = ["Database", "EmbeddedPostgres", "EmbeddedStatus"]

_MODULES = {"Database": "database", "EmbeddedPostgres": "embedded", "EmbeddedStatus": "embedded"}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
