"""The base of every record: frozen, keyword-only, and strict about fields nobody knows."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """An immutable value. A change returns a copy: ``record.model_copy(update=...)``."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())
