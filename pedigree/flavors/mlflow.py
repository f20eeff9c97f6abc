"""Models that MLflow saved, of any of its flavors; loading returns MLflow's ``PyFuncModel``.

An MLflow model names the module that loads it, may bundle modules of its own, and usually holds a
pickle, so loading one needs ``trust=["mlflow"]``. MLflow writes the time and a random ID into each
``MLmodel``: saving a model twice creates two versions.
"""

import shutil
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from threading import Lock

from pedigree.errors import InvalidArtifactError, RefusedError, UnsupportedModelError
from pedigree.flavors._brought_code import reserve_modules
from pedigree.flavors._files import unreadable
from pedigree.flavors._predict import answers_of, method_signature
from pedigree.flavors._trust import MLFLOW, require_trust
from pedigree.libraries import library
from pedigree.signatures.files import MLMODEL
from pedigree.signatures.records import Signature
from pedigree.untrusted.documents import read_yaml

EXTRA = "mlflow"

_LOADING = Lock()  # two models must not check for conflicts at the same time


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
        """Refuse a folder without an ``MLmodel`` file.

        Raises:
            InvalidArtifactError: The folder has none.
        """
        if not (path / MLMODEL).is_file():
            raise InvalidArtifactError(
                f"the folder has no {MLMODEL} file",
                field="path",
                value=str(path),
                remedy="Register the folder that MLflow's save_model wrote",
            )

    def load(self, folder: Path, *, trust: Collection[str] = ()) -> object:
        """Let MLflow load the model.

        Raises:
            UntrustedModelError: ``trust`` does not contain ``mlflow``; nothing was opened.
            RefusedError: The model bundles a module, and this process has a different one.
            InvalidArtifactError: The folder has no ``MLmodel`` file, or MLflow cannot load it.
            MissingDependencyError: MLflow is not installed.
        """
        file = folder / MLMODEL
        self.check_files(folder)
        require_trust(
            trust,
            MLFLOW,
            "an MLflow model names the module that loads it, and bundles code and pickles:"
            " loading it runs code of its author",
        )
        pyfunc = library("mlflow.pyfunc", extra=EXTRA)
        try:
            with _LOADING:
                for code in _code_folders(file):
                    reserve_modules(code, MLMODEL)
                model: object = pyfunc.load_model(str(folder))
        except RefusedError:
            raise
        except Exception as error:  # the model's own loader can raise anything
            raise unreadable(file, "MLflow", error) from error
        return model

    def infer_signature(self, model: object, sample: object) -> Signature:
        """Return the signature of ``predict``.

        Raises:
            UnsupportedModelError: The model has no ``predict``.
            InvalidSampleError: The model rejects the sample.
            InvalidSignatureError: The sample or the result has no type in a signature.
        """
        return method_signature(model, sample, "predict")

    def answers(self, model: object, sample: object) -> Mapping[str, object]:
        """Return the output of ``predict``.

        Raises:
            UnsupportedModelError: The model is a path, or has no ``predict``.
            InvalidSampleError: The model rejects the sample.
        """
        return answers_of(model, sample, "predict")


def _code_folders(file: Path) -> Iterator[Path]:
    """Yield the folders of code that an ``MLmodel`` file names, for any of its flavors."""
    content = read_yaml(file, extra=EXTRA)
    flavors = content.get("flavors") if isinstance(content, Mapping) else None
    stated = flavors.values() if isinstance(flavors, Mapping) else ()
    named = {str(spec["code"]) for spec in stated if isinstance(spec, Mapping) and spec.get("code")}
    yield from (file.parent / name for name in sorted(named))
