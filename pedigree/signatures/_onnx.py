"""The signature of an ONNX graph: its inputs and outputs are tensors with names.

A dimension that has a name or nothing in it is free. An initializer that is listed among the inputs
too (older exporters do so with every weight) is no input, as onnxruntime counts them.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pedigree.errors import InvalidSignatureError
from pedigree.libraries import library
from pedigree.signatures.records import Signature, Tensor

_STATE_IT = "State the signature when registering"

# ONNX has words of its own for these; the others are numpy's.
_DTYPES: Mapping[str, str] = {"float": "float32", "double": "float64", "string": "str"}
_OF_NUMPY = frozenset(
    f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)
) | {"bool", "float16", "complex64", "complex128"}  # fmt: skip


def graph_signature(file: Path) -> Signature:
    """Return the signature of the graph in a ``.onnx`` file; data in other files is not read.

    Raises:
        InvalidSignatureError: The file is no ONNX model, or the graph takes or gives something
            that is no tensor.
        MissingDependencyError: onnx is not installed.
    """
    onnx = library("onnx", extra="onnx")
    decode_error = library("google.protobuf.message", extra="onnx").DecodeError
    try:
        model = onnx.load(str(file), load_external_data=False)
    except (OSError, decode_error) as error:
        raise InvalidSignatureError(
            f"{file.name} cannot be read as ONNX: {error}", field="signature", remedy=_STATE_IT
        ) from error
    return model_signature(model)


def model_signature(model: Any) -> Signature:
    """Return the signature of an ``onnx.ModelProto``.

    Raises:
        InvalidSignatureError: The graph takes or gives something that is no tensor, or has no
            inputs or no outputs.
        MissingDependencyError: onnx is not installed.
    """
    onnx = library("onnx", extra="onnx")
    weights = {each.name for each in model.graph.initializer}
    weights |= {each.values.name for each in model.graph.sparse_initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    return signature_of(
        (_node(onnx, value, "inputs") for value in inputs),
        (_node(onnx, value, "outputs") for value in model.graph.output),
    )


def signature_of(inputs: Iterable[Tensor], outputs: Iterable[Tensor]) -> Signature:
    """Return the signature of these tensors.

    Raises:
        InvalidSignatureError: There are no inputs, or no outputs.
    """
    taken, given = tuple(inputs), tuple(outputs)
    if not taken or not given:
        raise InvalidSignatureError(
            f"the graph has no {'outputs' if taken else 'inputs'}",
            field="signature",
            remedy=_STATE_IT,
        )
    return Signature(inputs=taken, outputs=given)


def node_tensor(name: str, word: str, shape: Iterable[object], role: str) -> Tensor:
    """Return a tensor of ONNX's type, such as ``float``; extents that are no numbers are free.

    Raises:
        InvalidSignatureError: The type has no place in a signature.
    """
    dtype = _DTYPES.get(word, word)
    if dtype not in {*_DTYPES.values(), *_OF_NUMPY}:
        raise _no_type(name, role, f"of the type {word}")
    extents = tuple(each if isinstance(each, int) and each >= 0 else -1 for each in shape)
    return Tensor(name=name, dtype=dtype, shape=extents)


def _node(onnx: Any, value: Any, role: str) -> Tensor:
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        raise _no_type(
            value.name, role, f"a {(kind or 'value without a type').removesuffix('_type')}"
        )
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        raise _no_type(value.name, role, "a tensor of no known rank")
    word = onnx.TensorProto.DataType.Name(tensor.elem_type).lower()
    extents = [each.dim_value if each.HasField("dim_value") else None for each in tensor.shape.dim]
    return node_tensor(value.name, word, extents, role)


def _no_type(name: str, role: str, what: str) -> InvalidSignatureError:
    return InvalidSignatureError(
        f"it is {what}, which has no place in a signature",
        field=f"{role}.{name}",
        remedy="Export the model with tensors only, or state the signature when registering",
    )
