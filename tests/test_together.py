"""Several verbs in one transaction."""

from pathlib import Path

import pytest

from pedigree.audit.records import Actor
from pedigree.cards.records import ModelCard
from pedigree.errors import AliasNotFoundError, NameTakenError
from pedigree.registry import Registry
from tests.factories import free_policy, in_one_transaction, register


def test_the_writes_of_verbs_in_one_transaction_are_atomic(registry: Registry) -> None:
    def work(joined: Registry) -> None:
        joined.create_model("a")
        assert joined.model("a").latest_version == 0
        joined.delete_alias("a", "champion")

    with pytest.raises(AliasNotFoundError):
        in_one_transaction(registry, work)
    assert registry.models() == ()
    assert registry.events() == ()


def test_a_refused_verb_writes_nothing_and_the_others_continue(registry: Registry) -> None:
    def work(joined: Registry) -> None:
        joined.create_model("a")
        with pytest.raises(NameTakenError):
            joined.create_model("A")
        joined.create_model("b")

    in_one_transaction(registry, work)
    assert [model.name for model in registry.models()] == ["a", "b"]


def test_a_card_that_is_read_in_between_is_current_and_kept_once_all_is_written(
    registry: Registry, tmp_path: Path
) -> None:
    reference = register(registry, tmp_path)
    registry.set_policy("churn", free_policy())
    registry.write_card(reference)
    before = registry.card(reference).digest

    def work(joined: Registry) -> ModelCard:
        joined.promote(reference, "staging")
        return joined.card(reference)

    between = in_one_transaction(registry, work)
    assert between.location is None
    assert "Now: stage staging" in between.markdown
    assert registry.get(reference).model_card_uri == f"pedigree://blobs/{before}"
    assert registry.card(reference).digest == between.digest


def test_another_principal_may_use_the_same_connections(registry: Registry) -> None:
    ann = registry.acting_as(Actor(name="ann", source="token"))
    assert ann.create_model("a").created_by == "ann"
    assert registry.create_model("b").created_by == "tester"
