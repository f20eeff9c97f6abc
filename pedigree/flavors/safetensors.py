"""Named arrays in safetensors files, with numpy and without torch. Reading them runs no code.

The library itself checks a file's header before it reads an array: its length, and that the arrays
are within the file, contiguous and without gaps.
"""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from pedigree.errors import InvalidArtifactError, UnsupportedModelError
from pedigree.flavors._files import unreadable
from pedigree.flavors._predict import not_callable
from pedigree.flavors._shards import Shard, read_shards, shards_of
from pedigree.libraries import library
from pedigree.signatures.records import Signature
from pedigree.untrusted.documents import parsed_json

EXTRA = "safetensors"
FILE = "model.safetensors"
SUFFIX = ".safetensors"
METADATA = "__metadata__"  # the key in the format's header that is not a tensor
_LONGEST_HEADER = 100_000_000  # the library's own limit
# The format's names of numpy's dtypes; numpy lacks bfloat16 and the 8-bit floats.
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
            UnsupportedModelError: The object is not a mapping of names to numpy arrays, or an array
                has a dtype that the format or numpy lacks, or a name that the format reserves.
            MissingDependencyError: safetensors or numpy is not installed.
        """
        numpy = library("numpy", extra=EXTRA)
        writer = library("safetensors.numpy", extra=EXTRA)
        if not isinstance(model, Mapping) or not model:
            raise UnsupportedModelError(
                f"{type(model).__name__} is not a non-empty mapping of names to numpy arrays",
                field="model",
                remedy="Give such a mapping, or name the model's flavor",
            )
        for name, array in model.items():
            _require_array(numpy, name, array)
        file = folder / FILE
        try:
            # The library writes the memory of a view as it is, in a different order.
            dense = {name: numpy.asarray(array, order="C") for name, array in model.items()}
            writer.save_file(dense, file)
            _require_readable(file)
        except Exception as error:  # a KeyError for a dtype, else the library's own error
            file.unlink(missing_ok=True)
            raise UnsupportedModelError(
                f"safetensors cannot store these arrays: {type(error).__name__}: {error}",
                field="model",
                remedy="Give arrays with numpy's own number types or booleans",
            ) from error

    def check_files(self, path: Path) -> None:
        """Refuse weights that are incomplete, or whose dtype numpy lacks.

        Raises:
            InvalidArtifactError: They are refused, or it is ambiguous which files are the model.
        """
        for shard in _shards(path):
            _require_readable(shard.file)

    def load(self, folder: Path, *, trust: Collection[str] = ()) -> object:  # noqa: ARG002 - runs no code, so needs no trust
        """Return the arrays of one file, or of all shards, by name.

        Raises:
            InvalidArtifactError: A file is missing or damaged, does not match the index, has a
                dtype that numpy lacks, or it is ambiguous which of several is the model.
            MissingDependencyError: safetensors or numpy is not installed.
        """
        read = library("safetensors.numpy", extra=EXTRA).load_file
        self.check_files(folder)  # other libraries may add dtypes to numpy, which load would read
        return read_all(_shards(folder), read)

    def infer_signature(self, model: object, sample: object) -> Signature:  # noqa: ARG002 - the protocol's
        """Refuse: arrays cannot be called.

        Raises:
            UnsupportedModelError: Always.
        """
        raise not_callable(model, "is only arrays, which cannot be called")

    def answers(self, model: object, sample: object) -> Mapping[str, object]:  # noqa: ARG002 - the protocol's
        """Refuse: arrays cannot be called.

        Raises:
            UnsupportedModelError: Always.
        """
        raise not_callable(model, "is only arrays, which cannot be called")


def read_all(shards: list[Shard], read: Callable[[Path], Mapping[str, Any]]) -> dict[str, Any]:
    """Return the arrays of all shards by name.

    Raises:
        InvalidArtifactError: A file is damaged, or does not match the index.
    """

    def opened(file: Path) -> Mapping[str, Any]:
        try:
            return read(file)
        except Exception as error:  # the library can raise anything on an invalid header
            raise unreadable(file, "safetensors", error) from error

    return read_shards(shards, opened)


def _shards(path: Path) -> list[Shard]:
    return shards_of(path, (SUFFIX,), (FILE,))


def _require_array(numpy: Any, name: object, array: object) -> None:
    """Refuse an array that would not be restored as it is, such as a masked array.

    Raises:
        UnsupportedModelError: The array or its name is refused.
    """
    if not isinstance(name, str) or name == METADATA:
        raise UnsupportedModelError(
            f"{name!r} cannot be the name of an array: names are strings, and the format reserves"
            f" {METADATA}",
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
    """Refuse a file with a dtype that numpy lacks; only its header is read.

    Raises:
        InvalidArtifactError: The file has such a dtype, or is not a safetensors file.
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
                remedy="Register it with the flavor torch",
            )


def _dtypes(file: Path) -> dict[str, str]:
    """Return the format's dtype of each tensor by its name."""
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        if length > _LONGEST_HEADER:
            raise ValueError(f"a header of {length} bytes is too long")
        header = parsed_json(opened.read(length))
    header.pop(METADATA, None)
    end = 8 + length + max((spec["data_offsets"][1] for spec in header.values()), default=0)
    if end != file.stat().st_size:
        raise ValueError(f"it has {file.stat().st_size} bytes, and its header says {end}")
    return {name: spec["dtype"] for name, spec in header.items()}
