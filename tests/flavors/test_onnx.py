from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pedigree.errors import InvalidArtifactError, InvalidSignatureError, UnsupportedModelError
from pedigree.flavors.onnx import OnnxFlavor
from pedigree.registry import Registry
from pedigree.signatures.records import Signature, Tensor
from tests.factories import new_version
from tests.flavors.models import onnx_model
from tests.lazy import lazy

onnx = lazy("onnx")
onnxruntime = lazy("onnxruntime")

pytestmark = pytest.mark.skipif(
    find_spec("onnxruntime") is None, reason="onnxruntime has no build for Intel Macs"
)

FLAVOR = OnnxFlavor()
NUMBERS = np.array([[1, 2], [3, 4]], dtype="float32")
SIGNATURE = Signature(
    inputs=(Tensor(name="x", dtype="float32", shape=(-1, 2)),),
    outputs=(Tensor(name="y", dtype="float32", shape=(-1, 2)),),
)


def with_external(folder: Path, **entries: str) -> Path:
    """Save a model whose weights are in another file, with an attacker's description of it."""
    model = onnx_model()
    (weights,) = model.graph.initializer
    weights.ClearField("float_data")
    weights.data_location = onnx.TensorProto.EXTERNAL
    for key, value in entries.items():
        weights.external_data.add(key=key, value=value)
    folder.mkdir(exist_ok=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    return folder


def test_loading_returns_a_session_that_runs(tmp_path: Path) -> None:
    FLAVOR.save(onnx_model(), tmp_path)
    session = FLAVOR.load(tmp_path)
    assert isinstance(session, onnxruntime.InferenceSession)
    (result,) = session.run(None, {"x": NUMBERS})
    np.testing.assert_array_equal(result, NUMBERS + np.array([1, 2], dtype="float32"))


def test_the_signature_is_that_of_the_graph(tmp_path: Path) -> None:
    FLAVOR.save(onnx_model(), tmp_path)
    assert FLAVOR.infer_signature(onnx_model(), None) == SIGNATURE
    assert FLAVOR.infer_signature(FLAVOR.load(tmp_path), NUMBERS) == SIGNATURE


def test_a_session_without_a_rank_has_no_inferred_signature(tmp_path: Path) -> None:
    model = onnx_model()
    model.graph.output[0].type.tensor_type.ClearField("shape")
    model.graph.input[0].type.tensor_type.ClearField("shape")
    FLAVOR.save(model, tmp_path)
    with pytest.raises(InvalidSignatureError, match=r"inputs\.x: the session has"):
        FLAVOR.infer_signature(FLAVOR.load(tmp_path), NUMBERS)


def test_external_weights_of_a_graph_are_read(tmp_path: Path) -> None:
    with_external(tmp_path, location="weights.bin", offset="4", length="8")
    (tmp_path / "weights.bin").write_bytes(bytes(4) + np.array([1, 2], dtype="float32").tobytes())
    session: Any = FLAVOR.load(tmp_path)
    assert session.run(None, {"x": NUMBERS})[0].tolist() == [[2, 4], [4, 6]]


@pytest.mark.parametrize(
    "location", ["../secret.bin", "/etc/hostname", "a/../../secret.bin", "", ".", "absent.bin"]
)
def test_weights_outside_the_folder_are_not_opened(location: str, tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(bytes(8))
    folder = with_external(tmp_path / "model", location=location)
    with pytest.raises(
        InvalidArtifactError, match="is not a file of the model's folder"
    ) as refused:
        FLAVOR.load(folder)
    assert refused.value.value == location


def test_weights_at_a_link_that_leaves_the_folder_are_not_opened(tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(bytes(8))
    folder = with_external(tmp_path / "model", location="link.bin")
    (folder / "link.bin").symlink_to("../secret.bin")
    with pytest.raises(InvalidArtifactError, match="is not a file of the model's folder"):
        FLAVOR.load(folder)


@pytest.mark.parametrize(
    ("offset", "length"), [("4", "8"), ("0", "99"), ("-4", "8"), ("0", "x"), ("0", "-8")]
)
def test_weights_beyond_their_file_are_refused(offset: str, length: str, tmp_path: Path) -> None:
    with_external(tmp_path, location="weights.bin", offset=offset, length=length)
    (tmp_path / "weights.bin").write_bytes(bytes(8))
    with pytest.raises(InvalidArtifactError, match="the data of tensor 'weights'"):
        FLAVOR.load(tmp_path)


def test_a_graph_is_not_registered_without_the_weights_that_it_names(
    registry: Registry, tmp_path: Path
) -> None:
    folder = with_external(tmp_path / "model", location="weights.bin", length="8")
    for path in (folder, folder / "model.onnx"):
        with pytest.raises(InvalidArtifactError, match=r"'weights' cannot be read"):
            registry.register("adds", path, new_version(flavor="onnx"))
    (folder / "weights.bin").write_bytes(bytes(8))
    with pytest.raises(InvalidArtifactError, match="'weights' cannot be read"):
        registry.register("adds", folder / "model.onnx", new_version(flavor="onnx"))
    registry.register("adds", folder, new_version(flavor="onnx"))
    (folder / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(InvalidArtifactError, match=r"cannot read model\.onnx"):
        registry.register("adds", folder, new_version(flavor="onnx"))


def test_weights_deep_in_a_branch_are_checked_too(tmp_path: Path) -> None:
    outside = onnx.helper.make_tensor("deep", onnx.TensorProto.FLOAT, [1], [1.0])
    outside.data_location = onnx.TensorProto.EXTERNAL
    outside.external_data.add(key="location", value="../secret.bin")
    branch = onnx.helper.make_graph(
        [onnx.helper.make_node("Constant", [], ["c"], value=outside)],
        "branch",
        [],
        [onnx.helper.make_tensor_value_info("c", onnx.TensorProto.FLOAT, [1])],
    )
    model = onnx_model()
    model.graph.node.append(
        onnx.helper.make_node("If", ["x"], ["z"], then_branch=branch, else_branch=branch)
    )
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(InvalidArtifactError, match="the data of tensor 'deep'"):
        FLAVOR.load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"nonsense\xff"])
def test_a_file_that_is_not_a_graph_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(InvalidArtifactError, match=r"onnx(runtime)? cannot read model\.onnx"):
        FLAVOR.load(tmp_path)


def test_a_model_in_several_files_is_registered_by_its_path(tmp_path: Path) -> None:
    with_external(tmp_path, location="weights.bin")
    apart = onnx.load(tmp_path / "model.onnx", load_external_data=False)
    with pytest.raises(UnsupportedModelError, match="weights are in other files") as refused:
        FLAVOR.save(apart, tmp_path)
    assert "path" in str(refused.value.remedy)
    with pytest.raises(UnsupportedModelError, match="dict is not an onnx"):
        FLAVOR.save({}, tmp_path)


def test_an_object_that_is_not_a_graph_has_no_signature() -> None:
    with pytest.raises(UnsupportedModelError, match="neither an onnx"):
        FLAVOR.infer_signature({}, NUMBERS)
