"""Scaffolders that ``dg scaffold defs`` runs for Pedigree's components."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import BaseModel, Field

from pedigree.errors import InvalidInputError

_LOADED = re.compile(r"^(    return )(load_from_defs_folder\(.*\))(\s*)$", re.MULTILINE)
_IMPORT = re.compile(r"^(?:from dagster import .*|import dagster as dg)\n", re.MULTILINE)
_HOOK = "from pedigree.dagster import with_lineage"

_ESTIMATORS = {
    "sklearn": ("sklearn.linear_model", "LogisticRegression"),
    "xgboost": ("xgboost", "XGBClassifier"),
    "lightgbm": ("lightgbm", "LGBMClassifier"),
}

_FUNCTION = '''\
"""How the model {name} is trained."""

import pandas as pd
from pedigree.dagster import TrainedModel
from {module} import {estimator}
from sklearn.datasets import load_breast_cancer


def train() -> TrainedModel:
    """Describe here what the model is for: the asset graph and the model card show it."""
    # Replace with your data: an upstream asset is a parameter, def train(customers: pd.DataFrame).
    rows: pd.DataFrame = load_breast_cancer(as_frame=True).frame
    features, target = rows.drop(columns="target"), rows["target"]
    model = {estimator}().fit(features[::2], target[::2])
    return TrainedModel(
        model=model,
        metrics={{"accuracy": model.score(features[1::2], target[1::2])}},
        sample=features.head(),
    )
'''

_SCRIPT = '''\
"""How the model {name} is trained, in a separate process."""

import tempfile
from pathlib import Path

from dagster_pipes import open_dagster_pipes
from pedigree import save_model
from pedigree.dagster import report_model
from {module} import {estimator}
from sklearn.datasets import load_breast_cancer

with open_dagster_pipes() as pipes:
    rows = load_breast_cancer(as_frame=True).frame  # replace with your data
    features, target = rows.drop(columns="target"), rows["target"]
    model = {estimator}().fit(features[::2], target[::2])
    report_model(
        pipes,
        save_model(model, "{flavor}", Path(tempfile.mkdtemp()) / "model"),
        metrics={{"accuracy": model.score(features[1::2], target[1::2])}},
        sample=features.head(),
        sample_outputs=model.predict(features.head()),
    )
'''


class ModelScaffoldParams(BaseModel):
    """Parameters of ``dg scaffold defs pedigree.dagster.ModelComponent``."""

    name: str | None = Field(
        default=None, description="The registered model's name; the folder's name when unset"
    )
    flavor: str = Field(default="sklearn", description=" or ".join(_ESTIMATORS))
    command: bool = Field(default=False, description="Train in a separate process")


class ModelScaffolder(dg.Scaffolder[ModelScaffoldParams]):
    """Write a model's YAML file, and the training that it names, ready to run."""

    @classmethod
    def get_scaffold_params(cls) -> type[ModelScaffoldParams]:
        """Return the parameters' model."""
        return ModelScaffoldParams

    def scaffold(self, request: dg.ScaffoldRequest[ModelScaffoldParams]) -> None:
        """Write both files; keep an existing training.

        Raises:
            InvalidInputError: There is no template for the flavor.
        """
        params = request.params
        if params.flavor not in _ESTIMATORS:
            raise InvalidInputError(
                "has no training template",
                field="flavor",
                value=params.flavor,
                remedy=f"Scaffold with one of {', '.join(_ESTIMATORS)}, then edit both files",
            )
        name = params.name or request.target_path.name
        dg.scaffold_component(request, _attributes(name, params))
        training = request.target_path / "train.py"
        if not training.exists():
            module, estimator = _ESTIMATORS[params.flavor]
            template = _SCRIPT if params.command else _FUNCTION
            training.write_text(
                template.format(name=name, flavor=params.flavor, module=module, estimator=estimator)
            )


class RegistryScaffolder(dg.Scaffolder):
    """Write the YAML file that gives a project's models their stages, checks and sensors.

    It also adds :func:`with_lineage` to the project's ``definitions.py``: only there all IO
    managers are known. A file that differs from what ``create-dagster`` writes is not changed.
    """

    def scaffold(self, request: dg.ScaffoldRequest[Any]) -> None:
        """Write the file, and wrap the project's definitions."""
        dg.scaffold_component(request, {"interval_seconds": 30})
        for file in _definition_files(request.target_path):
            file.write_text(_recording(file.read_text()))


def _definition_files(target: Path) -> Iterator[Path]:
    """Yield the file above a component in which ``create-dagster`` puts the definitions."""
    for folder in target.parents:
        if (folder / "definitions.py").is_file():
            yield folder / "definitions.py"
            return


def _recording(code: str) -> str:
    r"""Return the code of definitions with lineage recording added.

    >>> code = "from dagster import definitions\ndef defs():\n    return load_from_defs_folder(a)"
    >>> print(_recording(code))
    from dagster import definitions
    from pedigree.dagster import with_lineage
    def defs():
        return with_lineage(load_from_defs_folder(a))
    """
    found = _LOADED.search(code)
    import_at = _IMPORT.search(code)
    if found is None or import_at is None or "with_lineage" in code:
        return code
    wrapped = _LOADED.sub(r"\1with_lineage(\2)\3", code, count=1)
    return f"{wrapped[: import_at.end()]}{_HOOK}\n{wrapped[import_at.end() :]}"


def _attributes(name: str, params: ModelScaffoldParams) -> Mapping[str, Any]:
    training: dict[str, Any] = {"train": ".train.train"}
    if params.command:
        training = {"command": ["python", "train.py"]}
    return {
        "name": name,
        "flavor": params.flavor,
        **training,
        "champion_metric": {"metric": "accuracy", "higher_is_better": True},
        "asset": {"group_name": "models", "owners": ["team:models"]},
    }
