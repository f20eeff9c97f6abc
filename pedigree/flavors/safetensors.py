"""Named arrays in safetensors files, for whoever has numpy and no torch. Reading them runs no code.

The library itself checks a file's header before it reads an array: its length, and that the arrays
lie within the file, side by side and without a gap.
"""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from pedigree.errors import InvalidArtifactError, UnsupportedModelError
from pedigree.flavors._files import model_files, unreadable
from pedigree.flavors._predict import not_callable
from pedigree.libraries import library
from pedigree.signatures.records import Signature

EXTRA = "safetensors"
FILE = "model.safetensors"
SUFFIX = ".safetensors"


class SafetensorsFlavor:
    """A mapping of names to numpy arrays."""

    name = "safetensors"
    libraries = ("safetensors", "numpy")

    def save(self, model: object, folder: Path) -> None:
        """Write ``model.safetensors``, the same bytes for the same arrays in any process.

        Raises:
            UnsupportedModelError: The object is no mapping of names to numpy arrays, or an array
                has a type that the format lacks.
            MissingDependencyError: safetensors or numpy is not installed.
        """
        numpy = library("numpy", extra=EXTRA)
        writer = library("safetensors.numpy", extra=EXTRA)
        if not isinstance(model, Mapping) or not all(
            isinstance(name, str) and isinstance(array, numpy.ndarray)
            for name, array in model.items()
        ):
            raise UnsupportedModelError(
                f"{type(model).__name__} is no mapping of names to numpy arrays",
                field="model",
                remedy="Give that, or name the model's flavor",
            )
        try:
            # The library writes the memory of a view as it lies there, in another order.
            dense = {name: numpy.asarray(array, order="C") for name, array in model.items()}
            writer.save_file(dense, folder / FILE)
        except Exception as error:  # a dtype is refused by a KeyError, the rest by its own error
            raise UnsupportedModelError(
                f"safetensors cannot store these arrays: {type(error).__name__}: {error}",
                field="model",
                remedy="Give arrays of numbers or booleans",
            ) from error

    def load(self, folder: Path, *, trust: Collection[str] = ()) -> object:  # noqa: ARG002 - nothing is run, so nothing needs trust
        """Return the arrays by name, those of all ``.safetensors`` files of the folder.

        Raises:
            InvalidArtifactError: There is no such file, it is damaged, or two hold the same name.
            MissingDependencyError: safetensors or numpy is not installed.
        """
        return read_all(folder, library("safetensors.numpy", extra=EXTRA).load_file)

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


def read_all(folder: Path, read: Callable[[Path], Mapping[str, Any]]) -> dict[str, Any]:
    """Return the arrays of all ``.safetensors`` files of a folder: large models come in several.

    Raises:
        InvalidArtifactError: There is no such file, it is damaged, or two hold the same name.
    """
    arrays: dict[str, Any] = {}
    for file in model_files(folder, SUFFIX):
        try:
            found = read(file)
        except Exception as error:  # whatever the header provoked
            raise unreadable(file, "safetensors", error) from error
        if twins := sorted(arrays.keys() & found.keys()):
            raise _bad_folder(folder, f"two files hold {twins[0]!r}")
        arrays.update(found)
    if not arrays:
        raise _bad_folder(folder, f"the folder holds no {SUFFIX} file with an array in it")
    return arrays


def _bad_folder(folder: Path, fault: str) -> InvalidArtifactError:
    return InvalidArtifactError(
        fault, field="path", value=str(folder), remedy=f"Store the arrays as {FILE}"
    )
