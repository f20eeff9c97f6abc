"""XGBoost's boosters and its scikit-learn estimators, in XGBoost's own format (UBJSON).

Reading it runs no code. Hyperparameters that only matter for training are not part of it.
"""

import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from pedigree.errors import UnsupportedModelError
from pedigree.flavors._files import model_file, unreadable
from pedigree.flavors._predict import answers_of, ask, asked_signature, predicted_signature
from pedigree.libraries import library
from pedigree.signatures.records import Signature

EXTRA = "xgboost"
FILE = "model.ubj"
SUFFIXES = (".ubj", ".json")

# What XGBoost notes in a model about the estimator it came from.
_NOTE = "scikit_learn"
_ESTIMATORS = {
    "classifier": "XGBClassifier",
    "regressor": "XGBRegressor",
    "ranker": "XGBRanker",
}


class XGBoostFlavor:
    """An ``xgboost.Booster``, or an estimator such as ``xgboost.XGBClassifier``."""

    name = "xgboost"
    libraries = ("xgboost",)

    def save(self, model: object, folder: Path) -> None:
        """Write ``model.ubj``, the same bytes for the same model in any process.

        Raises:
            UnsupportedModelError: The object is neither, or was not fitted.
            MissingDependencyError: XGBoost is not installed.
        """
        xgboost = library("xgboost", extra=EXTRA)
        if not isinstance(model, xgboost.Booster | xgboost.XGBModel):
            raise UnsupportedModelError(
                f"{type(model).__name__} is neither a Booster nor an estimator of XGBoost",
                field="model",
                remedy="Give that, or name the model's flavor",
            )
        try:
            model.save_model(folder / FILE)
        except (xgboost.core.XGBoostError, ValueError) as error:  # NotFittedError is a ValueError
            raise UnsupportedModelError(
                f"XGBoost cannot store this {type(model).__name__}: {error}",
                field="model",
                remedy="Fit it first",
            ) from error

    def load(self, folder: Path, *, trust: Collection[str] = ()) -> object:  # noqa: ARG002 - nothing is run, so nothing needs trust
        """Return the booster, or the estimator where one was saved.

        Raises:
            InvalidArtifactError: The folder does not hold exactly one ``.ubj`` or ``.json`` file,
                or XGBoost cannot read it.
            MissingDependencyError: XGBoost is not installed; or scikit-learn, for an estimator.
        """
        xgboost = library("xgboost", extra=EXTRA)
        remedy = f"Store the model with model.save_model({FILE!r})"
        file = model_file(folder, self.name, SUFFIXES, remedy)
        try:
            model = xgboost.Booster(model_file=file)
            note = json.loads(model.attr(_NOTE) or "{}")
            estimator = _ESTIMATORS.get(note.get("_estimator_type"))
            if estimator is not None:
                library("sklearn", extra="sklearn")
                model = getattr(xgboost, estimator)()
                model.load_model(file)
        except (xgboost.core.XGBoostError, ValueError, TypeError, AttributeError) as error:
            raise unreadable(file, "XGBoost", error) from error
        return model

    def infer_signature(self, model: object, sample: object) -> Signature:
        """Return the signature by ``predict``; for a booster, the sample becomes a ``DMatrix``.

        Raises:
            UnsupportedModelError: The model is none of XGBoost's.
            InvalidSampleError: The model refuses the sample.
            InvalidSignatureError: The sample or the result has no type in a signature.
        """
        if predict := _predict_of_booster(model):
            return asked_signature(model, sample, predict)
        return predicted_signature(model, sample, "predict")

    def answers(self, model: object, sample: object) -> Mapping[str, object]:
        """Return what ``predict`` gives, and ``predict_proba`` where there is one.

        Raises:
            UnsupportedModelError: The model is none of XGBoost's.
            InvalidSampleError: The model refuses the sample.
        """
        if predict := _predict_of_booster(model):
            return {"predict": ask(model, sample, predict)}
        return answers_of(model, sample, "predict", "predict_proba")


def _predict_of_booster(model: Any) -> Callable[[Any], Any] | None:
    """Return how a booster is asked, which takes matrices; None for an estimator."""
    xgboost = library("xgboost", extra=EXTRA)
    if not isinstance(model, xgboost.Booster):
        return None
    return lambda sample: model.predict(xgboost.DMatrix(sample, enable_categorical=True))
