"""ONNX graphs; loading returns an ``onnxruntime.InferenceSession``.

A graph only computes, but may refer to other files for its weights. Each such file must be in the
model's own folder and have the bytes to which the graph refers. This is checked before onnxruntime
opens a file.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pedigree.errors import (
    InvalidArtifactError,
    InvalidSignatureError,
    MissingDependencyError,
    UnsupportedModelError,
)
from pedigree.flavors._files import model_file, unreadable
from pedigree.flavors._predict import ask, not_callable
from pedigree.libraries import library
from pedigree.signatures._onnx import model_signature, node_tensor, signature_of
from pedigree.signatures.records import Signature, Tensor

EXTRA = "onnx"
FILE = "model.onnx"
SUFFIXES = (".onnx",)


class OnnxFlavor:
    """An ``onnx.ModelProto``."""

    name = "onnx"
    libraries = ("onnx",)

    def save(self, model: object, folder: Path) -> None:
        """Write ``model.onnx``, the same bytes for the same model in any process.

        Raises:
            UnsupportedModelError: The object is not an ``onnx.ModelProto``, or is too large for one
                file, or its weights are in other files.
            MissingDependencyError: onnx is not installed.
        """
        onnx = library("onnx", extra=EXTRA)
        encode_error = library("google.protobuf.message", extra=EXTRA).EncodeError
        if not isinstance(model, onnx.ModelProto):
            raise UnsupportedModelError(
                f"{type(model).__name__} is not an onnx.ModelProto",
                field="model",
                remedy="Convert it, or give the path of the .onnx file",
            )
        if any(True for _ in _external_tensors(onnx, model)):
            raise _not_one_file("its weights are in other files")
        try:
            (folder / FILE).write_bytes(model.SerializeToString(deterministic=True))
        except (ValueError, encode_error) as error:  # protobuf is limited to 2 GiB
            raise _not_one_file(f"it does not fit into one file: {error}") from error

    def check_files(self, path: Path) -> None:
        """Refuse a folder without exactly one ``.onnx`` file, or without the weights that it names.

        The weights are checked only if onnx is installed.

        Raises:
            InvalidArtifactError: The folder has no or several ``.onnx`` files, or lacks weights.
        """
        file = _model_file(path)
        try:
            onnx = library("onnx", extra=EXTRA)
        except MissingDependencyError:
            return
        try:
            graph = onnx.load(str(file), load_external_data=False)
        except Exception as error:  # protobuf can raise anything on invalid content
            raise unreadable(file, "onnx", error) from error
        for tensor in _external_tensors(onnx, graph):
            _check_external(tensor, path)

    def load(self, folder: Path, *, trust: Collection[str] = ()) -> object:  # noqa: ARG002 - a graph only computes, so nothing needs trust
        """Return a session with all execution providers that onnxruntime has here.

        Raises:
            InvalidArtifactError: The folder does not hold exactly one ``.onnx`` file, its data is
                missing or outside the folder, or onnxruntime cannot read it.
            MissingDependencyError: onnx or onnxruntime is not installed.
        """
        library("onnx", extra=EXTRA)
        runtime = library("onnxruntime", extra=EXTRA)
        self.check_files(folder)
        file = _model_file(folder)
        try:
            session: object = runtime.InferenceSession(
                str(file), providers=runtime.get_available_providers()
            )
        except Exception as error:  # onnxruntime's errors have no common base
            raise unreadable(file, "onnxruntime", error) from error
        return session

    def infer_signature(self, model: object, sample: object) -> Signature:  # noqa: ARG002 - the graph itself states it
        """Return the inputs and outputs that the graph states; the sample is not used.

        Raises:
            UnsupportedModelError: The model is neither an ``onnx.ModelProto`` nor a session.
            InvalidSignatureError: An input or output of the graph is not a tensor.
        """
        if isinstance(model, library("onnx", extra=EXTRA).ModelProto):
            return model_signature(model)
        if isinstance(model, library("onnxruntime", extra=EXTRA).InferenceSession):
            return signature_of(
                (_session_tensor(node, "inputs") for node in model.get_inputs()),
                (_session_tensor(node, "outputs") for node in model.get_outputs()),
            )
        raise not_callable(model, "is neither an onnx.ModelProto nor an InferenceSession")

    def answers(self, model: object, sample: object) -> Mapping[str, object]:
        """Return the outputs by name.

        Raises:
            UnsupportedModelError: The model is neither an ``onnx.ModelProto`` nor a session.
            InvalidSampleError: The graph rejects the sample, such as ``float64`` for ``float32``.
        """
        session = _session(model)
        outputs: Mapping[str, object] = ask(session, sample, partial(_run, session))
        return outputs


def _session(model: object) -> Any:
    """Return a session that runs the model.

    Raises:
        UnsupportedModelError: The model is neither an ``onnx.ModelProto`` nor a session.
    """
    runtime = library("onnxruntime", extra=EXTRA)
    if isinstance(model, runtime.InferenceSession):
        return model
    if isinstance(model, library("onnx", extra=EXTRA).ModelProto):
        return runtime.InferenceSession(
            model.SerializeToString(), providers=runtime.get_available_providers()
        )
    raise not_callable(model, "is neither an onnx.ModelProto nor an InferenceSession")


def _run(session: Any, sample: Any) -> dict[str, object]:
    """Run a graph on a mapping of arrays, on a frame whose columns it takes, or on one array."""
    taken = [node.name for node in session.get_inputs()]
    if isinstance(sample, Mapping):
        feeds = dict(sample)
    elif hasattr(sample, "columns") and set(sample.columns) >= set(taken):
        feeds = {name: sample[name].to_numpy().reshape(-1, 1) for name in taken}
    else:
        feeds = {taken[0]: sample.to_numpy() if hasattr(sample, "to_numpy") else sample}
    given = [node.name for node in session.get_outputs()]
    return dict(zip(given, session.run(None, feeds), strict=True))


def _session_tensor(node: Any, role: str) -> Tensor:
    tensor = re.fullmatch(r"tensor\((\w+)\)", node.type)
    if tensor is None or not node.shape:  # a session shows a scalar and an unknown rank alike
        raise InvalidSignatureError(
            f"the session has the type {node.type} and the shape {node.shape}",
            field=f"{role}.{node.name}",
            remedy="Register the .onnx file without a sample, or state the signature",
        )
    return node_tensor(node.name, tensor[1], node.shape, role)


def _external_tensors(onnx: Any, message: Any) -> Iterator[Any]:
    """Yield every tensor, at any depth of the model, whose data is in another file."""
    if isinstance(message, onnx.TensorProto):
        if message.data_location == onnx.TensorProto.EXTERNAL or message.external_data:
            yield message
        return
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for child in [value] if hasattr(value, "ListFields") else value:
            yield from _external_tensors(onnx, child)


def _check_external(tensor: Any, folder: Path) -> None:
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    # If the folder is a single file, nothing is inside.
    file, inside = (folder / location).resolve(), folder.resolve()
    if not location or not file.is_relative_to(inside) or not file.is_file():
        raise _bad_data(tensor.name, location, "is not a file of the model's folder")
    offset, length = (entries.get(key, "0") for key in ("offset", "length"))
    if not (offset.isdecimal() and length.isdecimal()):
        raise _bad_data(tensor.name, location, f"cannot have offset {offset} and length {length}")
    if int(offset) + int(length) > file.stat().st_size:
        raise _bad_data(tensor.name, location, f"is shorter than {int(offset) + int(length)} bytes")


def _bad_data(tensor: str, location: str, fault: str) -> InvalidArtifactError:
    return InvalidArtifactError(
        f"the data of tensor {tensor!r} cannot be read: {location!r} {fault}",
        field="path",
        value=location,
        remedy="Save the model with its data files in the same folder",
    )


def _not_one_file(reason: str) -> UnsupportedModelError:
    return UnsupportedModelError(
        f"the model cannot be saved from memory: {reason}",
        field="model",
        remedy="Save it with onnx.save(model, …, save_as_external_data=True) and give the folder's"
        " path",
    )


def _model_file(path: Path) -> Path:
    remedy = f"Save it with onnx.save(model, {FILE!r})"
    return model_file(path, "onnx", SUFFIXES, remedy)
