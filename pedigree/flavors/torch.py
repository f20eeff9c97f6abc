"""PyTorch's state dicts: the tensors of a model by name, without its code.

Loading returns the state dict; the caller creates the module: ``net.load_state_dict(…)``. Plain
tensors are saved as safetensors. State dicts that this format cannot hold (tensors that share
memory, numbers, strings) are saved by ``torch.save`` and read with ``weights_only=True``, which
builds only tensors and plain values. A pickled module is loaded only with ``trust``.
"""

import copy
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from pedigree.errors import InvalidSignatureError, UnsupportedModelError
from pedigree.flavors._files import require_bounded, unreadable
from pedigree.flavors._predict import ask, call_signature, not_callable
from pedigree.flavors._shards import Shard, bad_weights, read_shards, shards_of
from pedigree.flavors._trust import PICKLE, trusted_names, untrusted
from pedigree.flavors.safetensors import FILE, METADATA, SUFFIX, read_all
from pedigree.libraries import library
from pedigree.signatures.records import Signature

EXTRA = "torch"
PICKLED_FILE = "model.pt"
SUFFIXES = (".pt", ".pth", ".bin")
_USUAL = (FILE, "pytorch_model.bin", PICKLED_FILE, "model.pth", "model.bin")


class TorchFlavor:
    """A ``torch.nn.Module``, whose state dict is saved, or a state dict."""

    name = "torch"
    libraries = ("torch", "safetensors")

    def save(self, model: object, folder: Path) -> None:
        """Write ``model.safetensors``, or ``model.pt`` if safetensors cannot hold the state dict.

        The same tensors have the same bytes in any process.

        Raises:
            UnsupportedModelError: The object is neither a module nor a mapping of names, a tensor
                has no values, or torch cannot write it so that ``weights_only=True`` reads it.
            MissingDependencyError: torch or safetensors is not installed.
        """
        torch = library("torch", extra=EXTRA)
        writer = library("safetensors.torch", extra=EXTRA)
        state = _state(torch, model)
        _require_values(torch, state)
        if _is_plain(torch, writer, state):
            writer.save_file({name: _dense(value) for name, value in state.items()}, folder / FILE)
            return
        file = folder / PICKLED_FILE
        try:
            torch.save(state, file)
            torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # each kind of tensor has its own errors
            file.unlink(missing_ok=True)
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise UnsupportedModelError(
                "torch cannot save this state dict as tensors and plain values that load without"
                f" trust: {reason}",
                field="model",
                remedy="Give only torch's own kinds of tensors, numbers and strings",
            ) from error

    def check_files(self, path: Path) -> None:
        """Refuse incomplete weights.

        Raises:
            InvalidArtifactError: A file is missing, or it is ambiguous which files are the model.
        """
        _shards(path)

    def load(self, folder: Path, *, trust: Collection[str] = ()) -> object:
        """Return the state dict, on the CPU.

        Raises:
            UntrustedModelError: The file is a pickle of more than tensors and plain values, and
                ``trust`` does not contain ``pickle``; no code of it ran.
            InvalidArtifactError: A file is missing or damaged, does not match the index, or it is
                ambiguous which of several is the model.
            MissingDependencyError: torch or safetensors is not installed.
        """
        trusted = PICKLE in trusted_names(trust)
        shards = _shards(folder)
        if shards[0].file.suffix != SUFFIX:
            for shard in shards:
                require_bounded(shard.file)
        torch = library("torch", extra=EXTRA)
        if shards[0].file.suffix == SUFFIX:
            return read_all(shards, library("safetensors.torch", extra=EXTRA).load_file)
        if len(shards) == 1 and shards[0].names is None:
            return _unpickled(torch, shards[0].file, trusted)
        return read_shards(shards, lambda file: _unpickled_part(torch, file, trusted))

    def infer_signature(self, model: object, sample: object) -> Signature:
        """Return the signature of a call of the module, in evaluation mode, with the sample.

        A mapping of names is passed by name; frames and arrays become tensors first.

        Raises:
            UnsupportedModelError: The model is not a module.
            InvalidSampleError: The module rejects the sample.
            InvalidSignatureError: The sample or the result has no type in a signature.
        """
        torch = library("torch", extra=EXTRA)
        return call_signature(
            model, sample, partial(_predict, torch, model), convert=partial(_arrays, torch)
        )

    def answers(self, model: object, sample: object) -> Mapping[str, object]:
        """Return the output of the module in evaluation mode.

        Raises:
            UnsupportedModelError: The model is not a module.
            InvalidSampleError: The module rejects the sample.
        """
        torch = library("torch", extra=EXTRA)
        return {"output": ask(model, sample, partial(_predict, torch, model))}

    def emptied(self, model: object) -> object | None:
        """Return a copy of a module with zeros in place of its state dict.

        Raises:
            MissingDependencyError: torch is not installed.
        """
        torch = library("torch", extra=EXTRA)
        if not isinstance(model, torch.nn.Module):
            return None
        empty: object = copy.deepcopy(model)
        with torch.no_grad():
            for tensor in _state(torch, empty).values():
                tensor.zero_()
        return empty

    def filled(self, empty: Any, loaded: object) -> object:
        """Return the module that :meth:`emptied` returned, with the loaded state dict."""
        empty.load_state_dict(loaded)
        return empty


def _predict(torch: Any, model: Any, sample: object) -> object:
    """Call a module in evaluation mode, and restore the mode of each of its parts."""
    if not isinstance(model, torch.nn.Module):
        raise not_callable(model, "is not a module, and tensors cannot be called")
    training = [part for part in model.modules() if part.training]
    try:
        with torch.no_grad():
            return _call(torch, model.eval(), sample)
    finally:
        for part in training:
            part.training = True


def _state(torch: Any, model: object) -> dict[str, Any]:
    if isinstance(model, torch.nn.Module):
        return dict(model.state_dict())
    if isinstance(model, Mapping) and model and all(isinstance(name, str) for name in model):
        return dict(model)
    raise UnsupportedModelError(
        f"{type(model).__name__} is neither a module nor a state dict",
        field="model",
        remedy="Give one of these, or name the model's flavor",
    )


def _tensors(torch: Any, value: object, where: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every tensor of a state dict, at any depth, with its path."""
    if isinstance(value, torch.Tensor):
        yield where, value
    elif isinstance(value, Mapping | list | tuple):
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        for name, item in items:
            yield from _tensors(torch, item, f"{where}.{name}" if where else str(name))


def _require_values(torch: Any, state: Mapping[str, Any]) -> None:
    """Refuse tensors without values: on the meta device, or of a lazy layer that was not called.

    Raises:
        UnsupportedModelError: There is such a tensor.
    """
    for name, tensor in _tensors(torch, state):
        if torch.nn.parameter.is_lazy(tensor) or tensor.device.type == "meta":
            raise UnsupportedModelError(
                f"the tensor {name!r} has no values: it is on the meta device, or its lazy layer"
                " was never called",
                field="model",
                remedy="Load or initialize the weights first",
            )


def _is_plain(torch: Any, writer: Any, state: Mapping[str, Any]) -> bool:
    """Return whether safetensors can hold a state dict: dense tensors that share no memory."""
    values = state.values()
    if not state or METADATA in state or not all(_is_dense(torch, value) for value in values):
        return False
    if not all(_is_supported(torch, writer, dtype) for dtype in {value.dtype for value in values}):
        return False
    # Tensors without elements have no memory to share.
    owned = [value.untyped_storage().data_ptr() for value in values if value.numel()]
    return len(set(owned)) == len(owned)


def _is_dense(torch: Any, value: Any) -> bool:
    return (
        type(value) in {torch.Tensor, torch.nn.Parameter}  # a subclass may hold more
        and value.layout == torch.strided
        and not (value.is_quantized or value.is_nested)
    )


def _is_supported(torch: Any, writer: Any, dtype: Any) -> bool:
    """Return whether the installed safetensors restores a dtype."""
    try:
        restored = writer.load(writer.save({"none": torch.empty(0, dtype=dtype)}))
    except Exception:  # a KeyError, or the library's own error
        return False
    return bool(restored["none"].dtype == dtype)


def _dense(tensor: Any) -> Any:
    """Return a contiguous tensor without pending conjugation or negation."""
    return tensor.resolve_conj().resolve_neg().contiguous()


def _shards(path: Path) -> list[Shard]:
    return shards_of(path, (SUFFIX, *SUFFIXES), _USUAL)


def _unpickled(torch: Any, file: Path, trusted: bool) -> object:
    try:
        content: object = torch.load(file, map_location="cpu", weights_only=not trusted)
    except UnpicklingError as error:
        if trusted:
            raise unreadable(file, "torch", error) from error
        raise untrusted(
            f"{file.name} is a pickle of more than tensors and plain values"
            f"{_called_names(torch, file)}, which is a program: loading it runs code of its author",
            [PICKLE],
        ) from error
    except Exception as error:  # torch can raise anything on invalid content
        raise unreadable(file, "torch", error) from error
    return content


def _unpickled_part(torch: Any, file: Path, trusted: bool) -> Mapping[str, Any]:
    part = _unpickled(torch, file, trusted)
    if not isinstance(part, Mapping):
        raise bad_weights(f"{file.name} holds a {type(part).__name__}, not a part of a state dict")
    return part


def _call(torch: Any, module: Any, sample: object) -> object:
    if isinstance(sample, Mapping):
        return module(**{name: _tensor(torch, value) for name, value in sample.items()})
    return module(_tensor(torch, sample))


def _tensor(torch: Any, value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value
    return torch.as_tensor(value.to_numpy() if hasattr(value, "to_numpy") else value)


def _arrays(torch: Any, value: Any) -> object:
    """Return tensors as numpy arrays, whose dtypes are those of signatures."""
    if isinstance(value, torch.Tensor):
        try:
            return value.detach().cpu().numpy()
        except TypeError as error:
            raise InvalidSignatureError(
                f"a tensor of {value.dtype} has no type in a signature: numpy lacks it",
                field="outputs",
                value=str(value.dtype),
                remedy="Convert it in the module, such as with .float(), or state the signature",
            ) from error
    if isinstance(value, Mapping):
        return {name: _arrays(torch, item) for name, item in value.items()}
    return value


def _called_names(torch: Any, file: Path) -> str:
    """Return the names that a pickle calls, if torch can read them without running it."""
    try:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(file)
    except Exception:  # the format of torch before 1.6, or invalid content
        return ""
    return f" ({', '.join(sorted(names))})" if names else ""
