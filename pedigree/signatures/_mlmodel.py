"""The signature of an ``MLmodel`` file, converted from MLflow's column and tensor specs.

https://mlflow.org/docs/latest/ml/model/signatures: columns have names and one of eight types, which
Pedigree has, too; tensors have a numpy dtype and a shape. MLflow's nested types (``array``,
``object``, ``map``, ``any``, ``sparkml_vector``) are not supported. Its inference parameters are
omitted: each has a default, so callers need not know them.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pedigree.errors import InvalidSignatureError
from pedigree.signatures._types import ARRAY_DTYPES
from pedigree.signatures.records import Column, ColumnType, Port, Signature, Tensor
from pedigree.untrusted.documents import DocumentError, parsed_json, read_yaml

_STATE_IT = "State the signature when registering"

_DTYPE = re.compile(
    r"bool|u?int(8|16|32|64)|float(16|32|64|128)|complex(64|128)|str|bytes|datetime64(\[\w+\])?"
)


def mlmodel_signature(file: Path) -> Signature | None:
    """Return the signature that an ``MLmodel`` file states; None if it states none.

    Raises:
        InvalidSignatureError: The file cannot be read, or its signature has a part that is not
            supported; the message names it.
        MissingDependencyError: PyYAML is not installed.
    """
    stated = _read(file).get("signature")
    if stated is None:
        return None
    if not isinstance(stated, Mapping):
        raise _unreadable("signature", "it is not a mapping")
    try:
        return Signature(
            inputs=_ports(stated.get("inputs"), "inputs"),
            outputs=_ports(stated.get("outputs"), "outputs"),
        )
    except ValidationError as error:
        raise _unreadable("signature", error.errors()[0]["msg"]) from error


def _read(file: Path) -> Mapping[str, Any]:
    try:
        content = read_yaml(file, extra="mlflow")
    except (OSError, DocumentError) as error:
        raise _unreadable(file.name, str(error)) from error
    return content if isinstance(content, Mapping) else {}


def _ports(stated: object, role: str) -> tuple[Port, ...]:
    try:
        specs: Any = parsed_json(stated.encode()) if isinstance(stated, str) else stated
        if not specs:
            raise InvalidSignatureError(
                f"the MLmodel states no {role}", field=f"signature.{role}", remedy=_STATE_IT
            )
        if len(specs) > 1 and any("name" not in spec for spec in specs):
            raise InvalidSignatureError(
                "the MLmodel states several columns without names, but callers send names",
                field=f"signature.{role}",
                remedy=_STATE_IT,
            )
        return tuple(_port(spec, role) for spec in specs)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        if isinstance(error, ValidationError):
            raise
        raise _unreadable(role, f"{type(error).__name__}: {error}") from error


def _port(spec: Mapping[str, Any], role: str) -> Port:
    name, required = spec.get("name"), spec.get("required", True)
    where = f"signature.{role}" if name is None else f"signature.{role}.{name}"
    if spec["type"] == "tensor":
        tensor = spec["tensor-spec"]
        dtype = tensor["dtype"]
        if not _DTYPE.fullmatch(dtype):
            raise _no_type(where, f"tensors of {dtype}")
        return Tensor(name=name, dtype=dtype, shape=tuple(tensor["shape"]))
    if spec["type"] not in list(ColumnType):
        raise _no_type(where, f"the type {spec['type']}")
    kind = ColumnType(spec["type"])
    if name is None:
        return Tensor(dtype=ARRAY_DTYPES[kind], shape=(-1,), required=required)
    return Column(name=name, type=kind, required=required)


def _no_type(where: str, what: str) -> InvalidSignatureError:
    return InvalidSignatureError(
        f"the MLmodel states {what}, which a signature does not support",
        field=where,
        remedy=_STATE_IT,
    )


def _unreadable(where: str, reason: str) -> InvalidSignatureError:
    return InvalidSignatureError(
        f"the MLmodel cannot be read: {reason}", field=where, remedy=_STATE_IT
    )
