"""Names and patterns of names, in which a star is the only wildcard."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedigree.access.patterns import is_one_of
from pedigree.access.records import Role
from pedigree.audit.records import Actor
from pedigree.delivery.records import Webhook
from pedigree.errors import GateNotPassedError, InvalidInputError, NotPermittedError
from pedigree.registry import Registry
from tests.factories import with_secret_key
from tests.lifecycle.deciding import candidate, policy_of

BOT, IMPOSTOR = (
    Actor(name=name, source="test") for name in ("github-actions[bot]", "github-actionst")
)
_TEXT = st.text(alphabet="ab*?[]!-^$.\\AB\n", max_size=8)


@given(name=_TEXT, pattern=_TEXT)
def test_a_star_matches_any_characters_and_nothing_else_is_special(name: str, pattern: str) -> None:
    parts = (re.escape(part) for part in pattern.casefold().split("*"))
    expected = re.fullmatch(".*".join(parts), name.casefold(), re.DOTALL) is not None
    assert is_one_of(name, [pattern]) == expected


@given(_TEXT)
def test_a_name_matches_itself(name: str) -> None:
    assert is_one_of(name, ["other", name])


def test_many_stars_take_no_longer_than_the_name() -> None:
    assert not is_one_of("a" * 10_000, ["*a" * 200 + "*b"])


def test_brackets_in_promoters_are_part_of_the_name(registry: Registry, tmp_path: Path) -> None:
    registry.set_policy("churn", policy_of(promoters=[BOT.name]))
    first, second = (candidate(registry, tmp_path, content) for content in "ab")
    with pytest.raises(GateNotPassedError, match="github-actionst may not"):
        registry.promote(first, "production", actor=IMPOSTOR)
    registry.promote(first, "production", actor=BOT)
    registry.promote(second, "production", actor=BOT)
    with pytest.raises(NotPermittedError):
        registry.rollback("churn", actor=IMPOSTOR)
    assert registry.rollback("churn", actor=BOT).version_id == 1


def test_brackets_in_approvers_are_part_of_the_name(registry: Registry, tmp_path: Path) -> None:
    registry.set_policy("churn", policy_of(approvals={"by": [BOT.name]}))
    reference = candidate(registry, tmp_path)
    with pytest.raises(NotPermittedError):
        registry.approve(reference, "production", comment="fine", actor=IMPOSTOR)
    registry.approve(reference, "production", comment="fine", actor=BOT)
    assert registry.explain(reference, "production").passed


def test_brackets_in_editors_are_part_of_the_name(registry: Registry) -> None:
    policy = policy_of().model_copy(update={"editors": (BOT.name,)})
    registry.set_policy("churn", policy)
    with pytest.raises(NotPermittedError):
        registry.set_policy("churn", policy_of(), actor=IMPOSTOR)
    assert registry.set_policy("churn", policy_of(), actor=BOT) == 2


def test_brackets_in_the_models_of_a_token_are_part_of_the_name(registry: Registry) -> None:
    token = registry.create_token("ci", roles=[Role.READER], models=["churn[eu]", "risk-?"]).token
    assert token.is_for("churn[eu]")
    assert token.is_for("risk-?")
    assert not token.is_for("churne")
    assert not token.is_for("risk-1")


def test_brackets_in_the_models_of_a_webhook_are_part_of_the_name(registry: Registry) -> None:
    telling = with_secret_key(registry)
    issued = telling.create_webhook("https://ci.example", models=["churn[eu]", "risk*"])
    for name in ("churn[eu]", "churne", "riskier"):
        telling.create_model(name)
    assert _wanted(issued.webhook, telling) == ["churn[eu]", "riskier"]
    for pattern in ("version.[c]reated", "version.create?", "[a-z]*"):
        with pytest.raises(InvalidInputError, match="matches no event type"):
            telling.create_webhook("https://ci.example", types=[pattern])


def _wanted(webhook: Webhook, registry: Registry) -> list[str | None]:
    return [event.model for event in registry.events() if webhook.wants(event)]
