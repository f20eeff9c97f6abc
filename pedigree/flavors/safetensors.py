"""Named arrays in safetensors files, for whoever has numpy and no torch. Reading them runs no code.

The library itself checks a file's header before it reads an array: its length, and that the arrays
lie within the file, side by side and without a gap.
"""

import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from pedigree.errors import InvalidArtifactError, UnsupportedModelError
from pedigree.flavors._files import unreadable
from pedigree.flavors._predict import not_callable
from pedigree.flavors._shards import Shard, read_shards, shards_of
from pedigree.libraries import library
from pedigree.signatures.records import Signature

EXTRA = "safetensors"
FILE = "model.safetensors"
SUFFIX = ".safetensors"
METADATA = "__metadata__"  # the word under which the format's header keeps what is no tensor
_LONGEST_HEADER = 100_000_000  # the library's own limit
# The format's words for what numpy has too; bfloat16 and the 8-bit floats are torch's alone.
_OF_NUMPY = frozenset({"BOOL", "C64", "F16", "F32", "F64"}) | {
    f"{sign}{bits}" for sign in "IU" for bits in (8, 16, 32, 64)
}


class SafetensorsFlavor:
    """A mapping of names to numpy arrays."""

    name = "safetensors"
    libraries = ("safetensors", "numpy")

    def save(self, model: object, folder: Path) -> None:
        """Write ``model.safetensors``, the same bytes for the same arrays in any process.

        Raises:
            UnsupportedModelError: The object is no mapping of names to numpy arrays, an array has
                a type that the format or numpy lacks, or a name that the format keeps for itself.
            MissingDependencyError: safetensors or numpy is not installed.
        """
        numpy = library("numpy", extra=EXTRA)
        writer = library("safetensors.numpy", extra=EXTRA)
        if not isinstance(model, Mapping) or not model:
            raise UnsupportedModelError(
                f"{type(model).__name__} is no mapping of names to numpy arrays, or an empty one",
                field="model",
                remedy="Give that, or name the model's flavor",
            )
        for name, array in model.items():
            _require_array(numpy, name, array)
        file = folder / FILE
        try:
            # The library writes the memory of a view as it lies there, in another order.
            dense = {name: numpy.asarray(array, order="C") for name, array in model.items()}
            writer.save_file(dense, file)
            _require_readable(file)
        except Exception as error:  # a dtype is refused by a KeyError, the rest by its own error
            file.unlink(missing_ok=True)
            raise UnsupportedModelError(
                f"safetensors cannot store these arrays: {type(error).__name__}: {error}",
                field="model",
                remedy="Give arrays of numbers or booleans that numpy has by itself",
            ) from error

    def check_files(self, path: Path) -> None:
        """Refuse weights of which a part is missing, or that numpy has no type for.

        Raises:
            InvalidArtifactError: They are so, or nothing says which files the model is.
        """
        for shard in _shards(path):
            _require_readable(shard.file)

    def load(self, folder: Path, *, trust: Collection[str] = ()) -> object:  # noqa: ARG002 - nothing is run, so nothing needs trust
        """Return the arrays by name, those of one file or of all its shards.

        Raises:
            InvalidArtifactError: A file is missing or damaged, is not what the index says, holds a
                type that numpy lacks, or nothing says which of several the model is.
            MissingDependencyError: safetensors or numpy is not installed.
        """
        read = library("safetensors.numpy", extra=EXTRA).load_file
        self.check_files(folder)  # some types are read by chance, where a library has taught numpy
        return read_all(_shards(folder), read)

    def infer_signature(self, model: object, sample: object) -> Signature:  # noqa: ARG002 - the protocol's
        """Refuse: arrays alone cannot be called.

        Raises:
            UnsupportedModelError: Always.
        """
        raise not_callable(model, "is arrays alone, which nothing here can call")

    def answers(self, model: object, sample: object) -> Mapping[str, object]:  # noqa: ARG002 - the protocol's
        """Refuse: arrays alone cannot be called.

        Raises:
            UnsupportedModelError: Always.
        """
        raise not_callable(model, "is arrays alone, which nothing here can call")


def read_all(shards: list[Shard], read: Callable[[Path], Mapping[str, Any]]) -> dict[str, Any]:
    """Return the arrays of all shards: large models come in several.

    Raises:
        InvalidArtifactError: A file is damaged, or does not hold what the index says.
    """

    def opened(file: Path) -> Mapping[str, Any]:
        try:
            return read(file)
        except Exception as error:  # whatever the header provoked
            raise unreadable(file, "safetensors", error) from error

    return read_shards(shards, opened)


def _shards(path: Path) -> list[Shard]:
    return shards_of(path, (SUFFIX,), (FILE,))


def _require_array(numpy: Any, name: object, array: object) -> None:
    """Refuse what would come back as something else, such as an array with a mask.

    Raises:
        UnsupportedModelError: It would.
    """
    if not isinstance(name, str) or name == METADATA:
        raise UnsupportedModelError(
            f"{name!r} cannot be the name of an array: the format keeps {METADATA} for itself, and"
            " names are texts",
            field="model",
            remedy="Rename it",
        )
    if type(array) not in {numpy.ndarray, numpy.memmap}:
        raise UnsupportedModelError(
            f"{name!r} is a {type(array).__name__}; a model is a mapping of names to numpy arrays",
            field="model",
            remedy="Give numpy.asarray(…) of it, or name the model's flavor",
        )


def _require_readable(file: Path) -> None:
    """Refuse a file of a type that numpy lacks; only its header is read.

    Raises:
        InvalidArtifactError: It has one, or is no safetensors file.
    """
    try:
        dtypes = _dtypes(file)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise unreadable(file, "safetensors", error) from error
    for name, dtype in dtypes.items():
        if dtype not in _OF_NUMPY:
            raise InvalidArtifactError(
                f"the tensor {name!r} of {file.name} is of the type {dtype}, which numpy lacks",
                field="path",
                remedy="Register it by the flavor torch",
            )


def _dtypes(file: Path) -> dict[str, str]:
    """Return the type of each tensor by its name, in the format's words."""
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        if length > _LONGEST_HEADER:
            raise ValueError(f"a header of {length} bytes is too long")
        header = json.loads(opened.read(length))
    header.pop(METADATA, None)
    end = 8 + length + max((each["data_offsets"][1] for each in header.values()), default=0)
    if end != file.stat().st_size:
        raise ValueError(f"it has {file.stat().st_size} bytes, and its header says {end}")
    return {name: each["dtype"] for name, each in header.items()}
