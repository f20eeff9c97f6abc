"""XGBoost's boosters and its scikit-learn estimators, in XGBoost's own format (UBJSON).

Reading it runs no code. XGBoost's file does not hold an estimator's parameters, such as
``missing``, the value that ``predict`` treats as missing. So the class, the parameters and the
number of classes are stored as JSON in an attribute of the booster, as XGBoost does for its own.
"""

import copy
import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from pedigree.errors import UnsupportedModelError
from pedigree.flavors._files import model_file, unreadable
from pedigree.flavors._predict import answers_of, ask, call_signature, method_signature
from pedigree.libraries import library
from pedigree.signatures.records import Signature

EXTRA = "xgboost"
FILE = "model.ubj"
SUFFIXES = (".ubj", ".json")

# The attribute in which XGBoost describes the estimator of a booster.
_NOTE = "scikit_learn"
_BY_TYPE = {
    "classifier": "XGBClassifier",
    "regressor": "XGBRegressor",
    "ranker": "XGBRanker",
}
_OUR_NOTE = "pedigree"
_ESTIMATORS = frozenset({*_BY_TYPE.values(), "XGBRFClassifier", "XGBRFRegressor"})
# Parameters that only fit() uses, not predict().
_FOR_TRAINING = frozenset({"callbacks", "eval_metric", "feature_weights", "objective"})


class XGBoostFlavor:
    """An ``xgboost.Booster``, or an estimator such as ``xgboost.XGBClassifier``."""

    name = "xgboost"
    libraries = ("xgboost",)

    def save(self, model: object, folder: Path) -> None:
        """Write ``model.ubj``, the same bytes for the same model in any process.

        Raises:
            UnsupportedModelError: The object is neither, is of a subclass, was not fitted, or has a
                parameter that cannot be stored.
            MissingDependencyError: XGBoost is not installed.
        """
        xgboost = library("xgboost", extra=EXTRA)
        if isinstance(model, xgboost.XGBModel):
            _require_own_class(xgboost, model)
        elif type(model) is not xgboost.Booster:
            raise UnsupportedModelError(
                f"{type(model).__name__} is neither a Booster nor an estimator of XGBoost",
                field="model",
                remedy="Give one of these, or name the model's flavor",
            )
        try:
            _write(model, folder / FILE)
        except (xgboost.core.XGBoostError, ValueError) as error:  # NotFittedError is a ValueError
            raise UnsupportedModelError(
                f"XGBoost cannot save this {type(model).__name__}: {error}",
                field="model",
                remedy="Fit it first",
            ) from error

    def check_files(self, path: Path) -> None:
        """Refuse a folder that does not hold exactly one ``.ubj`` or ``.json`` file.

        Raises:
            InvalidArtifactError: The folder does not.
        """
        _model_file(path)

    def load(self, folder: Path, *, trust: Collection[str] = ()) -> object:  # noqa: ARG002 - runs no code, so needs no trust
        """Return the booster, or the estimator if one was saved.

        Raises:
            InvalidArtifactError: The folder does not hold exactly one ``.ubj`` or ``.json`` file,
                or XGBoost cannot read it.
            MissingDependencyError: XGBoost is not installed; or scikit-learn, for an estimator.
        """
        xgboost = library("xgboost", extra=EXTRA)
        file = _model_file(folder)
        try:
            model: object = _read(xgboost, file)
        except (
            xgboost.core.XGBoostError,
            ValueError,
            TypeError,
            AttributeError,
            KeyError,
        ) as error:
            raise unreadable(file, "XGBoost", error) from error
        return model

    def infer_signature(self, model: object, sample: object) -> Signature:
        """Return the signature of ``predict``; for a booster, the sample becomes a ``DMatrix``.

        Raises:
            UnsupportedModelError: The model is not one of XGBoost's.
            InvalidSampleError: The model rejects the sample.
            InvalidSignatureError: The sample or the result has no type in a signature.
        """
        if predict := _predict_of_booster(model):
            return call_signature(model, sample, predict)
        return method_signature(model, sample, "predict")

    def answers(self, model: object, sample: object) -> Mapping[str, object]:
        """Return the outputs of ``predict``, and of ``predict_proba`` if there is one.

        Raises:
            UnsupportedModelError: The model is not one of XGBoost's.
            InvalidSampleError: The model rejects the sample.
        """
        if predict := _predict_of_booster(model):
            return {"predict": ask(model, sample, predict)}
        return answers_of(model, sample, "predict", "predict_proba")


def _predict_of_booster(model: Any) -> Callable[[Any], Any] | None:
    """Return the ``predict`` of a booster, which takes a ``DMatrix``; None for an estimator."""
    xgboost = library("xgboost", extra=EXTRA)
    if not isinstance(model, xgboost.Booster):
        return None
    return lambda sample: model.predict(xgboost.DMatrix(sample, enable_categorical=True))


def _require_own_class(xgboost: Any, model: Any) -> None:
    """Refuse an estimator of a subclass, whose methods the file cannot hold.

    Raises:
        UnsupportedModelError: The class is not one of XGBoost's.
    """
    name = type(model).__name__
    if name not in _ESTIMATORS or type(model) is not getattr(xgboost, name):
        raise UnsupportedModelError(
            f"{type(model).__module__}.{type(model).__qualname__} is a class that XGBoost's own"
            " format cannot restore",
            field="model",
            remedy="Give model.get_booster(), or use the flavor joblib",
        )


def _write(model: Any, file: Path) -> None:
    """Write a booster, or an estimator with its note; the model is not changed."""
    booster = model.get_booster() if hasattr(model, "get_booster") else None
    if booster is None:
        model.save_model(file)
        return
    booster.set_attr(**{_OUR_NOTE: json.dumps(_note(model), sort_keys=True)})
    try:
        model.save_model(file)
    finally:
        booster.set_attr(**{_OUR_NOTE: None})


def _note(model: Any) -> Mapping[str, object]:
    params = _params(model)
    # JSON has no tuples, and XGBoost accepts monotone_constraints only as a tuple.
    tuples = [name for name, value in params.items() if isinstance(value, tuple)]
    note: dict[str, object] = {"class": type(model).__name__, "params": params, "tuples": tuples}
    if hasattr(model, "n_classes_"):  # the file does not distinguish one class from two
        note["n_classes"] = int(model.n_classes_)
    return note


def _params(model: Any) -> Mapping[str, object]:
    """Return the parameters as JSON values, with None for objects that only training uses.

    Raises:
        UnsupportedModelError: A parameter that prediction uses is not a JSON value.
    """
    copied = copy.copy(model)
    if not isinstance(copied.random_state, int):
        copied.random_state = None  # get_params() would draw from a generator
    params: dict[str, object] = {}
    for name, given in copied.get_params(deep=False).items():
        value = given.item() if hasattr(given, "dtype") and not given.ndim else given
        try:
            json.dumps(value)
        except (TypeError, ValueError) as error:
            if name not in _FOR_TRAINING:
                raise UnsupportedModelError(
                    f"the parameter {name} is a {type(given).__name__}, which cannot be stored:"
                    f" {error}",
                    field="model",
                    remedy="Give numbers, strings, or lists or mappings of them",
                ) from error
            value = None
        params[name] = value
    return params


def _read(xgboost: Any, file: Path) -> object:
    """Return the booster, or the estimator that its note describes."""
    booster = xgboost.Booster(model_file=file)
    note = json.loads(booster.attr(_OUR_NOTE) or "{}")
    of_xgboost = json.loads(booster.attr(_NOTE) or "{}")
    name = note.get("class") or _BY_TYPE.get(of_xgboost.get("_estimator_type"))
    if name is None:
        return booster
    if name not in _ESTIMATORS:
        raise ValueError(f"no estimator of XGBoost is called {name!r}")
    library("sklearn", extra="sklearn")
    params = note.get("params", {})
    params.update({param: tuple(params[param]) for param in note.get("tuples", ())})
    model = getattr(xgboost, name)(**params)
    model.load_model(file)
    # load_model() replaces some parameters by values of the booster; set_params() would change it.
    vars(model).update({key: value for key, value in params.items() if hasattr(model, key)})
    if "n_classes" in note:
        model.n_classes_ = note["n_classes"]
    model.get_booster().set_attr(**{_OUR_NOTE: None})
    return model


def _model_file(path: Path) -> Path:
    remedy = f"Save the model with model.save_model({FILE!r})"
    return model_file(path, "xgboost", SUFFIXES, remedy)
