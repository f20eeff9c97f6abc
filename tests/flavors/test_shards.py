"""The files of a folder that are the model, in the layouts of Hugging Face's libraries."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from pedigree.errors import InvalidArtifactError
from pedigree.flavors.plugins import get_flavor
from pedigree.registry import Registry
from tests.factories import new_version

FLAVOR = get_flavor("safetensors")
ONE, TWO = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
INDEX = "model.safetensors.index.json"
SHARDS = {ONE: ["a", "b"], TWO: ["c"]}


def lay(
    folder: Path,
    files: Mapping[str, Iterable[str]],
    indexes: Mapping[str, Mapping[str, Iterable[str]]] = MappingProxyType({}),
) -> None:
    """Write files of tensors with these names, and indexes over them."""
    for file, names in files.items():
        save_file(
            {name: np.full(2, ord(name[0]), dtype="float32") for name in names}, folder / file
        )
    for name, listed in indexes.items():
        index(folder, listed, name)


def index(folder: Path, files: Mapping[str, Iterable[str]], name: str = INDEX) -> None:
    weight_map = {tensor: file for file, tensors in files.items() for tensor in tensors}
    (folder / name).write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))


def loaded_names(folder: Path) -> set[str]:
    loaded: Any = FLAVOR.load(folder)
    return set(loaded)


@pytest.mark.parametrize(
    ("files", "indexes", "expected"),
    [
        pytest.param({"weights.safetensors": "a"}, {}, "a", id="one file of any name"),
        pytest.param(SHARDS, {INDEX: SHARDS}, "abc", id="an index"),
        pytest.param(SHARDS, {}, "abc", id="numbered shards without an index"),
        pytest.param(
            SHARDS | {"consolidated.safetensors": "abc"}, {INDEX: SHARDS}, "abc", id="consolidated"
        ),
        pytest.param(
            SHARDS | {"adapter_model.safetensors": "x"}, {INDEX: SHARDS}, "abc", id="an adapter"
        ),
        pytest.param(SHARDS | {"adapter_model.safetensors": "x"}, {}, "abc", id="with no index"),
        pytest.param(
            {"model.safetensors": "a", "adapter_model.safetensors": "x"}, {}, "a", id="whole"
        ),
        pytest.param({"adapter_model.safetensors": "x"}, {}, "x", id="an adapter alone"),
        pytest.param(
            {"one.safetensors": "a", "other.safetensors": "b"},
            {INDEX: {"one.safetensors": "a", "other.safetensors": "b"}},
            "ab",
            id="an index of any names",
        ),
        pytest.param(
            {"model.safetensors": "a", "model.fp16.safetensors": "x"}, {}, "a", id="a variant"
        ),
        pytest.param(
            SHARDS | {"model.fp16-00001-of-00001.safetensors": "x"},
            {
                INDEX: SHARDS,
                "model.safetensors.index.fp16.json": {"model.fp16-00001-of-00001.safetensors": "x"},
            },
            "abc",
            id="a variant with an index",
        ),
    ],
)
def test_the_index_and_the_names_determine_the_model(
    files: Any, indexes: Any, expected: str, tmp_path: Path
) -> None:
    lay(tmp_path, files, indexes)
    FLAVOR.check_files(tmp_path)  # type: ignore[attr-defined]  # this flavor can
    assert loaded_names(tmp_path) == set(expected)


@pytest.mark.parametrize(
    ("files", "indexes", "message"),
    [
        pytest.param({ONE: "ab"}, {INDEX: SHARDS}, f"{TWO} is missing", id="a shard is missing"),
        pytest.param({ONE: "ab"}, {}, "of the 2 shards .* 1 are present", id="missing, no index"),
        pytest.param(
            SHARDS | {"model-00003-of-00002.safetensors": "d"},
            {},
            "3 are present",
            id="one too many",
        ),
        pytest.param(
            SHARDS | {"model-00003-of-00003.safetensors": "d"}, {}, "different sets", id="mixed"
        ),
        pytest.param(
            SHARDS | {"model-00003-of-00003.safetensors": "d"},
            {INDEX: SHARDS},
            "does not list model-00003-of-00003",
            id="one that the index lacks",
        ),
        pytest.param(
            SHARDS | {"model.safetensors": "abc"}, {}, "are the same model", id="whole and shards"
        ),
        pytest.param(
            SHARDS | {"model.safetensors": "abc"},
            {INDEX: SHARDS},
            "does not list model.safetensors",
            id="whole and index",
        ),
        pytest.param(
            {"one.safetensors": "a", "other.safetensors": "b"},
            {},
            "which of one.safetensors, other.safetensors",
            id="no relation",
        ),
        pytest.param({}, {INDEX: SHARDS}, "is missing", id="an index alone"),
        pytest.param({ONE: "a"}, {INDEX: {}}, "lists no tensor", id="an empty index"),
        pytest.param({}, {}, r"has no \.safetensors file", id="nothing"),
    ],
)
def test_an_ambiguous_folder_is_refused(
    files: Any, indexes: Any, message: str, tmp_path: Path
) -> None:
    lay(tmp_path, files, indexes)
    for ask in (FLAVOR.check_files, FLAVOR.load):  # type: ignore[attr-defined]  # it can
        with pytest.raises(InvalidArtifactError, match=message):
            ask(tmp_path)


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        ({ONE: "abx", TWO: "c"}, f"{ONE} does not match the index: it lacks 'x'"),
        ({ONE: "a", TWO: "c"}, f"{ONE} does not match the index: it also has 'b'"),
        ({ONE: "a", TWO: "bc"}, "does not match the index"),
    ],
)
def test_a_shard_that_does_not_match_the_index_is_refused(
    listed: Any, message: str, tmp_path: Path
) -> None:
    lay(tmp_path, SHARDS, {INDEX: listed})
    with pytest.raises(InvalidArtifactError, match=message):
        FLAVOR.load(tmp_path)


def test_two_shards_with_the_same_tensor_are_refused(tmp_path: Path) -> None:
    lay(tmp_path, {ONE: "ab", TWO: "bc"})
    with pytest.raises(InvalidArtifactError, match="two files have the tensor 'b'"):
        FLAVOR.load(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"weight_map": 1}',
        '{"weight_map": {"a": 1}}',
        '{"weight_map": {"a": "../secret.safetensors"}}',
        '{"weight_map": {"a": "/etc/passwd"}}',
    ],
)
def test_an_index_that_cannot_be_followed_is_refused(content: str, tmp_path: Path) -> None:
    lay(tmp_path, SHARDS)
    (tmp_path / INDEX).write_text(content)
    for ask in (FLAVOR.check_files, FLAVOR.load):  # type: ignore[attr-defined]  # it can
        with pytest.raises(InvalidArtifactError, match=INDEX):
            ask(tmp_path)


def test_an_incomplete_model_is_not_registered(registry: Registry, tmp_path: Path) -> None:
    lay(tmp_path, {ONE: "ab"}, {INDEX: SHARDS})
    for flavor in ("safetensors", "torch"):
        with pytest.raises(InvalidArtifactError, match=f"{TWO} is missing"):
            registry.register("net", tmp_path, new_version(flavor=flavor))
        with pytest.raises(InvalidArtifactError, match="1 are present"):
            registry.register("net", tmp_path / ONE, new_version(flavor=flavor))
    assert list(registry.models()) == []


@pytest.mark.parametrize("flavor", ["joblib", "lightgbm", "mlflow", "onnx", "sklearn", "xgboost"])
def test_files_that_a_flavor_cannot_load_are_not_registered(
    flavor: str, registry: Registry, tmp_path: Path
) -> None:
    (tmp_path / "model.unheard").write_text("a model")
    for path in (tmp_path, tmp_path / "model.unheard"):
        with pytest.raises(InvalidArtifactError, match=r"has (0|no MLmodel)"):
            registry.register("net", path, new_version(flavor=flavor))
    registry.register("net", tmp_path, new_version(flavor="generic"))
