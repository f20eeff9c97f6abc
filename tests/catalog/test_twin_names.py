from pathlib import Path

import pytest

from pedigree.errors import (
    InvalidInputError,
    ModelNotFoundError,
    NameTakenError,
    PedigreeError,
)
from pedigree.registry import Registry
from tests.factories import artifact, new_version, register


def refused(registry: Registry, folder: Path, name: str) -> PedigreeError:
    events = registry.events()
    with pytest.raises(PedigreeError) as caught:
        registry.register(name, artifact(folder / "other", "other"), new_version())
    assert registry.events() == events
    assert [model.name for model in registry.models()] == ["churn fit"]
    assert caught.value.field == "name"
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize("twin", ["CHURN fit", "churn \uff46it", "churn ﬁt", "churn\u00a0fit"])
def test_a_name_equivalent_to_a_model_s_is_refused(
    twin: str, registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path, "one", name="churn fit")
    error = refused(registry, tmp_path, twin)
    assert isinstance(error, NameTakenError)
    assert "'churn fit'" in str(error)
    with pytest.raises(ModelNotFoundError):
        registry.get(f"{twin}/1")
    with pytest.raises(ModelNotFoundError):
        registry.versions(twin)
    with pytest.raises(ModelNotFoundError):
        registry.timeline(twin)


@pytest.mark.parametrize(
    "name",
    ["%63hurn fit", "churn%20fit", "churn\u200d fit", "e\u0301", "x" * 257, "\ufdfa" * 200, "a/b"],
)
def test_an_invalid_name_is_refused_and_nothing_is_written(
    name: str, registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path, "one", name="churn fit")
    assert isinstance(refused(registry, tmp_path, name), InvalidInputError)


def test_the_longest_name_is_registered_and_found(registry: Registry, tmp_path: Path) -> None:
    name = "\U00020000" * 256  # four bytes each
    assert register(registry, tmp_path, "one", name=name) == f"{name}/1"
    assert registry.get(f"{name}@latest").model_name == name
