"""A signature: the typed inputs and outputs of a model."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, field_validator

from pedigree._record import Record, require_kind


class ColumnType(StrEnum):
    """The type of a column, in the words of MLflow's model signatures."""

    BOOLEAN = "boolean"
    INTEGER = "integer"  # 32 bits
    LONG = "long"  # 64 bits
    FLOAT = "float"  # 32 bits
    DOUBLE = "double"  # 64 bits
    STRING = "string"
    BINARY = "binary"
    DATETIME = "datetime"


class Column(Record):
    """One named column of a table."""

    model_config = ConfigDict(json_schema_extra=require_kind)

    kind: Literal["column"] = Field(default="column", description="Says that this is a column")
    name: str = Field(min_length=1, description="The name that callers send or read it by")
    type: ColumnType = Field(description="The type of its values")
    required: bool = Field(default=True, description="The column must be present; gaps may be")


class Tensor(Record):
    """One array; an extent of -1 is free, as the batch dimension usually is."""

    model_config = ConfigDict(json_schema_extra=require_kind)

    kind: Literal["tensor"] = Field(default="tensor", description="Says that this is an array")
    name: str | None = Field(
        default=None, min_length=1, description="None where the array is the only one"
    )
    dtype: str = Field(min_length=1, description="A numpy dtype name such as float32")
    shape: tuple[Annotated[int, Field(ge=-1)], ...] = Field(
        description="The extent of each dimension, -1 where any will do"
    )
    required: bool = Field(default=True, description="The array must be present")


Port = Annotated[Column | Tensor, Field(discriminator="kind")]


class Signature(Record):
    """What a model takes and what it gives."""

    inputs: tuple[Port, ...] = Field(min_length=1, description="What a caller sends")
    outputs: tuple[Port, ...] = Field(min_length=1, description="What a caller gets")

    @field_validator("inputs", "outputs")
    @classmethod
    def _told_apart(cls, ports: tuple[Port, ...]) -> tuple[Port, ...]:
        seen: set[str | None] = set()
        for port in ports:
            if port.name in seen:
                raise ValueError(f"the name {port.name!r} is given twice; names must differ")
            seen.add(port.name)
        if None in seen and len(ports) > 1:
            raise ValueError("an array without a name must be the only one; name each of them")
        return ports
