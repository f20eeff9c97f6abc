"""PyTorch's state dicts: the tensors of a model by name, without its code.

Loading gives the state dict, and the module is the caller's to make: ``net.load_state_dict(…)``.
Tensors alone are stored as safetensors. What that format cannot hold (tensors that share memory,
numbers and texts among them) is stored by ``torch.save``, and read with ``weights_only=True``,
which builds nothing but tensors and plain values. A pickled module is loaded only with ``trust``.
"""

import copy
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from pedigree.errors import InvalidSignatureError, UnsupportedModelError
from pedigree.flavors._files import unreadable
from pedigree.flavors._predict import ask, asked_signature, not_callable
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
    """A ``torch.nn.Module``, of which the state dict is stored, or a state dict."""

    name = "torch"
    libraries = ("torch", "safetensors")

    def save(self, model: object, folder: Path) -> None:
        """Write ``model.safetensors``, or ``model.pt`` where not all is tensors of their own.

        The same tensors give the same bytes in any process.

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
            writer.save_file({name: _dense(each) for name, each in state.items()}, folder / FILE)
            return
        file = folder / PICKLED_FILE
        try:
            torch.save(state, file)
            torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # each kind of tensor has errors of its own
            file.unlink(missing_ok=True)
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise UnsupportedModelError(
                "torch cannot store this state dict as tensors and plain values that are read"
                f" again without trust: {reason}",
                field="model",
                remedy="Give tensors of torch's own kinds, numbers and texts only",
            ) from error

    def check_files(self, path: Path) -> None:
        """Refuse weights of which a part is missing.

        Raises:
            InvalidArtifactError: It is, or nothing says which files the model is.
        """
        _shards(path)

    def load(self, folder: Path, *, trust: Collection[str] = ()) -> object:
        """Return the state dict, on the CPU.

        Raises:
            UntrustedModelError: The file is a pickle of more than tensors and plain values, and
                ``trust`` does not name ``pickle``; nothing of it was run.
            InvalidArtifactError: A file is missing or damaged, is not what the index says, or
                nothing says which of several the model is.
            MissingDependencyError: torch or safetensors is not installed.
        """
        torch = library("torch", extra=EXTRA)
        trusted = PICKLE in trusted_names(trust)
        shards = _shards(folder)
        if shards[0].file.suffix == SUFFIX:
            return read_all(shards, library("safetensors.torch", extra=EXTRA).load_file)
        if len(shards) == 1 and shards[0].names is None:
            return _unpickled(torch, shards[0].file, trusted)
        return read_shards(shards, lambda file: _unpickled_part(torch, file, trusted))

    def infer_signature(self, model: object, sample: object) -> Signature:
        """Return the signature by calling the module, in evaluation, with the sample.

        A mapping of names is passed by name; frames and arrays become tensors first.

        Raises:
            UnsupportedModelError: The model is no module.
            InvalidSampleError: The module refuses the sample.
            InvalidSignatureError: The sample or the result has no type in a signature.
        """
        torch = library("torch", extra=EXTRA)
        return asked_signature(
            model, sample, partial(_predict, torch, model), shown=partial(_arrays, torch)
        )

    def answers(self, model: object, sample: object) -> Mapping[str, object]:
        """Return what the module gives, in evaluation.

        Raises:
            UnsupportedModelError: The model is no module.
            InvalidSampleError: The module refuses the sample.
        """
        torch = library("torch", extra=EXTRA)
        return {"output": ask(model, sample, partial(_predict, torch, model))}

    def emptied(self, model: object) -> object | None:
        """Return a copy of a module with zeros in the place of all that is stored of it.

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
        """Return the module that :meth:`emptied` gave, with what was stored of it."""
        empty.load_state_dict(loaded)
        return empty


def _predict(torch: Any, model: Any, sample: object) -> object:
    """Call a module in evaluation; each of its parts is left as it was."""
    if not isinstance(model, torch.nn.Module):
        raise not_callable(model, "is no module, and tensors alone cannot be called")
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
        remedy="Give one of them, or name the model's flavor",
    )


def _tensors(torch: Any, value: object, where: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every tensor of a state dict, however deep, and its place."""
    if isinstance(value, torch.Tensor):
        yield where, value
    elif isinstance(value, Mapping | list | tuple):
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        for name, each in items:
            yield from _tensors(torch, each, f"{where}.{name}" if where else str(name))


def _require_values(torch: Any, state: Mapping[str, Any]) -> None:
    """Refuse tensors that are a shape alone: of the meta device, or of a layer not yet called.

    Raises:
        UnsupportedModelError: There is one.
    """
    for name, tensor in _tensors(torch, state):
        if torch.nn.parameter.is_lazy(tensor) or tensor.device.type == "meta":
            raise UnsupportedModelError(
                f"the tensor {name!r} has no values: it is on the meta device, or its layer was"
                " never called",
                field="model",
                remedy="Load or initialize the weights first",
            )


def _is_plain(torch: Any, writer: Any, state: Mapping[str, Any]) -> bool:
    """Tell whether safetensors can hold it: dense tensors, each with memory of its own."""
    values = state.values()
    if not state or METADATA in state or not all(_is_dense(torch, value) for value in values):
        return False
    if not all(_is_known(torch, writer, dtype) for dtype in {value.dtype for value in values}):
        return False
    # Tensors without an element have no memory to share.
    owned = [value.untyped_storage().data_ptr() for value in values if value.numel()]
    return len(set(owned)) == len(owned)


def _is_dense(torch: Any, value: Any) -> bool:
    return (
        type(value) in {torch.Tensor, torch.nn.Parameter}  # a class of its own may mean more
        and value.layout == torch.strided
        and not (value.is_quantized or value.is_nested)
    )


def _is_known(torch: Any, writer: Any, dtype: Any) -> bool:
    """Tell whether the installed safetensors gives a type back."""
    try:
        back = writer.load(writer.save({"none": torch.empty(0, dtype=dtype)}))
    except Exception:  # a KeyError, or an error of the library's own
        return False
    return bool(back["none"].dtype == dtype)


def _dense(tensor: Any) -> Any:
    """Return a tensor whose memory is what it says: not to be conjugated or negated first."""
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
            f"{_builds(torch, file)}, a program that its maker wrote: loading it runs it",
            [PICKLE],
        ) from error
    except Exception as error:  # whatever the content provoked
        raise unreadable(file, "torch", error) from error
    return content


def _unpickled_part(torch: Any, file: Path, trusted: bool) -> Mapping[str, Any]:
    part = _unpickled(torch, file, trusted)
    if not isinstance(part, Mapping):
        raise bad_weights(f"{file.name} holds a {type(part).__name__}, and no part of a state dict")
    return part


def _call(torch: Any, module: Any, sample: object) -> object:
    if isinstance(sample, Mapping):
        return module(**{name: _tensor(torch, each) for name, each in sample.items()})
    return module(_tensor(torch, sample))


def _tensor(torch: Any, value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value
    return torch.as_tensor(value.to_numpy() if hasattr(value, "to_numpy") else value)


def _arrays(torch: Any, value: Any) -> object:
    """Return tensors as numpy arrays, which have their types in common with signatures."""
    if isinstance(value, torch.Tensor):
        try:
            return value.detach().cpu().numpy()
        except TypeError as error:
            raise InvalidSignatureError(
                f"a tensor of {value.dtype} has no type in a signature: numpy lacks it",
                field="outputs",
                value=str(value.dtype),
                remedy="Let the module convert it, such as by .float(), or state the signature",
            ) from error
    if isinstance(value, Mapping):
        return {name: _arrays(torch, each) for name, each in value.items()}
    return value


def _builds(torch: Any, file: Path) -> str:
    """Say which names a pickle calls, where torch can read them without running it."""
    try:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(file)
    except Exception:  # the form of torch before 1.6, or what nobody can read
        return ""
    return f" ({', '.join(sorted(names))})" if names else ""
