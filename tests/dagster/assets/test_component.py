"""Models in YAML, in a ``dg`` project."""

import json
import os
import subprocess
import sys
import textwrap
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster.components.component_scaffolding import scaffold_object
from dagster.components.core.component_tree import ComponentTreeException

from pedigree.dagster import ModelComponent, RegistryComponent
from pedigree.errors import InvalidInputError
from pedigree.registry import Registry
from tests.dagster.project import make_project

MODEL, REGISTRY = "pedigree.dagster.ModelComponent", "pedigree.dagster.RegistryComponent"
PROJECT = "yaml_models"


@pytest.fixture
def defs_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = make_project(tmp_path, PROJECT)
    monkeypatch.syspath_prepend(str(tmp_path / "src"))
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == PROJECT]:
        del sys.modules[name]


def scaffold(typename: str, folder: Path, **params: object) -> None:
    scaffold_object(folder, typename, json.dumps(params), "yaml", None)


def write(folder: Path, typename: str, code: str = "", **attributes: object) -> None:
    folder.mkdir()
    document = {"type": typename, "attributes": attributes}
    (folder / "defs.yaml").write_text(yaml.safe_dump(document))
    (folder / "train.py").write_text(textwrap.dedent(code))


def load(defs_folder: Path) -> dg.Definitions:
    return dg.load_from_defs_folder(path_within_project=defs_folder)


def run_dg(project: Path, *words: str) -> str:
    done = subprocess.run(
        [Path(sys.executable).with_name("dg"), *words],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.system  # `dg` takes seconds to start
def test_dg_lists_scaffolds_and_checks_a_model(defs_folder: Path) -> None:
    project = defs_folder.parents[2]
    params = ("--flavor", "xgboost", "--name", "by_spark", "--command", "true")
    with ThreadPoolExecutor() as at_once:
        listed = at_once.submit(run_dg, project, "list", "components", "--json")
        run_dg(project, "scaffold", "defs", MODEL, "tumour", *params)
        assert f'"{MODEL}"' in listed.result()
        assert f'"{REGISTRY}"' in listed.result()
    scaffold(REGISTRY, defs_folder / "registry")
    # All IO managers are known only there, so lineage recording is added there.
    definitions = (defs_folder.parent / "definitions.py").read_text()
    assert "return with_lineage(load_from_defs_folder(" in definitions
    document = yaml.safe_load((defs_folder / "tumour" / "defs.yaml").read_text())
    assert document["attributes"]["name"] == "by_spark"
    assert "XGBClassifier" in (defs_folder / "tumour" / "train.py").read_text()
    with ThreadPoolExecutor() as at_once:
        checked = at_once.submit(run_dg, project, "check", "yaml")
        defs = json.loads(run_dg(project, "list", "defs", "--json"))
        assert "validated successfully" in checked.result()
    assert {asset["asset_key"] for asset in defs["assets"]} >= {
        "models/by_spark",
        "models/by_spark/production",
    }


@pytest.mark.system  # `dg` takes seconds to start
@pytest.mark.parametrize("command", [False, True])
def test_scaffolded_files_train_without_changes(
    defs_folder: Path,
    instance: dg.DagsterInstance,
    resources: dict[str, object],
    pedigree: Registry,
    command: bool,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PEDIGREE_DATABASE_URL", database_url)
    scaffold(MODEL, defs_folder / "tumour", flavor="xgboost", command=command)
    scaffold(REGISTRY, defs_folder / "registry")
    job = load(defs_folder).resolve_implicit_global_asset_job_def()
    key = dg.AssetKey(["models", "tumour"])
    assert job.execute_in_process(instance=instance, asset_selection=[key]).success
    version = pedigree.get("tumour/1")
    assert version.metrics["accuracy"] > 0.8
    assert version.owners == ("team:models",)
    assert {verdict.check for verdict in pedigree.verdicts("tumour/1")} >= {"no_regression"}
    spec = job.asset_layer.asset_graph.get(key)
    assert spec.group_name == "models"
    references = spec.metadata["dagster/code_references"].code_references
    files = {Path(reference.file_path).name for reference in references}
    assert files == {"train.py", "defs.yaml"}  # dg writes the second one


TRAIN = """
    from pedigree.dagster import TrainedModel
    from tests.dagster.models import trained

    def train(customers: int) -> TrainedModel:
        return trained(str(customers))
    """


def test_the_yaml_accepts_all_arguments_of_the_decorator(defs_folder: Path) -> None:
    write(
        defs_folder / "churn",
        MODEL,
        TRAIN,
        name="churn",
        flavor="generic",
        train=".train.train",
        partition_name="{partition} {name}",
        policy={
            "stages": [
                {"name": "candidate", "after": ["none"]},
                {"name": "live", "after": ["candidate"], "exclusive": True},
            ]
        },
        asset={
            "kinds": ["snowflake"],
            "tags": {"tier": 1},
            "owners": ["team:growth"],
            "partitions_def": {"type": "static", "partition_keys": ["de", "fr"]},
        },
    )
    scaffold(REGISTRY, defs_folder / "registry")
    defs = dg.Definitions.merge(load(defs_folder), dg.Definitions([dg.AssetSpec("customers")]))
    graph = defs.resolve_asset_graph()
    churn = graph.get(dg.AssetKey(["models", "churn"]))
    assert churn.parent_keys == {dg.AssetKey("customers")}
    assert (churn.kinds, churn.tags["tier"]) == ({"snowflake"}, "1")
    assert churn.partitions_def == dg.StaticPartitionsDefinition(["de", "fr"])
    live = graph.get(dg.AssetKey(["models", "churn", "live"]))
    assert list(live.owners) == ["team:growth"]


def test_the_registry_component_accepts_models_that_are_not_components(defs_folder: Path) -> None:
    (defs_folder / "models.py").write_text(
        "from tests.dagster.models import churn_asset\nchurn = churn_asset('churn')\n"
    )
    write(
        defs_folder / "registry",
        REGISTRY,
        models=[f"{PROJECT}.defs.models.churn", "trained_elsewhere"],
        sensors=False,
    )
    defs = load(defs_folder)
    keys = {key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()}
    assert {"models/churn", "models/churn/production"} <= keys
    assert "models/trained_elsewhere/production" in keys
    assert not list(defs.sensors or ())


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({}, "exactly one of `train` and `command`"),
        ({"train": ".train.train", "command": ["python", "x.py"]}, "exactly one of"),
        ({"train": ".train.nothing"}, "cannot be imported"),
        ({"train": ".elsewhere.train"}, "cannot be imported"),
        ({"train": "no_such_package.train"}, "cannot be imported"),
    ],
)
def test_a_training_that_cannot_be_imported_raises_a_typed_error(
    defs_folder: Path, attributes: dict[str, object], message: str
) -> None:
    write(defs_folder / "churn", MODEL, TRAIN, name="churn", flavor="generic", **attributes)
    with pytest.raises(ComponentTreeException) as raised:  # it shows the place in the project
        load(defs_folder)
    output = "".join(traceback.format_exception(raised.value))
    assert message in output
    assert "pedigree.errors.InvalidInputError" in output


def test_scaffolding_refuses_a_flavor_without_a_template(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="has no training template"):
        scaffold(MODEL, tmp_path / "churn", flavor="onnx")


def test_the_components_have_descriptions() -> None:
    for component in (ModelComponent, RegistryComponent):
        assert component.get_spec().description
