"""scikit-learn estimators and pipelines, saved by skops: without pickle, so loading runs no code.

Equal models have equal bytes (see :mod:`pedigree.flavors._skops_archive`). A model loads if each of
its types is trusted by skops, or is on the list for the installed scikit-learn
(``sklearn_trusted.toml``), or is named in ``trust``.
"""

import tomllib
from collections.abc import Collection, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

from pedigree.errors import InvalidArtifactError, PedigreeError, UnsupportedModelError
from pedigree.flavors._files import model_file, require_bounded
from pedigree.flavors._predict import METHODS, answers_of, method_signature
from pedigree.flavors._sklearn_trees import check_trees
from pedigree.flavors._skops import skops_io
from pedigree.flavors._skops_archive import write_canonical
from pedigree.flavors._trust import trusted_names, untrusted
from pedigree.libraries import library
from pedigree.signatures.records import Signature

EXTRA = "sklearn"
ARCHIVE = "model.skops"


class SklearnFlavor:
    """Objects with scikit-learn's estimator interface that skops can save."""

    name = "sklearn"
    libraries = ("skops", "sklearn")

    def save(self, model: object, folder: Path) -> None:
        """Write ``model.skops``, the same bytes for the same model in any process.

        Raises:
            UnsupportedModelError: The object is not an estimator, or a function or class in it
                cannot be imported by its name, or a part of it cannot be saved without pickle.
            MissingDependencyError: skops is not installed.
        """
        skops_io(EXTRA)
        from pedigree.flavors._skops_dump import dump  # noqa: PLC0415 - it imports skops

        if not hasattr(model, "fit"):
            raise UnsupportedModelError(
                f"{type(model).__name__} is not an estimator: it has no fit()",
                field="model",
                remedy="Give the estimator itself, or name the model's flavor",
            )
        dumped = folder / f"{ARCHIVE}.dumped"
        try:
            dump(model, dumped)
            write_canonical(dumped, folder / ARCHIVE)
        except (TypeError, ValueError, AttributeError, RecursionError) as error:
            raise UnsupportedModelError(
                f"skops cannot save this {type(model).__name__}: {error}",
                field="model",
                remedy="Use named functions instead of lambdas, or the generic flavor with a file",
            ) from error
        finally:
            dumped.unlink(missing_ok=True)

    def check_files(self, path: Path) -> None:
        """Refuse a folder that does not hold exactly one ``.skops`` file.

        Raises:
            InvalidArtifactError: The folder does not.
        """
        _model_file(path)

    def load(self, folder: Path, *, trust: Collection[str] = ()) -> object:
        """Return the estimator from the one ``.skops`` file of the folder.

        Raises:
            UntrustedModelError: It holds types that neither the list nor ``trust`` contains.
            InvalidArtifactError: The folder does not hold exactly one ``.skops`` file, it expands
                too far, skops cannot read it, or its trees are inconsistent.
            MissingDependencyError: skops is not installed.
        """
        skops = skops_io(EXTRA)
        archive = _model_file(folder)
        require_bounded(archive)
        trusted = sorted(trusted_types(_installed_version()) | trusted_names(trust))
        try:
            unknown = set(skops.get_untrusted_types(file=archive)) - set(trusted)
            if unknown:
                raise untrusted(
                    f"the model holds {', '.join(sorted(unknown))}, which neither skops nor"
                    " Pedigree's list for the installed scikit-learn trusts: building them can run"
                    " code of the file's author",
                    sorted(unknown),
                )
            model: object = skops.load(archive, trusted=trusted)
            check_trees(model)
        except PedigreeError:
            raise
        except Exception as error:  # skops can raise anything on invalid content
            raise InvalidArtifactError(
                f"skops cannot read {archive.name}: {type(error).__name__}: {error}",
                field="path",
                remedy="If it was saved with other versions of scikit-learn and skops, use those",
            ) from error
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


@cache
def trusted_types(version: str) -> frozenset[str]:
    """Return the names that are trusted for a version of scikit-learn such as ``1.9``.

    A version that is newer than the list gets the names of the newest version on the list: a full
    name in scikit-learn's namespace stays scikit-learn's.
    """
    text = files("pedigree.flavors").joinpath("sklearn_trusted.toml").read_text("utf-8")
    table = tomllib.loads(text)
    known: list[str] = table["versions"]
    version = version if version in known else known[-1]
    return frozenset(
        name
        for group in table["trusted"]
        if version in group.get("versions", known)
        for name in group["names"]
    )


def _installed_version() -> str:
    full: str = library("sklearn", extra=EXTRA).__version__
    return ".".join(full.split(".")[:2])


def _model_file(path: Path) -> Path:
    remedy = f"Save the model with skops.io.dump(model, {ARCHIVE!r})"
    return model_file(path, "sklearn", (".skops",), remedy)
