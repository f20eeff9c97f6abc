"""The signature of an ONNX graph, whose inputs and outputs are named tensors.

A symbolic or unset dimension is free. An initializer that is also listed as an input (older
exporters list all weights) is not an input, as in onnxruntime.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pedigree.errors import InvalidSignatureError
from pedigree.libraries import library
from pedigree.signatures.records import Signature, Tensor

_STATE_IT = "State the signature when registering"

# ONNX's own names; its other names are numpy's.
_DTYPES: Mapping[str, str] = {"float": "float32", "double": "float64", "string": "str"}
_OF_NUMPY = frozenset(
    f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)
) | {"bool", "float16", "complex64", "complex128"}  # fmt: skip


def graph_signature(file: Path) -> Signature:
    """Return the signature of the graph in a ``.onnx`` file; data in other files is not read.

    Raises:
        InvalidSignatureError: The file is not an ONNX model, or an input or output of the graph is
            not a tensor.
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
        InvalidSignatureError: An input or output of the graph is not a tensor, or the graph has no
            inputs or no outputs.
        MissingDependencyError: onnx is not installed.
    """
    onnx = library("onnx", extra="onnx")
    weights = {tensor.name for tensor in model.graph.initializer}
    weights |= {tensor.values.name for tensor in model.graph.sparse_initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    return signature_of(
        (_node(onnx, value, "inputs") for value in inputs),
        (_node(onnx, value, "outputs") for value in model.graph.output),
    )


def signature_of(inputs: Iterable[Tensor], outputs: Iterable[Tensor]) -> Signature:
    """Return a signature with these tensors.

    Raises:
        InvalidSignatureError: There are no inputs, or no outputs.
    """
    sent, returned = tuple(inputs), tuple(outputs)
    if not sent or not returned:
        raise InvalidSignatureError(
            f"the graph has no {'outputs' if sent else 'inputs'}",
            field="signature",
            remedy=_STATE_IT,
        )
    return Signature(inputs=sent, outputs=returned)


def node_tensor(name: str, onnx_type: str, shape: Iterable[object], role: str) -> Tensor:
    """Return a tensor of an ONNX type, such as ``float``; extents that are not numbers are free.

    Raises:
        InvalidSignatureError: A signature does not support the type.
    """
    dtype = _DTYPES.get(onnx_type, onnx_type)
    if dtype not in {*_DTYPES.values(), *_OF_NUMPY}:
        raise _no_type(name, role, f"of the type {onnx_type}")
    extents = tuple(size if isinstance(size, int) and size >= 0 else -1 for size in shape)
    return Tensor(name=name, dtype=dtype, shape=extents)


def _node(onnx: Any, value: Any, role: str) -> Tensor:
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        raise _no_type(
            value.name, role, f"a {(kind or 'value without a type').removesuffix('_type')}"
        )
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        raise _no_type(value.name, role, "a tensor of unknown rank")
    onnx_type = onnx.TensorProto.DataType.Name(tensor.elem_type).lower()
    extents = [dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim]
    return node_tensor(value.name, onnx_type, extents, role)


def _no_type(name: str, role: str, what: str) -> InvalidSignatureError:
    return InvalidSignatureError(
        f"it is {what}, which a signature does not support",
        field=f"{role}.{name}",
        remedy="Export the model with only tensors, or state the signature when registering",
    )
