import struct
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from pedigree.errors import InvalidArtifactError, UnsupportedModelError
from pedigree.flavors.safetensors import SafetensorsFlavor
from tests.flavors.hostile import safetensors_file
from tests.flavors.models import arrays

FLAVOR = SafetensorsFlavor()


def entry(shape: list[int], start: int, end: int, dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def test_arrays_are_restored(tmp_path: Path) -> None:
    FLAVOR.save(arrays(), tmp_path)
    loaded: Any = FLAVOR.load(tmp_path)
    assert loaded.keys() == arrays().keys()
    for name, array in arrays().items():
        np.testing.assert_array_equal(loaded[name], array)
        assert loaded[name].dtype == array.dtype


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"short",
        struct.pack("<Q", 1 << 60) + b"{}",  # a header longer than the file
        safetensors_file(b"no JSON"),
        safetensors_file({"a": entry([100], 0, 400)}),  # beyond the end
        safetensors_file({"a": entry([4], 0, 16), "b": entry([4], 0, 16)}),  # over each other
        safetensors_file({"a": entry([2], 8, 16)}),  # a gap, where anything could hide
        safetensors_file({"a": entry([400], 0, 16)}),  # more than it has bytes for
        safetensors_file({"a": entry([1 << 62, 8], 0, 16)}),  # beyond what 64 bits count
        safetensors_file({"a": entry([-4], 0, 16)}),
        safetensors_file({"a": entry([4], 0, 16, dtype="X9")}),
        safetensors_file({"a": entry([2], 0, 8)}),  # bytes after the last array
    ],
)
def test_an_invalid_header_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(InvalidArtifactError, match=r"cannot read model\.safetensors|type X9"):
        FLAVOR.load(tmp_path)


def test_a_folder_without_arrays_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArtifactError, match=r"has no \.safetensors file"):
        FLAVOR.load(tmp_path)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ([np.ones(1)], "list is not a non-empty mapping"),
        ({}, "dict is not a non-empty mapping"),
        ({"a": [1.0]}, "'a' is a list; a model is a mapping of names to numpy arrays"),
        ({1: np.ones(1)}, "1 cannot be the name of an array"),
        ({"__metadata__": np.ones(1)}, "'__metadata__' cannot be the name"),
        ({"\ud800": np.ones(1)}, "cannot store these arrays"),
        ({"a": np.ma.array([1.0], mask=[True])}, "'a' is a MaskedArray"),
        ({"a": np.zeros(1, dtype=[("b", "f4")]).view(np.recarray)}, "'a' is a recarray"),
        ({"a": np.array(["text"])}, "cannot store these arrays"),
        ({"a": np.array([1.0], dtype="longdouble")}, "cannot store these arrays"),
        ({"a": np.array([1.0], dtype="complex128")}, "cannot store these arrays"),
        ({"a": np.array(["2026"], dtype="datetime64[D]")}, "cannot store these arrays"),
        ({"a": np.zeros(1, dtype=[("b", "f4")])}, "cannot store these arrays"),
        ({"a": np.zeros(1, dtype=ml_dtypes.bfloat16)}, "type BF16, which numpy lacks"),
        ({"a": np.zeros(1, dtype=ml_dtypes.float8_e4m3fn)}, "type F8_E4M3, which numpy lacks"),
    ],
)
def test_arrays_that_would_not_be_restored_are_refused(
    model: object, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UnsupportedModelError, match=message):
        FLAVOR.save(model, tmp_path)
    assert list(tmp_path.iterdir()) == []


NUMBERS = [*np.typecodes["AllInteger"], *"?efdF"]


@pytest.mark.parametrize("dtype", NUMBERS)
def test_every_dtype_that_is_saved_is_restored(dtype: str, tmp_path: Path) -> None:
    given = np.arange(3).astype(dtype)
    FLAVOR.save({"a": given, "other order": given.astype(given.dtype.newbyteorder(">"))}, tmp_path)
    loaded: Any = FLAVOR.load(tmp_path)
    for array in loaded.values():
        np.testing.assert_array_equal(array, given)
        assert array.dtype == given.dtype


@pytest.mark.parametrize(
    "content",
    [
        safetensors_file({"a": entry([2], 0, 4, dtype="BF16")}, bytes(4)),
        safetensors_file({"a": entry([4], 0, 16)}, bytes(15)),
        struct.pack("<Q", 1 << 60) + b"{}",
        safetensors_file([]),
        b"",
    ],
)
def test_a_file_that_numpy_cannot_load_is_refused_before_it_is_registered(
    content: bytes, tmp_path: Path
) -> None:
    file = tmp_path / "weights.safetensors"
    file.write_bytes(content)
    for path in (file, tmp_path):
        with pytest.raises(InvalidArtifactError):
            FLAVOR.check_files(path)
    with pytest.raises(InvalidArtifactError):
        FLAVOR.load(tmp_path)


def test_arrays_cannot_be_called() -> None:
    with pytest.raises(UnsupportedModelError, match="which cannot be called"):
        FLAVOR.infer_signature(arrays(), np.ones(1))
