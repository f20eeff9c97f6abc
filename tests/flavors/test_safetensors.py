import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pedigree.errors import InvalidArtifactError, UnsupportedModelError
from pedigree.flavors.safetensors import SafetensorsFlavor
from tests.flavors.hostile import safetensors_file
from tests.flavors.models import arrays

FLAVOR = SafetensorsFlavor()


def entry(shape: list[int], start: int, end: int, dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def test_arrays_come_back_as_they_were(tmp_path: Path) -> None:
    FLAVOR.save(arrays(), tmp_path)
    loaded: Any = FLAVOR.load(tmp_path)
    assert loaded.keys() == arrays().keys()
    for name, array in arrays().items():
        np.testing.assert_array_equal(loaded[name], array)
        assert loaded[name].dtype == array.dtype


def test_a_model_in_several_files_comes_back_as_one(tmp_path: Path) -> None:
    for part in ("one", "other"):
        FLAVOR.save({part: np.ones(2)}, tmp_path)
        (tmp_path / "model.safetensors").rename(tmp_path / f"{part}.safetensors")
    assert FLAVOR.load(tmp_path).keys() == {"one", "other"}  # type: ignore[attr-defined]  # it is an object
    FLAVOR.save({"one": np.zeros(2)}, tmp_path)
    with pytest.raises(InvalidArtifactError, match="two files hold 'one'"):
        FLAVOR.load(tmp_path)


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
        safetensors_file({"a": entry([2], 0, 8)}),  # bytes behind the last array
    ],
)
def test_a_header_that_lies_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(InvalidArtifactError, match=r"safetensors cannot read model\.safetensors"):
        FLAVOR.load(tmp_path)


def test_a_folder_without_arrays_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArtifactError, match=r"holds no \.safetensors file"):
        FLAVOR.load(tmp_path)


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ([np.ones(1)], "list is no mapping"),
        ({"a": [1.0]}, "dict is no mapping of names to numpy arrays"),
        ({"a": np.array(["text"])}, "cannot store these arrays"),
    ],
)
def test_what_is_no_array_is_refused(model: object, told: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModelError, match=told):
        FLAVOR.save(model, tmp_path)


def test_arrays_cannot_be_called() -> None:
    with pytest.raises(UnsupportedModelError, match="nothing here can call"):
        FLAVOR.infer_signature(arrays(), np.ones(1))
