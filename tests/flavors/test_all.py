"""Behavior that all flavors share."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from pedigree.errors import UntrustedModelError
from pedigree.flavors.plugins import get_flavor
from pedigree.registry import Registry
from tests.factories import new_version
from tests.flavors.hostile import pickle_that_touches
from tests.flavors.models import MODELS, save_all

PROGRAM = Path(__file__).with_name("models.py")
ROOT = PROGRAM.parents[2]


def run_in_a_process(*arguments: str, seed: str = "0") -> str:
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *arguments], env=environment, check=True, capture_output=True, text=True
    ).stdout


def test_two_processes_save_the_same_bytes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_all(tmp_path / "here")
    here = capsys.readouterr().out
    assert len(here.splitlines()) == sum(find_spec(of) is not None for of, _ in MODELS.values())
    assert run_in_a_process(str(PROGRAM), str(tmp_path / "there"), seed="4711") == here


def needs(flavor: str) -> None:
    """Skip if a library is unavailable: torch without `make torch`, onnxruntime on Intel Macs."""
    pytest.importorskip({"onnx": "onnxruntime"}.get(flavor, flavor))


@pytest.mark.parametrize("name", MODELS)
def test_a_loaded_model_is_saved_as_the_same_bytes(name: str, tmp_path: Path) -> None:
    flavor, make = MODELS[name]
    needs(flavor)
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    get_flavor(flavor).save(make(), first)
    loaded: Any = get_flavor(flavor).load(first)
    if flavor == "onnx":  # a session cannot be saved, but the graph in its file can
        import onnx

        loaded = onnx.load(first / "model.onnx")
    get_flavor(flavor).save(loaded, second)
    (stored,) = first.iterdir()
    assert (second / stored.name).read_bytes() == stored.read_bytes()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("xgboost", "XGBClassifier"),
        ("lightgbm", "Booster"),
        ("onnx", "InferenceSession"),
        ("safetensors", "dict"),
        ("torch", "dict"),
    ],
)
def test_a_registered_model_is_loaded_by_its_flavor(
    name: str, kind: str, registry: Registry, tmp_path: Path
) -> None:
    flavor, make = MODELS[name]
    needs(flavor)
    get_flavor(flavor).save(make(), tmp_path)
    registry.register("churn", tmp_path, new_version(flavor=flavor))
    registry.set_alias("churn", "champion", 1)
    loaded: object = registry.load("churn@champion")
    assert type(loaded).__name__ == kind


def test_the_generic_flavor_returns_the_folder(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(b"weights")
    registry.register("churn", tmp_path, new_version(flavor="generic"))
    folder = registry.load("churn/1")
    assert isinstance(folder, Path)
    assert (folder / "weights.bin").read_bytes() == b"weights"


@pytest.mark.parametrize(("flavor", "trust"), [("joblib", "pickle"), ("mlflow", "mlflow")])
def test_a_registered_program_is_not_run_without_trust(
    flavor: str, trust: str, registry: Registry, tmp_path: Path
) -> None:
    canary, folder = tmp_path / "canary", tmp_path / "model"
    folder.mkdir()
    (folder / "model.pkl").write_bytes(pickle_that_touches(canary))
    loader = (
        "flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n    data: model.pkl\n"
    )
    (folder / "MLmodel").write_text(loader)
    registry.register("churn", folder, new_version(flavor=flavor))
    with pytest.raises(UntrustedModelError, match=rf"trust=\['{trust}'\]"):
        registry.load("churn/1")
    assert not canary.exists()


LOADED_WITHOUT = """
import sys
for blocked in {blocked}: sys.modules[blocked] = None
from pathlib import Path
from pedigree.errors import MissingDependencyError
from pedigree.flavors.plugins import flavor_names, get_flavor
for name in flavor_names(): get_flavor(name)
for name, folder in {folders}.items():
    try: get_flavor(name).load(Path(folder), trust=["pickle", "mlflow"])
    except MissingDependencyError as error: print(name, error)
"""


def test_every_flavor_is_found_without_its_library_and_names_the_extra(tmp_path: Path) -> None:
    files = {
        "joblib": "model.joblib",
        "lightgbm": "model.txt",
        "mlflow": "MLmodel",
        "onnx": "model.onnx",
        "safetensors": "model.safetensors",
        "sklearn": "model.skops",
        "torch": "model.safetensors",
        "xgboost": "model.ubj",
    }
    for name, file in files.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / file).touch()
    blocked = ["joblib", "lightgbm", "mlflow", "onnx", "safetensors", "skops", "torch", "xgboost"]
    folders = {name: str(tmp_path / name) for name in files}
    output = run_in_a_process("-c", LOADED_WITHOUT.format(blocked=blocked, folders=folders))
    extras = {name: "sklearn" if name == "joblib" else name for name in files}
    assert output.splitlines() == [
        f"{name} {library} is not installed. Run: pip install 'pedigree-registry[{extras[name]}]'."
        for name, library in zip(files, blocked, strict=True)
    ]


PLUGIN = """
class UpperFlavor:
    name = "upper"

    def save(self, model, folder):
        (folder / "text").write_text(model)

    def load(self, folder, *, trust=()):
        return (folder / "text").read_text().upper()

    def infer_signature(self, model, sample):
        raise AssertionError("the signature is given")
"""
PLUGIN_IN_USE = """
import sys
from pathlib import Path
from pedigree.flavors.plugins import get_flavor
sys.path.append({site!r})
from pedigree.registry import Registry
from tests.factories import new_version
with Registry.connect({database!r}, {store!r}) as registry:
    folder = Path({folder!r})
    get_flavor("upper").save("a model", folder)
    registry.register("churn", folder, new_version(flavor="upper"))
    print(registry.load("churn/1"))
"""


def test_a_flavor_of_another_distribution_registers_and_loads(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, model = tmp_path / "site", tmp_path / "model"
    model.mkdir()
    metadata = site / "upper-1.0.dist-info"
    metadata.mkdir(parents=True)
    (site / "upper_flavor.py").write_text(PLUGIN)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: upper\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[pedigree.flavors]\nupper = upper_flavor:UpperFlavor\n"
    )
    monkeypatch.setenv("PEDIGREE_HOME", str(tmp_path / "home"))
    code = PLUGIN_IN_USE.format(
        site=str(site),
        database=database_url,
        store=(tmp_path / "store").as_uri(),
        folder=str(model),
    )
    assert run_in_a_process("-c", code) == "A MODEL\n"
