"""Keep a model's stages, aliases and the reserved words distinct, under the model's lock.

Names are equivalent if their :func:`pedigree.catalog.names.name_key` is equal. Names from before
this rule stay, as migration 0035 states: they can be read and left, but not used for new pointers.
"""

from collections.abc import Mapping
from typing import NamedTuple

from pedigree.catalog.names import found_in, name_key, twin_of, validate_alias
from pedigree.errors import (
    AliasNotFoundError,
    InvalidAliasError,
    InvalidPolicyError,
    TransitionNotAllowedError,
)
from pedigree.lifecycle.records import ARCHIVED, Policy
from pedigree.lifecycle.stage_names import stage_problem
from pedigree.lifecycle.store import ALIAS, SQL, STAGE
from pedigree.postgres.together import Question
from pedigree.postgres.transaction import Transaction

MOST_ALIASES = 1000
"""The most aliases of a model: the record of a model has all of them."""


class HeldNames(NamedTuple):
    """The stages and aliases that versions of a model hold now."""

    stages: Mapping[str, int]
    """The highest version that holds each stage."""
    aliases: tuple[str, ...]


def held_names(transaction: Transaction, model_id: int) -> HeldNames:
    """Read which stages and aliases versions of a model hold."""
    asked = held_names_question(model_id)
    rows = transaction.execute(asked.query, asked.params).fetchall()
    stages = {row["name"]: row["version"] for row in rows if row["pointer"] == STAGE}
    return HeldNames(stages, tuple(row["name"] for row in rows if row["pointer"] == ALIAS))


def held_names_question(model_id: int) -> Question:
    """Return what :func:`held_names` asks."""
    return Question(SQL["held_pointers"], {"model_id": model_id})


def require_new_alias(transaction: Transaction, model_id: int, alias: str, policy: Policy) -> None:
    """Refuse an alias that breaks the rule, names a stage, is equivalent to another, or too many.

    Raises:
        InvalidAliasError: One of these is the case.
    """
    held = held_names(transaction, model_id)
    # The registry archives versions even if the policy does not declare that stage.
    stages = [*(rule.name for rule in policy.stages), ARCHIVED] if policy.stages else []
    validate_alias(alias, [*stages, *held.stages])
    if alias not in held.aliases and len(held.aliases) >= MOST_ALIASES:
        raise InvalidAliasError(
            f"is one too many: the model has {len(held.aliases):,}, and may have {MOST_ALIASES:,}",
            field="alias",
            value=alias,
            remedy="Delete one that is not in use, or use a tag",
        )
    twin = twin_of(alias, held.aliases)
    if twin not in (None, alias):
        raise InvalidAliasError(
            f"differs only by case or by the form of its characters from the alias {twin!r}",
            field="alias",
            value=alias,
            remedy=f"Use {twin!r}, or delete that one first",
        )


def held_alias(transaction: Transaction, model_id: int, model_name: str, alias: str) -> str:
    """Return an alias in its stored spelling.

    Raises:
        AliasNotFoundError: The model has no such alias, in any case.
    """
    found = found_in(alias, held_names(transaction, model_id).aliases)
    if found is None:
        raise AliasNotFoundError(
            f"{model_name} has no such alias",
            field="alias",
            value=alias,
            remedy=f"`pedigree alias list {model_name}` lists its aliases",
        )
    return found


def require_no_alias(held: HeldNames, model_name: str, stage: str) -> None:
    """Refuse a transition into a stage while an alias has its name.

    Raises:
        TransitionNotAllowedError: An alias has its name.
    """
    alias = twin_of(stage, held.aliases)
    if alias is not None:
        raise TransitionNotAllowedError(
            f"the alias {alias!r} has the stage's name, so a reference to it would be ambiguous",
            field="stage",
            value=stage,
            remedy=f"`pedigree alias delete {model_name} {alias}` first",
        )


def require_policy(
    transaction: Transaction, model_id: int, model_name: str, present: Policy, policy: Policy
) -> None:
    """Refuse a policy with invalid names of new stages, or one that strands a version.

    Args:
        transaction: Where to look.
        model_id: The model.
        model_name: Its name.
        present: Its present policy.
        policy: Its new policy. Existing stages may stay.

    Raises:
        InvalidPolicyError: A new stage breaks the rule for names or has the name of an alias; or
            versions hold a stage that they could never leave, since it or each transition from it
            is dropped.
    """
    known, names = ([rule.name for rule in each.stages] for each in (present, policy))
    held = held_names(transaction, model_id)
    for name in names:
        if name not in known and (problem := _problem(name, names, held)):
            raise InvalidPolicyError(
                f"the stage {name!r} {problem}",
                field="policy.stages",
                value=name,
                remedy="Choose another name for the stage",
            )
    dropped = set(known) - set(names)
    shut = set(names) - _that_can_be_left(policy) - (set(known) - _that_can_be_left(present))
    stranded = (dropped | shut).intersection(held.stages) - {ARCHIVED}  # where versions rest
    if stranded:
        references = [f"{model_name}/{held.stages[name]} in {name}" for name in sorted(stranded)]
        raise InvalidPolicyError(
            f"versions hold stages that they could never leave: {', '.join(references)}",
            field="policy.stages",
            value=", ".join(names),
            remedy="Keep the stage and a way out of it, or promote the versions that hold it first",
        )


def _that_can_be_left(policy: Policy) -> set[str]:
    """Return the stages that another stage or none follows, or that the next holder takes over."""
    if policy.back_to_none:
        return {rule.name for rule in policy.stages}
    followed = {stage for rule in policy.stages for stage in rule.after}
    return followed | {rule.name for rule in policy.stages if rule.exclusive}


def _problem(name: str, names: list[str], held: HeldNames) -> str | None:
    if problem := stage_problem(name):
        return problem
    if sum(name_key(each) == name_key(name) for each in names) > 1:
        return "is another stage's name in another case or form"
    alias = twin_of(name, held.aliases)
    return f"has the name of the alias {alias!r}" if alias is not None else None
