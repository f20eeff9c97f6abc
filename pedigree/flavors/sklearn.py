"""scikit-learn estimators and pipelines, stored by skops: no pickle, so loading runs no code.

Equal models give equal bytes (see :mod:`pedigree.flavors._skops_archive`). A model loads when each
of its types is trusted by skops, or is on the exact list for the installed scikit-learn
(``sklearn_trusted.toml``), or is named in ``trust``.
"""

import tomllib
from collections.abc import Collection, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

from pedigree.errors import InvalidArtifactError, PedigreeError, UnsupportedModelError
from pedigree.flavors._files import model_file
from pedigree.flavors._predict import METHODS, answers_of, predicted_signature
from pedigree.flavors._sklearn_trees import check_trees
from pedigree.flavors._skops_archive import write_canonical
from pedigree.flavors._trust import trusted_names, untrusted
from pedigree.libraries import library
from pedigree.signatures.records import Signature

EXTRA = "sklearn"
ARCHIVE = "model.skops"


class SklearnFlavor:
    """Whatever follows scikit-learn's estimator interface and skops can store."""

    name = "sklearn"
    libraries = ("skops", "sklearn")

    def save(self, model: object, folder: Path) -> None:
        """Write ``model.skops``, the same bytes for the same model in any process.

        Raises:
            UnsupportedModelError: The object is no fitted or fittable estimator, a function or
                class in it cannot be found by its name, or a part of it cannot be stored without
                pickle.
            MissingDependencyError: skops is not installed.
        """
        library("skops.io", extra=EXTRA)
        from pedigree.flavors._skops_dump import dump  # noqa: PLC0415 - it imports skops

        if not hasattr(model, "fit"):
            raise UnsupportedModelError(
                f"{type(model).__name__} is no estimator: it has no fit()",
                field="model",
                remedy="Give the estimator itself, or name the model's flavor",
            )
        dumped = folder / f"{ARCHIVE}.dumped"
        try:
            dump(model, dumped)
            write_canonical(dumped, folder / ARCHIVE)
        except (TypeError, ValueError, AttributeError, RecursionError) as error:
            raise UnsupportedModelError(
                f"skops cannot store this {type(model).__name__}: {error}",
                field="model",
                remedy="Use named functions instead of lambdas, or the generic flavor with a file",
            ) from error
        finally:
            dumped.unlink(missing_ok=True)

    def check_files(self, path: Path) -> None:
        """Refuse a folder that does not hold exactly one ``.skops`` file.

        Raises:
            InvalidArtifactError: It does not.
        """
        _model_file(path)

    def load(self, folder: Path, *, trust: Collection[str] = ()) -> object:
        """Build the estimator from the one ``.skops`` file of the folder.

        Raises:
            UntrustedModelError: It holds types that neither the list nor ``trust`` names.
            InvalidArtifactError: The folder does not hold exactly one ``.skops`` file, skops cannot
                read it, or its trees point outside themselves.
            MissingDependencyError: skops is not installed.
        """
        skops = library("skops.io", extra=EXTRA)
        archive = _model_file(folder)
        trusted = sorted(trusted_types(_installed_version()) | trusted_names(trust))
        try:
            unknown = set(skops.get_untrusted_types(file=archive)) - set(trusted)
            if unknown:
                raise untrusted(
                    f"the model holds {', '.join(sorted(unknown))}, which neither skops nor"
                    " Pedigree's list for the installed scikit-learn vouches for: building them"
                    " can run code of whoever made the file",
                    sorted(unknown),
                )
            model: object = skops.load(archive, trusted=trusted)
            check_trees(model)
        except PedigreeError:
            raise
        except Exception as error:  # whatever the file's content provoked in skops
            raise InvalidArtifactError(
                f"skops cannot read {archive.name}: {type(error).__name__}: {error}",
                field="path",
                remedy="If it was stored with other versions of scikit-learn and skops, use those",
            ) from error
        return model

    def infer_signature(self, model: object, sample: object) -> Signature:
        """Return the signature by ``predict``, or by ``transform`` where there is no ``predict``.

        Raises:
            UnsupportedModelError: The model has neither.
            InvalidSampleError: The model refuses the sample.
            InvalidSignatureError: The sample or the result has no type in a signature.
        """
        return predicted_signature(model, sample, "predict", "transform")

    def answers(self, model: object, sample: object) -> Mapping[str, object]:
        """Return what ``predict``, ``transform`` and their like give, those that the model has.

        Raises:
            UnsupportedModelError: The model has neither ``predict`` nor ``transform``.
            InvalidSampleError: The model refuses the sample.
        """
        return answers_of(model, sample, *METHODS)


@cache
def trusted_types(version: str) -> frozenset[str]:
    """Return the names trusted for a version of scikit-learn such as ``1.9``.

    A version newer than the list knows is given what the newest known one is: an exact name of
    scikit-learn's stays scikit-learn's.
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
    remedy = f"Store the model with skops.io.dump(model, {ARCHIVE!r})"
    return model_file(path, "sklearn", (".skops",), remedy)
