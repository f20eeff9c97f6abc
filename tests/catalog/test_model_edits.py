"""Registered models: created before their first version and described, each with an event."""

import pytest

from pedigree.errors import InvalidNameError, ModelNotFoundError, NameTakenError
from pedigree.registry import Registry


def test_a_model_is_created_with_its_description(registry: Registry) -> None:
    made = registry.create_model(
        "churn", description="who leaves", owners=["ann"], tags={"team": "x"}
    )
    assert (made.description, made.owners, made.tags) == ("who leaves", ("ann",), {"team": "x"})
    assert made.latest_version == 0
    assert registry.model("churn") == made
    assert [event.type for event in registry.events()] == ["model.created", "model.updated"]
    assert registry.fsck().ok


@pytest.mark.parametrize("twin", ["churn", "Churn"])
def test_a_name_or_an_equivalent_one_is_taken_once(registry: Registry, twin: str) -> None:
    registry.create_model("churn")
    with pytest.raises(NameTakenError):
        registry.create_model(twin)
    registry.delete_model("churn", reason="test")
    with pytest.raises(NameTakenError):
        registry.create_model(twin)
    assert len(registry.events()) == 2


def test_fields_that_are_not_given_stay_unchanged(registry: Registry) -> None:
    registry.create_model("churn", description="who leaves", owners=["ann"])
    changed = registry.update_model("churn", owners=["bob"])
    assert (changed.description, changed.owners) == ("who leaves", ("bob",))
    assert registry.update_model("churn") == changed
    assert registry.events()[-1].body == {"owners": ["bob"]}
    assert registry.fsck().ok


def test_an_edit_of_a_models_description_shows(registry: Registry) -> None:
    registry.create_model("churn", description="who leaves")
    edit = "UPDATE pedigree.registered_model SET description = 'who stays'"
    registry.database.transaction(lambda transaction: transaction.execute(edit))
    assert registry.fsck().violated == ("events_replay",)


def test_an_invalid_name_and_a_missing_model_are_refused(registry: Registry) -> None:
    with pytest.raises(InvalidNameError):
        registry.create_model("a/b")
    with pytest.raises(ModelNotFoundError):
        registry.update_model("nobody", description="x")
