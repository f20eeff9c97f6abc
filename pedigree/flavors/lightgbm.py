"""LightGBM's boosters, as the text that LightGBM writes. Reading it runs no code.

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
            UnsupportedModelError: The object holds no booster.
            MissingDependencyError: LightGBM is not installed.
        """
        _booster(model).save_model(folder / FILE)

    def load(self, folder: Path, *, trust: Collection[str] = ()) -> object:  # noqa: ARG002 - nothing is run, so nothing needs trust
        """Return the booster.

        Raises:
            InvalidArtifactError: The folder does not hold exactly one ``.txt`` file, or LightGBM
                cannot read it.
            MissingDependencyError: LightGBM is not installed.
        """
        lightgbm = library("lightgbm", extra=EXTRA)
        remedy = f"Store the booster with booster.save_model({FILE!r})"
        file = model_file(folder, self.name, SUFFIXES, remedy)
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
