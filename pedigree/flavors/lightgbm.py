"""LightGBM's boosters, as the text that LightGBM writes. Reading it runs no code.

The text keeps the categories of a frame's columns as JSON. Categories that JSON would give back as
something else, or not at all (times, intervals, tuples), are refused when the model is saved.

An estimator such as ``LGBMClassifier`` is stored as the booster inside it, since the text has no
place for the rest: loading gives the ``Booster``, whose ``predict`` gives probabilities, and so the
inferred signature says. To get the estimator itself back, use the flavor ``joblib``.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pedigree.errors import UnsupportedModelError
from pedigree.flavors._files import model_file, unreadable
from pedigree.flavors._predict import answers_of, predicted_signature
from pedigree.libraries import library
from pedigree.signatures.records import Signature

EXTRA = "lightgbm"
FILE = "model.txt"
SUFFIXES = (".txt",)


class LightGBMFlavor:
    """A ``lightgbm.Booster``, or the one inside an estimator."""

    name = "lightgbm"
    libraries = ("lightgbm",)

    def save(self, model: object, folder: Path) -> None:
        """Write ``model.txt``, the same bytes for the same model in any process.

        Raises:
            UnsupportedModelError: The object holds no booster, or one with categories that its text
                cannot hold.
            MissingDependencyError: LightGBM is not installed.
        """
        booster = _booster(model)
        _require_plain_categories(booster)
        booster.save_model(folder / FILE)

    def check_files(self, path: Path) -> None:
        """Refuse a folder that does not hold exactly one ``.txt`` file.

        Raises:
            InvalidArtifactError: It does not.
        """
        _model_file(path)

    def load(self, folder: Path, *, trust: Collection[str] = ()) -> object:  # noqa: ARG002 - nothing is run, so nothing needs trust
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
        """Return the signature by the booster's ``predict``.

        Raises:
            UnsupportedModelError: The object holds no booster.
            InvalidSampleError: The model refuses the sample.
            InvalidSignatureError: The sample or the result has no type in a signature.
        """
        return predicted_signature(_booster(model), sample, "predict")

    def answers(self, model: object, sample: object) -> Mapping[str, object]:
        """Return what the booster's ``predict`` gives.

        Raises:
            UnsupportedModelError: The object holds no booster.
            InvalidSampleError: The model refuses the sample.
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
            remedy="Give that, or name the model's flavor",
        )
    try:
        return model.booster_
    except ValueError as error:  # scikit-learn's NotFittedError, or LightGBM's own without it
        raise UnsupportedModelError(
            f"this {type(model).__name__} holds no booster: {error}",
            field="model",
            remedy="Fit it first",
        ) from error


def _model_file(path: Path) -> Path:
    remedy = f"Store the booster with booster.save_model({FILE!r})"
    return model_file(path, "lightgbm", SUFFIXES, remedy)


def _require_plain_categories(booster: Any) -> None:
    """Refuse categories that JSON does not give back as they are.

    Raises:
        UnsupportedModelError: There is such a category; the message names its column.
    """
    by_column = booster.pandas_categorical or []
    places = booster.params.get("categorical_column") or []
    # Columns may also be declared categories by the caller; then their places tell nothing.
    names = [booster.feature_name()[place] for place in places]
    for number, categories in enumerate(by_column):
        for category in categories:
            if not _is_plain(category):
                named = len(names) == len(by_column)
                column = repr(names[number]) if named else f"number {number + 1} with categories"
                raise UnsupportedModelError(
                    f"the column {column} has categories of type {type(category).__name__}, such as"
                    f" {category!r}, which LightGBM's text cannot hold",
                    field="model",
                    remedy="Turn them into texts or numbers before training, as in"
                    " frame[column].astype(str).astype('category')",
                )


def _is_plain(category: Any) -> bool:
    value = category.item() if hasattr(category, "dtype") else category
    return isinstance(value, str | int | float)
