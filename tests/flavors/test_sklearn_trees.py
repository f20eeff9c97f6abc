"""Trees that are wrong in themselves: each would read outside its memory at the first predict."""

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
    """Store a golden model, and change each array in it that has the column."""
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
    ("field", "value", "told"),
    [
        ("left_child", 10**9, "not behind it"),
        ("right_child", -7, "not behind it"),
        ("right_child", 0, "not behind it"),  # a circle: predict would never end
        ("feature", 10**6, "does not have"),
        ("feature", -2, "does not have"),
    ],
)
def test_a_tree_that_points_outside_itself_is_refused(
    name: str, field: str, value: int, told: str, tmp_path: Path
) -> None:
    forge(tmp_path, name, set_root(field, value), "left_child")
    with pytest.raises(InvalidArtifactError, match=told):
        FLAVOR.load(tmp_path)


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("left", 10**9, "not behind it"),
        ("right", 0, "not behind it"),
        ("feature_idx", 10**6, "does not have"),
        ("feature_idx", -1, "does not have"),
    ],
)
def test_a_boosted_tree_that_points_outside_itself_is_refused(
    field: str, value: int, told: str, tmp_path: Path
) -> None:
    forge(tmp_path, "hist_gradient_boosting", set_root(field, value), "feature_idx")
    with pytest.raises(InvalidArtifactError, match=told):
        FLAVOR.load(tmp_path)


def test_a_boosted_tree_that_names_categories_it_lacks_is_refused(tmp_path: Path) -> None:
    def change(nodes: Nodes) -> None:
        nodes["bitset_idx"] = 10**6

    forge(tmp_path, "boosting_of_categories", change, "bitset_idx")
    with pytest.raises(InvalidArtifactError, match="categories that it lacks"):
        FLAVOR.load(tmp_path)


def test_a_boosted_tree_that_takes_a_number_for_a_category_is_refused(tmp_path: Path) -> None:
    forge(tmp_path, "hist_gradient_boosting", set_root("is_categorical", 1), "is_categorical")
    with pytest.raises(InvalidArtifactError, match=r"categor(y|ies)"):
        FLAVOR.load(tmp_path)


def forge_schema(folder: Path, name: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Store a golden model, and change the states of its schema that ``change`` knows."""

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
    ("key", "value", "told"),
    [("max_depth", 0, "deeper than it says"), ("n_features_in_", 1, "differ in their features")],
)
def test_a_tree_that_belies_its_own_numbers_is_refused(
    key: str, value: int, told: str, tmp_path: Path
) -> None:
    forge_schema(tmp_path, "decision_tree", set_number(key, value))
    with pytest.raises(InvalidArtifactError, match=told):
        FLAVOR.load(tmp_path)


def test_an_estimator_must_say_how_many_features_its_trees_have(tmp_path: Path) -> None:
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
