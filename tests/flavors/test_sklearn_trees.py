"""Inconsistent trees, each of which would read outside its memory at the first predict."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pedigree.errors import InvalidArtifactError
from pedigree.flavors.sklearn import SklearnFlavor
from tests.lazy import lazy

golden = lazy("tests.flavors.golden")

FLAVOR = SklearnFlavor()
Nodes = Any


def forge(folder: Path, name: str, change: Callable[[Nodes], None], column: str) -> None:
    """Save a golden model, and change each array in it that has the column."""
    FLAVOR.save(golden.GOLDEN[name](), folder)
    archive = folder / "model.skops"
    with zipfile.ZipFile(archive) as stored:
        content = {member: stored.read(member) for member in stored.namelist()}
    forged = 0
    for member, data in content.items():
        if not member.endswith(".npy"):
            continue
        array = np.load(io.BytesIO(data))
        if array.dtype.names and column in array.dtype.names:
            change(array)
            buffer = io.BytesIO()
            np.save(buffer, array)
            content[member] = buffer.getvalue()
            forged += 1
    assert forged, "nothing was changed"
    with zipfile.ZipFile(archive, "w") as written:
        for member, data in content.items():
            written.writestr(member, data)


def set_root(field: str, value: int) -> Callable[[Nodes], None]:
    def change(nodes: Nodes) -> None:
        nodes[field][0] = value

    return change


@pytest.mark.parametrize(
    "name", ["random_forest", "decision_tree", "gradient_boosting", "isolation_forest"]
)
@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("left_child", 10**9, "not come after it"),
        ("right_child", -7, "not come after it"),
        ("right_child", 0, "not come after it"),  # a circle: predict would never end
        ("feature", 10**6, "does not have"),
        ("feature", -2, "does not have"),
    ],
)
def test_a_tree_that_points_outside_itself_is_refused(
    name: str, field: str, value: int, message: str, tmp_path: Path
) -> None:
    forge(tmp_path, name, set_root(field, value), "left_child")
    with pytest.raises(InvalidArtifactError, match=message):
        FLAVOR.load(tmp_path)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("left", 10**9, "not come after it"),
        ("right", 0, "not come after it"),
        ("feature_idx", 10**6, "does not have"),
        ("feature_idx", -1, "does not have"),
    ],
)
def test_a_boosted_tree_that_points_outside_itself_is_refused(
    field: str, value: int, message: str, tmp_path: Path
) -> None:
    forge(tmp_path, "hist_gradient_boosting", set_root(field, value), "feature_idx")
    with pytest.raises(InvalidArtifactError, match=message):
        FLAVOR.load(tmp_path)


def test_a_boosted_tree_with_unknown_categories_is_refused(tmp_path: Path) -> None:
    def change(nodes: Nodes) -> None:
        nodes["bitset_idx"] = 10**6

    forge(tmp_path, "boosting_of_categories", change, "bitset_idx")
    with pytest.raises(InvalidArtifactError, match="categories that it lacks"):
        FLAVOR.load(tmp_path)


def test_a_boosted_tree_that_treats_a_number_as_a_category_is_refused(tmp_path: Path) -> None:
    forge(tmp_path, "hist_gradient_boosting", set_root("is_categorical", 1), "is_categorical")
    with pytest.raises(InvalidArtifactError, match=r"categor(y|ies)"):
        FLAVOR.load(tmp_path)


def forge_schema(folder: Path, name: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Save a golden model, and change states of its schema."""

    def changed(state: dict[str, Any]) -> dict[str, Any]:
        change(state)
        return state

    FLAVOR.save(golden.GOLDEN[name](), folder)
    archive = folder / "model.skops"
    with zipfile.ZipFile(archive) as stored:
        content = {member: stored.read(member) for member in stored.namelist()}
    schema = json.loads(content["schema.json"], object_hook=changed)
    content["schema.json"] = json.dumps(schema).encode()
    with zipfile.ZipFile(archive, "w") as written:
        for member, data in content.items():
            written.writestr(member, data)


def set_number(key: str, value: int) -> Callable[[dict[str, Any]], None]:
    def change(state: dict[str, Any]) -> None:
        held = state.get(key)
        if isinstance(held, dict) and held.get("__loader__") == "JsonNode":
            held["content"] = str(value)

    return change


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("max_depth", 0, "deeper than its max_depth"),
        ("n_features_in_", 1, "differ in their features"),
    ],
)
def test_a_tree_with_inconsistent_numbers_is_refused(
    key: str, value: int, message: str, tmp_path: Path
) -> None:
    forge_schema(tmp_path, "decision_tree", set_number(key, value))
    with pytest.raises(InvalidArtifactError, match=message):
        FLAVOR.load(tmp_path)


def test_an_estimator_with_trees_must_have_a_number_of_features(tmp_path: Path) -> None:
    def change(state: dict[str, Any]) -> None:
        state.pop("n_features_in_", None)

    forge_schema(tmp_path, "hist_gradient_boosting", change)
    with pytest.raises(InvalidArtifactError):
        FLAVOR.load(tmp_path)


def test_a_tree_outside_any_estimator_is_refused(tmp_path: Path) -> None:
    model: Any = golden.GOLDEN["logistic_regression"]()
    model.hidden_ = [golden.GOLDEN["decision_tree"]().tree_]  # type: ignore[attr-defined]  # it is an object
    FLAVOR.save(model, tmp_path)
    with pytest.raises(InvalidArtifactError, match="belongs to no estimator"):
        FLAVOR.load(tmp_path)
