import io
import json
from importlib.util import find_spec
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
from tests.lazy import lazy

torch = lazy("torch")

pytestmark = pytest.mark.skipif(
    find_spec("torch") is None, reason="torch is not installed: run `make torch`"
)

FLAVOR = TorchFlavor()


def test_a_module_is_restored_as_its_state_dict(tmp_path: Path) -> None:
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
def test_a_state_dict_that_safetensors_cannot_hold_is_saved_by_torch_and_needs_no_trust(
    state: Any, tmp_path: Path
) -> None:
    FLAVOR.save(state(), tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["model.pt"]
    loaded: Any = FLAVOR.load(tmp_path)
    assert loaded.keys() == state().keys()


def tensors(flavored: Any) -> Any:
    """A state dict that is restored as it is."""
    return {"weight": flavored}


@pytest.mark.filterwarnings("ignore")  # torch says that its own quantized tensors are deprecated
@pytest.mark.parametrize(
    ("make", "file"),
    [
        pytest.param(
            lambda: torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8),
            "model.pt",
            id="quantized",
        ),
        pytest.param(
            lambda: torch.quantize_per_channel(
                torch.ones(2, 2), torch.tensor([0.1, 0.2]), torch.tensor([0, 0]), 0, torch.quint8
            ),
            "model.pt",
            id="quantized by channel",
        ),
        pytest.param(lambda: torch.ones(2, dtype=torch.complex128), "model.pt", id="complex128"),
        pytest.param(
            lambda: torch.tensor([1 + 2j], dtype=torch.complex64).conj(),
            "model.safetensors",
            id="to be conjugated",
        ),
        pytest.param(
            lambda: torch.tensor([1 + 2j], dtype=torch.complex64).conj().imag,
            "model.safetensors",
            id="to be negated",
        ),
        pytest.param(
            lambda: torch.tensor([1 + 2j], dtype=torch.complex128).conj(),
            "model.pt",
            id="to be conjugated, in a pickle",
        ),
        pytest.param(
            lambda: torch.ones(2, dtype=torch.bfloat16), "model.safetensors", id="bfloat16"
        ),
        pytest.param(
            lambda: torch.ones(2).to(torch.float8_e4m3fn), "model.safetensors", id="float8"
        ),
        pytest.param(
            lambda: torch.ones(4, dtype=torch.uint16)[::2], "model.safetensors", id="a view"
        ),
        pytest.param(lambda: torch.eye(2).to_sparse_csr(), "model.pt", id="compressed rows"),
    ],
)
def test_a_tensor_of_any_kind_is_restored(make: Any, file: str, tmp_path: Path) -> None:
    FLAVOR.save(tensors(make()), tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == [file]
    loaded: Any = FLAVOR.load(tmp_path)["weight"]  # type: ignore[index]  # it is an object
    given = make()
    assert (loaded.dtype, loaded.shape, loaded.layout) == (given.dtype, given.shape, given.layout)
    if given.is_quantized:
        assert loaded.qscheme() == given.qscheme()
        loaded, given = loaded.dequantize(), given.dequantize()
    if given.dtype == torch.float8_e4m3fn:
        loaded, given = loaded.float(), given.float()
    assert torch.equal(loaded.to_dense(), given.to_dense())


@pytest.mark.filterwarnings("ignore")  # nested tensors are a prototype
def test_nested_tensors_are_not_saved_as_dense_ones(tmp_path: Path) -> None:
    FLAVOR.save(tensors(torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])), tmp_path)
    loaded: Any = FLAVOR.load(tmp_path)
    assert [part.numel() for part in loaded["weight"].unbind()] == [2, 3]


def test_a_name_that_safetensors_reserves_is_saved_in_a_pickle(tmp_path: Path) -> None:
    FLAVOR.save({"__metadata__": torch.ones(2)}, tmp_path)
    loaded: Any = FLAVOR.load(tmp_path)
    assert torch.equal(loaded["__metadata__"], torch.ones(2))


def tagged(numbers: Any) -> Any:
    """A tensor subclass that holds more than its numbers."""

    class Tagged(torch.Tensor):  # type: ignore[misc, name-defined]  # torch is imported late
        pass

    return numbers.as_subclass(Tagged)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        pytest.param(
            lambda: torch.nn.Linear(2, 1, device="meta"), "'weight' has no values", id="meta"
        ),
        pytest.param(
            lambda: {"model": {"layers": [torch.ones(1, device="meta")]}},
            "'model.layers.0' has no values",
            id="meta, deep inside",
        ),
        pytest.param(lambda: torch.nn.LazyLinear(1), "'weight' has no values", id="lazy"),
        pytest.param(
            lambda: tensors(tagged(torch.ones(2))),
            "cannot save",
            id="a kind of its own",
        ),
        pytest.param(
            lambda: tensors(torch.empty(2, dtype=torch.uint4)), "cannot save.*uint4", id="uint4"
        ),
        pytest.param(
            lambda: tensors(torch.ones(2, 2).to_mkldnn()), "cannot save", id="opaque memory"
        ),
    ],
)
def test_a_tensor_that_would_not_be_restored_is_refused(
    model: Any, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UnsupportedModelError, match=message) as refused:
        FLAVOR.save(model(), tmp_path)
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("ignore:ComplexHalf")
def test_every_dtype_of_torch_is_restored_or_refused(tmp_path: Path) -> None:
    import torch as imported

    kinds = {each for each in vars(imported).values() if isinstance(each, torch.dtype)}
    stored = set()
    for number, dtype in enumerate(sorted(kinds, key=str)):
        folder = tmp_path / str(number)
        folder.mkdir()
        if str(dtype).startswith(("torch.q", "torch.quint")):
            continue  # created only by quantization
        try:
            FLAVOR.save(tensors(torch.empty(2, dtype=dtype)), folder)
        except UnsupportedModelError:
            assert list(folder.iterdir()) == []
            continue
        assert FLAVOR.load(folder)["weight"].dtype == dtype  # type: ignore[index]  # it is an object
        stored.add(dtype)
    assert {torch.float32, torch.int64, torch.bool, torch.bfloat16, torch.complex128} <= stored


SHARD = "pytorch_model-0000{}-of-00002.bin"
LISTED = {"a": SHARD.format(1), "b": SHARD.format(2)}


def test_pickled_shards_are_read_by_their_index(tmp_path: Path) -> None:
    for name, file in LISTED.items():
        torch.save({name: torch.ones(2)}, tmp_path / file)
    index = tmp_path / "pytorch_model.bin.index.json"
    index.write_text(json.dumps({"weight_map": LISTED}))
    torch.save({"step": 3}, tmp_path / "training_args.bin")
    torch.save({"step": 3}, tmp_path / "optimizer.pt")
    assert FLAVOR.load(tmp_path).keys() == {"a", "b"}  # type: ignore[attr-defined]  # an object
    index.write_text(json.dumps({"weight_map": {**LISTED, "c": SHARD.format(2)}}))
    with pytest.raises(InvalidArtifactError, match="it lacks 'c'"):
        FLAVOR.load(tmp_path)
    torch.save([torch.ones(2)], tmp_path / SHARD.format(2))
    with pytest.raises(InvalidArtifactError, match="holds a list, not a part of a state dict"):
        FLAVOR.load(tmp_path)
    (tmp_path / SHARD.format(2)).unlink()
    for ask in (FLAVOR.check_files, FLAVOR.load):
        with pytest.raises(InvalidArtifactError, match=f"{SHARD.format(2)} is missing"):
            ask(tmp_path)


def test_a_hostile_shard_is_refused_before_it_runs(tmp_path: Path) -> None:
    canary, folder = tmp_path / "canary", tmp_path / "model"
    folder.mkdir()
    for file in LISTED.values():
        torch_archive(folder / file, pickle_that_touches(canary))
    with pytest.raises(UntrustedModelError, match="loading it runs code of its author"):
        FLAVOR.load(folder)
    assert not canary.exists()


@pytest.mark.parametrize(
    ("others", "message"),
    [
        (["pytorch_model.bin", "adapter_model.bin"], None),
        (["model.safetensors", "pytorch_model.bin"], None),
        (["one.pt", "other.pt"], "which of one.pt, other.pt"),
        (["adapter_model.safetensors", "weights.bin"], "which of"),
    ],
)
def test_the_usual_name_is_the_model_and_ambiguity_is_refused(
    others: list[str], message: str | None, tmp_path: Path
) -> None:
    for name in others:
        FLAVOR.save({"it": torch.full((1,), float(len(name)))}, tmp_path)
        (tmp_path / "model.safetensors").rename(tmp_path / f"{name}.new")
        if not name.endswith(".safetensors"):
            torch.save({"it": torch.full((1,), float(len(name)))}, tmp_path / f"{name}.new")
    for name in others:
        (tmp_path / f"{name}.new").rename(tmp_path / name)
    if message is None:
        loaded: Any = FLAVOR.load(tmp_path)
        assert loaded["it"].item() == len(others[0])
    else:
        with pytest.raises(InvalidArtifactError, match=message):
            FLAVOR.load(tmp_path)


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
    with pytest.raises(UntrustedModelError, match="loading it runs code of its author") as refused:
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
    with pytest.raises(InvalidArtifactError, match=r"cannot read model\.pt"):
        FLAVOR.load(tmp_path)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    torch.save({"weight": torch.ones(100)}, buffer)
    (tmp_path / "model.pt").write_bytes(buffer.getvalue()[:-200])
    with pytest.raises(InvalidArtifactError, match=r"cannot read model\.pt"):
        FLAVOR.load(tmp_path)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ([1], "list is neither a module nor a state dict"),
        ({1: 2}, "dict is neither a module nor a state dict"),
        ({"path": Path("/")}, "as tensors and plain values"),
    ],
)
def test_a_state_dict_that_needs_trust_is_not_saved(
    model: object, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UnsupportedModelError, match=message):
        FLAVOR.save(model, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "make",
    [lambda: torch.ones(3, 2), lambda: np.ones((3, 2), dtype="float32")],
    ids=["tensor", "array"],
)
def test_the_signature_describes_the_module_s_output_for_the_sample(make: Any) -> None:
    sample = make()
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
    with pytest.raises(UnsupportedModelError, match="is not a module"):
        FLAVOR.infer_signature(torch_model().state_dict(), torch.ones(1, 2))
