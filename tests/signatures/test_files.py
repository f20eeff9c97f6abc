"""Signatures in a model's own files: MLflow's and ONNX's."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import yaml
from onnx import TensorProto, helper

from pedigree.errors import InvalidSignatureError
from pedigree.signatures.files import stated_signature
from pedigree.signatures.records import Column, ColumnType, Port, Signature, Tensor

COLUMN = {"type": "double", "name": "age", "required": True}
ARRAY = Tensor(dtype="float64", shape=(-1,))


def mlmodel(folder: Path, inputs: Any = (COLUMN,), outputs: Any = (COLUMN,), **more: Any) -> Path:
    """Write an MLmodel like MLflow, with the specs as JSON in the YAML."""
    signature = {"inputs": json.dumps(inputs), "outputs": json.dumps(outputs), "params": None}
    content = {"flavors": {}, "model_uuid": "1", "signature": signature, **more}
    (folder / "MLmodel").write_text(yaml.safe_dump(content))
    return folder


def graph(
    folder: Path, inputs: Sequence[Any], outputs: Sequence[Any], weights: Sequence[Any] = ()
) -> Path:
    node = helper.make_node("Identity", ["x"], ["y"])
    made = helper.make_graph([node], "graph", inputs, outputs, weights)
    onnx.save(helper.make_model(made), folder / "model.onnx")
    return folder


def inputs_of(path: Path) -> tuple[Port, ...]:
    signature = stated_signature(path)
    assert signature is not None
    return signature.inputs


X = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3])
Y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 3])


@pytest.mark.parametrize("kind", list(ColumnType))
def test_the_columns_of_an_mlmodel_are_converted(kind: ColumnType, tmp_path: Path) -> None:
    mlmodel(tmp_path, [{"type": kind.value, "name": "x", "required": False}])
    assert inputs_of(tmp_path) == (Column(name="x", type=kind, required=False),)


def test_a_column_is_required_by_default(tmp_path: Path) -> None:
    mlmodel(tmp_path, [{"type": "long", "name": "x"}])
    assert inputs_of(tmp_path) == (Column(name="x", type=ColumnType.LONG),)


def test_the_tensors_of_an_mlmodel_are_converted(tmp_path: Path) -> None:
    def tensor(dtype: str, shape: list[int], **more: str) -> dict[str, Any]:
        return {"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": shape}, **more}

    mlmodel(tmp_path, [tensor("float32", [-1, 3], name="a"), tensor("str", [-1], name="b")])
    assert inputs_of(tmp_path) == (
        Tensor(name="a", dtype="float32", shape=(-1, 3)),
        Tensor(name="b", dtype="str", shape=(-1,)),
    )
    mlmodel(tmp_path, [tensor("int64", [-1])])
    assert inputs_of(tmp_path) == (Tensor(dtype="int64", shape=(-1,)),)


def test_a_column_without_a_name_is_an_array(tmp_path: Path) -> None:
    signature = stated_signature(mlmodel(tmp_path, outputs=[{"type": "double"}]))
    assert signature is not None
    assert signature.outputs == (ARRAY,)


@pytest.mark.filterwarnings("ignore")  # MLflow warns of integers that may get gaps one day
def test_a_signature_written_by_mlflow_is_read(tmp_path: Path) -> None:
    import pandas as pd
    from mlflow.models import Model
    from mlflow.models.signature import infer_signature

    rows = pd.DataFrame({"age": [1.0], "plan": ["gold"], "calls": [4]})
    Model(signature=infer_signature(rows, np.array([1]))).save(str(tmp_path / "MLmodel"))
    assert stated_signature(tmp_path) == Signature(
        inputs=(
            Column(name="age", type=ColumnType.DOUBLE),
            Column(name="plan", type=ColumnType.STRING),
            Column(name="calls", type=ColumnType.LONG),
        ),
        outputs=(Tensor(dtype="int64", shape=(-1,)),),
    )


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([{"type": "array", "items": {"type": "long"}, "name": "x"}], r"inputs\.x: .*type array"),
        ([{"type": "object", "properties": {}, "name": "x"}], "type object"),
        ([{"type": "map", "values": {"type": "long"}, "name": "x"}], "type map"),
        ([{"type": "any", "name": "x"}], "type any"),
        ([{"type": "sparkml_vector", "name": "x"}], "type sparkml_vector"),
        ([{"type": "tensor", "tensor-spec": {"dtype": "object", "shape": [-1]}}], "of object"),
        ([{"type": "tensor", "tensor-spec": {"dtype": "int8", "shape": [-2]}}], "cannot be read"),
        ([{"type": "tensor", "tensor-spec": {"dtype": 7, "shape": [-1]}}], "cannot be read"),
        ([{"type": "tensor"}], "cannot be read: KeyError"),
        ([{"type": "long"}, {"type": "long"}], "several columns without names"),
        ([COLUMN, COLUMN], "'age' is given twice"),
        ([7], "cannot be read"),
        (7, "cannot be read"),
        ([], "states no inputs"),
        (None, "states no inputs"),
    ],
)
def test_unsupported_parts_of_an_mlmodel_are_refused(
    inputs: Any, message: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidSignatureError, match=message) as refused:
        stated_signature(mlmodel(tmp_path, inputs))
    assert refused.value.remedy == "State the signature when registering"


@pytest.mark.parametrize("text", ["{", "signature: 7\n", "signature: {inputs: '['}\n"])
def test_an_mlmodel_that_cannot_be_read_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text(text)
    with pytest.raises(InvalidSignatureError, match="cannot be read"):
        stated_signature(tmp_path)


def test_the_tensors_of_a_graph_are_converted(tmp_path: Path) -> None:
    kinds = {
        "float32": TensorProto.FLOAT,
        "float64": TensorProto.DOUBLE,
        "float16": TensorProto.FLOAT16,
        "int64": TensorProto.INT64,
        "uint8": TensorProto.UINT8,
        "bool": TensorProto.BOOL,
        "str": TensorProto.STRING,
    }
    inputs = [helper.make_tensor_value_info(n, kind, [None, 3]) for n, kind in kinds.items()]
    scalar = helper.make_tensor_value_info("y", TensorProto.INT64, [])
    signature = stated_signature(graph(tmp_path, inputs, [scalar]) / "model.onnx")
    assert signature is not None
    assert signature.inputs == tuple(Tensor(name=n, dtype=n, shape=(-1, 3)) for n in kinds)
    assert signature.outputs == (Tensor(name="y", dtype="int64", shape=()),)


def test_weights_that_are_listed_as_inputs_are_not_inputs(tmp_path: Path) -> None:
    weights = helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0])
    listed = helper.make_tensor_value_info("w", TensorProto.FLOAT, [1])
    graph(tmp_path, [X, listed], [Y], [weights])
    assert inputs_of(tmp_path) == (Tensor(name="x", dtype="float32", shape=(-1, 3)),)


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [
        ([X], [helper.make_tensor_sequence_value_info("y", 1, None)], r"outputs\.y: it is a seq"),
        ([helper.make_tensor_value_info("x", TensorProto.FLOAT, None)], [Y], "unknown rank"),
        ([helper.make_tensor_value_info("x", TensorProto.BFLOAT16, [1])], [Y], "type bfloat16"),
        ([], [Y], "the graph has no inputs"),
        ([X], [], "the graph has no outputs"),
    ],
)
def test_unsupported_parts_of_a_graph_are_refused(
    inputs: Sequence[Any], outputs: Sequence[Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidSignatureError, match=message) as refused:
        stated_signature(graph(tmp_path, inputs, outputs))
    assert refused.value.remedy


def test_a_file_that_is_not_a_graph_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"nonsense\xff")
    with pytest.raises(InvalidSignatureError, match="cannot be read as ONNX"):
        stated_signature(tmp_path)


def test_the_graph_is_read_if_the_mlmodel_states_no_signature(tmp_path: Path) -> None:
    mlmodel(graph(tmp_path, [X], [Y]), signature=None)
    assert inputs_of(tmp_path)[0].name == "x"
    assert inputs_of(mlmodel(tmp_path))[0].name == "age"


def test_files_with_no_or_several_signatures_have_none(tmp_path: Path) -> None:
    assert stated_signature(tmp_path) is None
    (tmp_path / "weights.bin").write_bytes(b"weights")
    assert stated_signature(tmp_path / "weights.bin") is None
    (graph(tmp_path, [X], [Y]) / "other.onnx").write_bytes(b"another")
    assert stated_signature(tmp_path) is None
