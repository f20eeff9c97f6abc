"""Models that MLflow stored, of whichever of its flavors; loading gives MLflow's ``PyFuncModel``.

An MLflow model names the module that loads it, may bring modules of its own along, and mostly holds
a pickle, so loading one needs ``trust=["mlflow"]``. MLflow writes the time and a random id into
each ``MLmodel``: storing a model twice gives two versions.
"""

import shutil
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from threading import Lock

from pedigree.errors import InvalidArtifactError, RefusedError, UnsupportedModelError
from pedigree.flavors._brought_code import bring
from pedigree.flavors._files import unreadable
from pedigree.flavors._predict import answers_of, predicted_signature
from pedigree.flavors._trust import MLFLOW, require_trust
from pedigree.libraries import library
from pedigree.signatures.files import MLMODEL
from pedigree.signatures.records import Signature

EXTRA = "mlflow"

_LOADING = Lock()  # two models must not look for clashes at the same time


class MLflowFlavor:
    """A folder that one of MLflow's ``save_model`` functions wrote."""

    name = "mlflow"

    def save(self, model: object, folder: Path) -> None:
        """Copy the folder that MLflow wrote; links are copied as links.

        Raises:
            UnsupportedModelError: The model is not the path of a folder with an ``MLmodel`` file.
        """
        if not isinstance(model, str | Path) or not (Path(model) / MLMODEL).is_file():
            raise UnsupportedModelError(
                f"{type(model).__name__} is not the path of a folder with an {MLMODEL} file",
                field="model",
                remedy="Save it by its MLflow flavor, such as mlflow.sklearn.save_model(model,"
                " path), and give the path",
            )
        shutil.copytree(model, folder, symlinks=True, dirs_exist_ok=True)

    def check_files(self, path: Path) -> None:
        """Refuse what holds no ``MLmodel`` file.

        Raises:
            InvalidArtifactError: There is none.
        """
        if not (path / MLMODEL).is_file():
            raise InvalidArtifactError(
                f"the folder holds no {MLMODEL} file",
                field="path",
                value=str(path),
                remedy="Register the folder that MLflow's save_model wrote",
            )

    def load(self, folder: Path, *, trust: Collection[str] = ()) -> object:
        """Let MLflow load the model.

        Raises:
            UntrustedModelError: ``trust`` does not name ``mlflow``; nothing was opened.
            RefusedError: It brings a module along of which this process has another.
            InvalidArtifactError: The folder holds no ``MLmodel`` file, or MLflow cannot load it.
            MissingDependencyError: MLflow is not installed.
        """
        file = folder / MLMODEL
        self.check_files(folder)
        require_trust(
            trust,
            MLFLOW,
            "an MLflow model names the module that loads it, and brings code and pickles along:"
            " loading it runs what its maker wrote",
        )
        pyfunc = library("mlflow.pyfunc", extra=EXTRA)
        try:
            with _LOADING:
                for code in _code_folders(file):
                    bring(code, MLMODEL)
                model: object = pyfunc.load_model(str(folder))
        except RefusedError:
            raise
        except Exception as error:  # whatever the model's own loader raises
            raise unreadable(file, "MLflow", error) from error
        return model

    def infer_signature(self, model: object, sample: object) -> Signature:
        """Return the signature by ``predict``.

        Raises:
            UnsupportedModelError: The model has no ``predict``.
            InvalidSampleError: The model refuses the sample.
            InvalidSignatureError: The sample or the result has no type in a signature.
        """
        return predicted_signature(model, sample, "predict")

    def answers(self, model: object, sample: object) -> Mapping[str, object]:
        """Return what ``predict`` gives.

        Raises:
            UnsupportedModelError: The model is a folder, or has no ``predict``.
            InvalidSampleError: The model refuses the sample.
        """
        return answers_of(model, sample, "predict")


def _code_folders(file: Path) -> Iterator[Path]:
    """Yield the folders of code that an ``MLmodel`` file names, for whichever of its flavors."""
    yaml = library("yaml", extra=EXTRA)
    content = yaml.safe_load(file.read_text("utf-8"))
    flavors = content.get("flavors") if isinstance(content, Mapping) else None
    stated = flavors.values() if isinstance(flavors, Mapping) else ()
    named = {str(each["code"]) for each in stated if isinstance(each, Mapping) and each.get("code")}
    yield from (file.parent / name for name in sorted(named))
