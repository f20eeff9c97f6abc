"""Anything that joblib can pickle, for models that skops cannot save.

A pickle is a program, so loading one needs ``trust=["pickle"]``. Its bytes may differ between
processes (a pickle depends on which equal strings are one object, and on the order of sets), and
then the same model is a new version. The flavor ``sklearn`` has neither weakness.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from types import FunctionType
from typing import Any

from pedigree.errors import UnsupportedModelError
from pedigree.flavors._files import expands_too_far, model_file, unreadable
from pedigree.flavors._predict import METHODS, answers_of, method_signature
from pedigree.flavors._trust import PICKLE, require_trust
from pedigree.libraries import library
from pedigree.signatures.records import Signature
from pedigree.untrusted.expansion import ExpansionError, expanded, require_plain

EXTRA = "sklearn"  # scikit-learn depends on joblib
FILE = "model.joblib"
# joblib detects from a file's content whether and how it is compressed, as in model.joblib.gz.
COMPRESSED = (".z", ".gz", ".bz2", ".xz", ".lzma", ".lz4")
SUFFIXES = (".joblib", ".pkl", ".pickle", ".sav", *COMPRESSED)


class JoblibFlavor:
    """A pickle as joblib writes it: arrays with their memory layout, uncompressed."""

    name = "joblib"
    libraries = ("joblib",)

    def save(self, model: object, folder: Path) -> None:
        """Write ``model.joblib``.

        Raises:
            UnsupportedModelError: The object cannot be pickled, or holds a function or class of
                ``__main__``, which other programs cannot import.
            MissingDependencyError: joblib is not installed.
        """
        pickler = _pickler(library("joblib.numpy_pickle", extra=EXTRA))
        file = folder / FILE
        try:
            with file.open("wb") as opened:
                pickler(opened).dump(model)
        except Exception as error:  # the object's own reduction can raise anything
            file.unlink(missing_ok=True)
            raise UnsupportedModelError(
                f"joblib cannot pickle this {type(model).__name__}: {error}",
                field="model",
                remedy="Use named functions instead of lambdas, or the generic flavor with a file",
            ) from error

    def check_files(self, path: Path) -> None:
        """Refuse a folder that does not hold exactly one pickle.

        Raises:
            InvalidArtifactError: The folder does not.
        """
        _model_file(path)

    def load(self, folder: Path, *, trust: Collection[str] = ()) -> object:
        """Unpickle the one file of the folder.

        Raises:
            UntrustedModelError: ``trust`` does not contain ``pickle``; the file was not opened.
            InvalidArtifactError: The folder does not hold exactly one pickle, or it cannot be read
                or expands too far.
            MissingDependencyError: joblib is not installed.
        """
        file = _model_file(folder)
        require_trust(
            trust,
            PICKLE,
            f"{file.name} is a pickle, which is a program: loading it runs code of its author",
        )
        joblib = library("joblib", extra=EXTRA)
        try:
            with expanded(file) as stream:
                require_plain(stream)
                model: object = joblib.load(stream)
        except ExpansionError as error:
            raise expands_too_far(file, error) from error
        except Exception as error:  # the pickled program can raise anything
            raise unreadable(file, "joblib", error) from error
        return model

    def infer_signature(self, model: object, sample: object) -> Signature:
        """Return the signature of ``predict``, or of ``transform`` if there is no ``predict``.

        Raises:
            UnsupportedModelError: The model has neither.
            InvalidSampleError: The model rejects the sample.
            InvalidSignatureError: The sample or the result has no type in a signature.
        """
        return method_signature(model, sample, "predict", "transform")

    def answers(self, model: object, sample: object) -> Mapping[str, object]:
        """Return the outputs of ``predict``, ``transform`` and similar methods that the model has.

        Raises:
            UnsupportedModelError: The model has neither ``predict`` nor ``transform``.
            InvalidSampleError: The model rejects the sample.
        """
        return answers_of(model, sample, *METHODS)


def _pickler(numpy_pickle: Any) -> Any:
    """Return joblib's pickler, extended to refuse functions and classes of ``__main__``."""

    class ImportablePickler(numpy_pickle.NumpyPickler):  # type: ignore[misc]  # it ships no types
        def reducer_override(self, obj: Any) -> Any:
            if isinstance(obj, type | FunctionType) and obj.__module__ == "__main__":
                raise ValueError(
                    f"it holds __main__.{obj.__qualname__}, which other programs cannot import;"
                    " move it into a module"
                )
            return NotImplemented

    return ImportablePickler


def _model_file(path: Path) -> Path:
    remedy = f"Save it with joblib.dump(model, {FILE!r})"
    return model_file(path, "joblib", SUFFIXES, remedy)
