"""LightGBM's boosters, in LightGBM's text format. Reading it runs no code.

The text holds the categories of a frame's columns as JSON. Categories that JSON does not restore as
they are (times, intervals, tuples) are refused when the model is saved.

An estimator such as ``LGBMClassifier`` is saved as its booster, because the text cannot hold the
rest. Loading returns the ``Booster``, whose ``predict`` returns probabilities; the inferred
signature describes these. To restore the estimator itself, use the flavor ``joblib``.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pedigree.errors import UnsupportedModelError
from pedigree.flavors._files import model_file, unreadable
from pedigree.flavors._predict import answers_of, method_signature
from pedigree.libraries import library
from pedigree.signatures.records import Signature

EXTRA = "lightgbm"
FILE = "model.txt"
SUFFIXES = (".txt",)


class LightGBMFlavor:
    """A ``lightgbm.Booster``, or the booster of an estimator."""

    name = "lightgbm"
    libraries = ("lightgbm",)

    def save(self, model: object, folder: Path) -> None:
        """Write ``model.txt``, the same bytes for the same model in any process.

        Raises:
            UnsupportedModelError: The object has no booster, or one with categories that the text
                cannot hold.
            MissingDependencyError: LightGBM is not installed.
        """
        booster = _booster(model)
        _require_plain_categories(booster)
        booster.save_model(folder / FILE)

    def check_files(self, path: Path) -> None:
        """Refuse a folder that does not hold exactly one ``.txt`` file.

        Raises:
            InvalidArtifactError: The folder does not.
        """
        _model_file(path)

    def load(self, folder: Path, *, trust: Collection[str] = ()) -> object:  # noqa: ARG002 - runs no code, so needs no trust
        """Return the booster.

        Raises:
            InvalidArtifactError: The folder does not hold exactly one ``.txt`` file, or LightGBM
                cannot read it.
            MissingDependencyError: LightGBM is not installed.
        """
        lightgbm = library("lightgbm", extra=EXTRA)
        file = _model_file(folder)
        try:
            model: object = lightgbm.Booster(model_file=file)
        except lightgbm.basic.LightGBMError as error:
            raise unreadable(file, "LightGBM", error) from error
        return model

    def infer_signature(self, model: object, sample: object) -> Signature:
        """Return the signature of the booster's ``predict``.

        Raises:
            UnsupportedModelError: The object has no booster.
            InvalidSampleError: The model rejects the sample.
            InvalidSignatureError: The sample or the result has no type in a signature.
        """
        return method_signature(_booster(model), sample, "predict")

    def answers(self, model: object, sample: object) -> Mapping[str, object]:
        """Return the output of the booster's ``predict``.

        Raises:
            UnsupportedModelError: The object has no booster.
            InvalidSampleError: The model rejects the sample.
        """
        return answers_of(_booster(model), sample, "predict")


def _booster(model: object) -> Any:
    lightgbm = library("lightgbm", extra=EXTRA)
    if isinstance(model, lightgbm.Booster):
        return model
    if not isinstance(model, lightgbm.LGBMModel):
        raise UnsupportedModelError(
            f"{type(model).__name__} is neither a Booster nor an estimator of LightGBM",
            field="model",
            remedy="Give one of these, or name the model's flavor",
        )
    try:
        return model.booster_
    except ValueError as error:  # scikit-learn's NotFittedError, or LightGBM's own without it
        raise UnsupportedModelError(
            f"this {type(model).__name__} has no booster: {error}",
            field="model",
            remedy="Fit it first",
        ) from error


def _model_file(path: Path) -> Path:
    remedy = f"Save the booster with booster.save_model({FILE!r})"
    return model_file(path, "lightgbm", SUFFIXES, remedy)


def _require_plain_categories(booster: Any) -> None:
    """Refuse categories that JSON does not restore as they are.

    Raises:
        UnsupportedModelError: There is such a category; the message names its column.
    """
    by_column = booster.pandas_categorical or []
    places = booster.params.get("categorical_column") or []
    # The caller may also declare categorical columns; then the counts differ and names are unknown.
    names = [booster.feature_name()[place] for place in places]
    for number, categories in enumerate(by_column):
        for category in categories:
            if not _is_plain(category):
                has_names = len(names) == len(by_column)
                column = (
                    repr(names[number]) if has_names else f"number {number + 1} with categories"
                )
                raise UnsupportedModelError(
                    f"the column {column} has categories of type {type(category).__name__}, such as"
                    f" {category!r}, which LightGBM's text cannot hold",
                    field="model",
                    remedy="Convert them to strings or numbers before training, as in"
                    " frame[column].astype(str).astype('category')",
                )


def _is_plain(category: Any) -> bool:
    value = category.item() if hasattr(category, "dtype") else category
    return isinstance(value, str | int | float)
