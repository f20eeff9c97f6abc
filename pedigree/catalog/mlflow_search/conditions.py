"""What a search of the MLflow protocol asks for: conditions that must all hold, and an order."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

IS_PROMPT = "mlflow.prompt.is_prompt"
"""The tag by which MLflow tells prompts from models."""


class SearchedKind(StrEnum):
    """What is searched for."""

    MODELS = "models"
    VERSIONS = "versions"


class ConditionField(StrEnum):
    """What a condition compares."""

    NAME = "name"
    VERSION = "version_number"
    RUN = "run_id"
    SOURCE = "source_path"
    TAG = "tag"


class Comparator(StrEnum):
    r"""How a condition compares. Patterns have `%`, `_`, and `\` before either of them."""

    EQUAL = "="
    UNEQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="
    LIKE = "LIKE"
    ILIKE = "ILIKE"
    IN = "IN"
    NOT_IN = "NOT IN"


ConditionValue: TypeAlias = str | int | tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """A field compared with a value.

    A tag that an entity does not have satisfies no condition.
    """

    field: ConditionField
    comparator: Comparator
    value: ConditionValue
    """A number for :attr:`ConditionField.VERSION`, several texts for IN, otherwise a text."""
    key: str | None = None
    """The key of the tag; None for all other fields."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Conditions:
    """The conditions of a search, which must all hold."""

    parts: tuple[Condition, ...]
    without_prompts: bool
    """Whether prompts are left out, which MLflow does unless the filter asks for them."""


class OrderField(StrEnum):
    """What results are sorted by."""

    NAME = "name"
    VERSION = "version_number"
    CREATED = "creation_timestamp"
    UPDATED = "last_updated_timestamp"


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderKey:
    """One field of an order."""

    field: OrderField
    descending: bool
