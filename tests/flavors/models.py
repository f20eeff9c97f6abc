"""One small model per flavor; as a program, this module saves them and prints the file digests.

``python models.py FOLDER`` writes ``FOLDER/<flavor>/…``. Two runs must agree. Flavors whose library
is not installed are left out.
"""

import hashlib
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pedigree.flavors.plugins import get_flavor

ROWS = pd.DataFrame({"age": np.arange(40.0), "calls": np.arange(40)[::-1].copy()})
CHURNED = (ROWS["age"] > 15).astype("int64")


def xgboost_model() -> Any:
    """A classifier of two trees."""
    import xgboost

    return xgboost.XGBClassifier(n_estimators=2, max_depth=2, n_jobs=1).fit(ROWS, CHURNED)


def lightgbm_model() -> Any:
    """A booster of two trees."""
    import lightgbm

    params = {"objective": "binary", "verbose": -1, "num_threads": 1, "min_data_in_leaf": 2}
    return lightgbm.train(params, lightgbm.Dataset(ROWS, CHURNED), num_boost_round=2)


def onnx_model(**changes: Any) -> Any:
    """A graph that adds two weights to the two numbers of a row."""
    from onnx import TensorProto, helper

    return helper.make_model(
        helper.make_graph(
            [helper.make_node("Add", ["x", "weights"], ["y"])],
            "adds",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 2])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 2])],
            [helper.make_tensor("weights", TensorProto.FLOAT, [2], [1.0, 2.0])],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=10,
        **changes,
    )


def arrays() -> Mapping[str, Any]:
    """Arrays, two of them views that are not contiguous, and a number without a dimension."""
    grid = np.arange(6, dtype="float32").reshape(2, 3)
    return {
        "weight": grid.T,
        "every_other": np.arange(6)[::2],
        "bias": np.ones(3, dtype="float16"),
        "steps": np.array(7),
    }


def torch_model() -> Any:
    """A linear layer with deterministic weights."""
    import torch

    module = torch.nn.Sequential(torch.nn.Linear(2, 1))
    torch.nn.init.constant_(module[0].weight, 0.5)
    torch.nn.init.zeros_(module[0].bias)
    return module


def tied_torch_model() -> Any:
    """A module whose two layers share their weights, which safetensors cannot hold."""
    import torch

    module = torch.nn.ModuleDict({"one": torch_model()[0], "other": torch.nn.Linear(2, 1)})
    module["other"].weight = module["one"].weight
    torch.nn.init.zeros_(module["other"].bias)
    return module


MODELS: Mapping[str, tuple[str, Callable[[], Any]]] = {
    "xgboost": ("xgboost", xgboost_model),
    "lightgbm": ("lightgbm", lightgbm_model),
    "onnx": ("onnx", onnx_model),
    "safetensors": ("safetensors", arrays),
    "torch": ("torch", torch_model),
    "torch_tied": ("torch", tied_torch_model),
}


def save_all(folder: Path) -> None:
    """Save every model whose library is installed, and print the digests."""
    for name, (flavor, make) in MODELS.items():
        if find_spec(flavor) is None:
            continue
        target = folder / name
        target.mkdir(parents=True)
        get_flavor(flavor).save(make(), target)
        for file in sorted(target.iterdir()):
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            sys.stdout.write(f"{name} {file.name} {digest}\n")


if __name__ == "__main__":
    save_all(Path(sys.argv[1]))
