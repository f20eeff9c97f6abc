"""A signature: the typed inputs and outputs of a model."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, field_validator

from pedigree._record import Record, require_kind


class ColumnType(StrEnum):
    """The type of a column, with the names of MLflow's model signatures."""

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

    kind: Literal["column"] = Field(default="column", description="Discriminator of columns")
    name: str = Field(min_length=1, description="The name by which callers send or read it")
    type: ColumnType = Field(description="The type of the values")
    required: bool = Field(
        default=True, description="The column must be present; values may be missing"
    )


class Tensor(Record):
    """One array; an extent of -1 is free, as the batch dimension usually is."""

    model_config = ConfigDict(json_schema_extra=require_kind)

    kind: Literal["tensor"] = Field(default="tensor", description="Discriminator of tensors")
    name: str | None = Field(
        default=None, min_length=1, description="Null only if it is the only tensor"
    )
    dtype: str = Field(min_length=1, description="A numpy dtype name such as float32")
    shape: tuple[Annotated[int, Field(ge=-1)], ...] = Field(
        description="The extent of each dimension; -1 for any"
    )
    required: bool = Field(default=True, description="The tensor must be present")


Port = Annotated[Column | Tensor, Field(discriminator="kind")]


class Signature(Record):
    """The inputs and outputs of a model."""

    names_people = False

    inputs: tuple[Port, ...] = Field(min_length=1, description="What callers send")
    outputs: tuple[Port, ...] = Field(min_length=1, description="What callers receive")

    @field_validator("inputs", "outputs")
    @classmethod
    def _require_distinct_names(cls, ports: tuple[Port, ...]) -> tuple[Port, ...]:
        seen: set[str | None] = set()
        for port in ports:
            if port.name in seen:
                raise ValueError(f"the name {port.name!r} is given twice; names must differ")
            seen.add(port.name)
        if None in seen and len(ports) > 1:
            raise ValueError("a tensor without a name must be the only one; name all of them")
        return ports
