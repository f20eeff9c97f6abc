import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pedigree.errors import (
    InvalidArtifactError,
    InvalidInputError,
    UnsupportedModelError,
    UntrustedModelError,
)
from pedigree.flavors.torch import TorchFlavor
from pedigree.signatures.records import Column, ColumnType, Tensor
from tests.flavors.hostile import pickle_that_touches, torch_archive
from tests.flavors.models import ROWS, tied_torch_model, torch_model

torch = pytest.importorskip("torch", reason="torch is not installed: run `make torch`")

FLAVOR = TorchFlavor()


def test_a_module_comes_back_as_its_state_dict(tmp_path: Path) -> None:
    module = torch_model()
    FLAVOR.save(module, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["model.safetensors"]
    fresh = torch.nn.Sequential(torch.nn.Linear(2, 1))
    fresh.load_state_dict(FLAVOR.load(tmp_path))
    rows = torch.ones(3, 2)
    assert torch.equal(fresh(rows), module(rows))


@pytest.mark.parametrize(
    "state",
    [
        pytest.param(lambda: tied_torch_model().state_dict(), id="shared weights"),
        pytest.param(lambda: {"weight": torch.ones(2), "epoch": 3}, id="a number"),
        pytest.param(lambda: {"weight": torch.eye(2).to_sparse()}, id="a sparse tensor"),
    ],
)
def test_what_safetensors_cannot_hold_is_kept_by_torch_and_needs_no_trust(
    state: Any, tmp_path: Path
) -> None:
    FLAVOR.save(state(), tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["model.pt"]
    loaded: Any = FLAVOR.load(tmp_path)
    assert loaded.keys() == state().keys()


def test_tensors_without_elements_do_not_count_as_shared(tmp_path: Path) -> None:
    FLAVOR.save(
        {"one": torch.ones(0), "other": torch.ones(0), "view": torch.ones(3, 2).T}, tmp_path
    )
    loaded: Any = FLAVOR.load(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["model.safetensors"]
    assert loaded["view"].shape == (2, 3)


@pytest.mark.parametrize("archive", [True, False])
def test_a_hostile_pickle_is_refused_before_it_runs(archive: bool, tmp_path: Path) -> None:
    canary, folder = tmp_path / "canary", tmp_path / "model"
    folder.mkdir()
    pickled = pickle_that_touches(canary)
    if archive:
        torch_archive(folder / "model.pt", pickled)
    else:  # the form of torch before 1.6: pickles one after the other
        (folder / "model.pt").write_bytes(pickled)
    with pytest.raises(UntrustedModelError, match="loading it runs it") as refused:
        FLAVOR.load(folder)
    assert "trust=['pickle']" in str(refused.value.remedy)
    assert not canary.exists()


def test_a_pickled_module_loads_with_trust(tmp_path: Path) -> None:
    torch.save(torch_model(), tmp_path / "model.pth")
    with pytest.raises(UntrustedModelError, match=r"\(torch\.nn.*Sequential, "):
        FLAVOR.load(tmp_path)
    assert isinstance(FLAVOR.load(tmp_path, trust=["pickle"]), torch.nn.Sequential)
    with pytest.raises(InvalidInputError, match="trust must be a list"):
        FLAVOR.load(tmp_path, trust="pickle")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04nonsense"])
def test_a_damaged_file_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(content)
    with pytest.raises(InvalidArtifactError, match=r"torch cannot read model\.pt"):
        FLAVOR.load(tmp_path)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    torch.save({"weight": torch.ones(100)}, buffer)
    (tmp_path / "model.pt").write_bytes(buffer.getvalue()[:-200])
    with pytest.raises(InvalidArtifactError, match=r"torch cannot read model\.pt"):
        FLAVOR.load(tmp_path)


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ([1], "list is neither a module nor a state dict"),
        ({1: 2}, "dict is neither a module nor a state dict"),
        ({"path": Path("/")}, "more than tensors and plain values"),
    ],
)
def test_what_cannot_be_read_without_trust_is_not_stored(
    model: object, told: str, tmp_path: Path
) -> None:
    with pytest.raises(UnsupportedModelError, match=told):
        FLAVOR.save(model, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "sample", [torch.ones(3, 2), np.ones((3, 2), dtype="float32")], ids=["tensor", "array"]
)
def test_the_signature_is_what_the_module_gives_for_the_sample(sample: Any) -> None:
    module = torch_model().train()
    signature = FLAVOR.infer_signature(module, sample)
    assert signature.inputs == (Tensor(dtype="float32", shape=(-1, 2)),)
    assert signature.outputs == (Tensor(dtype="float32", shape=(-1, 1)),)
    assert module.training  # as it was


def test_a_frame_is_described_by_its_columns() -> None:
    signature = FLAVOR.infer_signature(torch_model(), ROWS.astype("float32"))
    assert signature.inputs[0] == Column(name="age", type=ColumnType.FLOAT)


def test_named_inputs_and_outputs_are_described_by_name() -> None:
    class Encoder(torch.nn.Module):  # type: ignore[misc, name-defined]  # torch is imported late
        def forward(self, ids: Any, mask: Any) -> Any:
            return {"hidden": ids * mask}

    ones = torch.ones(1, 4)
    signature = FLAVOR.infer_signature(Encoder(), {"ids": ones, "mask": ones})
    assert [port.name for port in signature.inputs] == ["ids", "mask"]
    assert signature.outputs == (Tensor(name="hidden", dtype="float32", shape=(-1, 4)),)


def test_a_state_dict_cannot_be_called() -> None:
    with pytest.raises(UnsupportedModelError, match="is no module"):
        FLAVOR.infer_signature(torch_model().state_dict(), torch.ones(1, 2))
