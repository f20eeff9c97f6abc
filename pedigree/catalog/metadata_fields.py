"""Types of metadata fields, and the attributes of a field beyond its type.

Each field of :class:`pedigree.catalog.records.ModelMetadata` carries an :class:`About`. From these
follow the columns that ``register`` writes, the options of ``pedigree register``, the fields that
``diff`` compares and the table in ``docs/metadata.md``. So a field is listed once.
"""

from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from typing import Literal, TypeAlias

from pydantic import BaseModel

Part: TypeAlias = Literal["run", "code", "data", "results", "about"]


class ApprovalStatus(StrEnum):
    """Whether people approved a version."""

    NONE = "none"
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


class RiskClass(StrEnum):
    """The risk classes of the EU AI Act, Regulation (EU) 2024/1689."""

    MINIMAL = "minimal"
    LIMITED = "limited"
    HIGH = "high"
    UNACCEPTABLE = "unacceptable"


@dataclass(frozen=True)
class About:
    """An annotation of a metadata field.

    Attributes:
        source: Where the value comes from, for the table in the documentation.
        part: The part of a version that the field describes.
        trained: A column of ``pedigree.training``: each training has its own value.
        shown: A column of ``pedigree.model_version``: the version shows the value of its first
            training.
        option: The help of the option of ``pedigree register``; None if it has none.
        editable: People may change it later with ``update``.
    """

    source: str = "the training function, or the caller"
    part: Part = "about"
    _: KW_ONLY
    trained: bool = True
    shown: bool = False
    option: str | None = None
    editable: bool = False


def about_fields(record: type[BaseModel]) -> dict[str, About]:
    """Return the annotations of a record's metadata fields, in the order of the fields."""
    found = {
        name: next((each for each in field.metadata if isinstance(each, About)), None)
        for name, field in record.model_fields.items()
    }
    return {name: about for name, about in found.items() if about}
