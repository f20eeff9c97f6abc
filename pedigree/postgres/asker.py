"""Who asks: the settings that each transaction begins with, and the database judges by.

They are local to the transaction, because a pooler shares sessions. Policies and functions of the
database read them (docs/database.md).
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import LiteralString

from psycopg import sql

from pedigree.postgres.pipe_statements import PipeStatement

ALL_MODELS = "*"
"""The setting of an asker who may see every model."""


class DatabaseRole(StrEnum):
    """The roles of the database that are not the owner's; roles.sql describes them."""

    APPLICATION = "pedigree_application"
    WORKER = "pedigree_worker"
    SENSOR = "pedigree_sensor"
    SEQUENCER = "pedigree_sequencer"
    SEALER = "pedigree_sealer"
    AUDITOR = "pedigree_auditor"


_SETTINGS: LiteralString = (
    "SELECT set_config('pedigree.models', %(models)s, true),"
    " set_config('pedigree.actor', %(actor)s, true),"
    " set_config('pedigree.actor_source', %(actor_source)s, true)"
)
_WITH_ROLE: LiteralString = _SETTINGS + ", set_config('role', %(role)s, true)"

_SETTINGS_OF_LIBPQ = PipeStatement.of(_SETTINGS)
_WITH_ROLE_OF_LIBPQ = PipeStatement.of(_WITH_ROLE)


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Who reads and changes the registry.

    Attributes:
        models: Which models they may see: :data:`ALL_MODELS`, or what the keys of their names
            match: a text array of patterns of LIKE, or a regular expression that begins with ``^``.
        actor: Who acts; empty if a statement of the transaction names them.
        actor_source: Where that name comes from.
        role: The role of the database to act in; that of the connection when None.
    """

    models: str = ALL_MODELS
    actor: str = ""
    actor_source: str = ""
    role: DatabaseRole | None = None

    @property
    def query(self) -> LiteralString:
        """The statement that sets the settings for one transaction."""
        return _SETTINGS if self.role is None else _WITH_ROLE

    @property
    def values(self) -> dict[str, str | None]:
        """The parameters of the statement."""
        return {
            "models": self.models,
            "actor": self.actor,
            "actor_source": self.actor_source,
            "role": self.role,
        }

    @property
    def text(self) -> bytes:
        """The same statement as libpq takes it."""
        return _SETTINGS_OF_LIBPQ.text if self.role is None else _WITH_ROLE_OF_LIBPQ.text

    @cached_property
    def bytes_of_values(self) -> list[bytes | None]:
        """The parameters as libpq takes them."""
        taken = _SETTINGS_OF_LIBPQ if self.role is None else _WITH_ROLE_OF_LIBPQ
        return taken.values(self.values)

    @cached_property
    def commands(self) -> LiteralString:
        """The same as commands that follow BEGIN in one message, which has no parameters."""
        settings = {
            "pedigree.models": self.models,
            "pedigree.actor": self.actor,
            "pedigree.actor_source": self.actor_source,
        }
        if self.role is not None:
            settings["role"] = self.role
        # A literal is quoted, so the text is as safe as one in the source.
        return "".join(
            f"; SET LOCAL {name} = {sql.Literal(str(value)).as_string()}"
            for name, value in settings.items()
        )


PROCESS = Asker()
"""A process that works for nobody in particular, and sees all models."""
