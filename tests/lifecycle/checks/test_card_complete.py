import pytest

from pedigree.cards.completeness import card_fields
from pedigree.cards.records import CardNotes
from pedigree.errors import InvalidPolicyError
from pedigree.registry import Registry
from tests.lifecycle.checks.conftest import Judge

CHECK = "card_complete"


def test_a_percentage_of_the_card_must_be_provided(registry: Registry, judge: Judge) -> None:
    assert not judge(CHECK).passed
    assert judge(CHECK, percent=0).passed
    fields = ["license", "contact", "primary_uses", "description"]
    assert judge(CHECK, fields=fields).details["missing"] == fields
    registry.write_card("churn/1", CardNotes(license="mit", contact="ann", primary_uses="to call"))
    verdict = judge(CHECK, fields=fields)
    assert verdict.summary == (
        "75 % of the card is provided, 80 % are required; not provided: description"
    )
    assert judge(CHECK, fields=fields, percent=75).passed
    registry.update("churn/1", description="predicts churn")
    assert judge(CHECK, fields=fields, percent=100).passed


def test_every_field_that_people_may_fill_counts(registry: Registry, judge: Judge) -> None:
    fields = card_fields(registry.get("churn/1"), CardNotes())
    assert set(CardNotes.model_fields) < set(fields)
    assert judge(CHECK).details["counted"] == len(fields)


def test_an_unknown_card_field_is_an_invalid_policy(judge: Judge) -> None:
    with pytest.raises(InvalidPolicyError, match="is not a field of a model card"):
        judge(CHECK, fields=["nonsense"])
