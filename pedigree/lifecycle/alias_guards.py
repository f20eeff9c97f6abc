"""Aliases that a policy guards: each names a version that holds the stage of the alias, or none.

The database refuses a change that would leave it otherwise (trigger ``alias_guarded``).
"""

from pedigree.catalog.names import twin_of
from pedigree.errors import GateNotPassedError, InvalidAliasError, InvalidPolicyError
from pedigree.lifecycle.pointer_names import held_names
from pedigree.lifecycle.records import NO_STAGE, Policy
from pedigree.lifecycle.store import ALIAS, holder, version_state
from pedigree.postgres.transaction import Transaction


def require_guard(policy: Policy, alias: str, reference: str, stage: str) -> None:
    """Refuse an alias for a version that does not hold the stage which guards the alias.

    Args:
        policy: The model's policy.
        alias: The alias.
        reference: The version.
        stage: The stage that it holds.

    Raises:
        InvalidAliasError: A guarded alias is spelled in another way.
        GateNotPassedError: The version does not hold the stage.
    """
    guarded = twin_of(alias, policy.aliases)
    if guarded is None:
        return
    if guarded != alias:
        raise InvalidAliasError(
            f"differs only by case or by the form of its characters from {guarded!r}, which the"
            " policy guards",
            field="alias",
            value=alias,
            remedy=f"Use {guarded!r}",
        )
    wanted = policy.aliases[guarded]
    if stage != wanted:
        held = "holds no stage" if stage == NO_STAGE else f"holds {stage}"
        raise GateNotPassedError(
            f"{reference} waits for: the stage {wanted}, which guards the alias; it {held}",
            field="alias",
            value=alias,
            remedy=f"`pedigree promote {reference} --to {wanted}` first",
        )


def held_by_guard(
    transaction: Transaction, model_id: int, policy: Policy, version: int, stage: str
) -> tuple[str, ...]:
    """Return the aliases that name a version and are guarded by its stage."""
    guarded = [alias for alias, guard in policy.aliases.items() if guard == stage]
    return tuple(alias for alias in guarded if _names(transaction, model_id, alias, version))


def require_guarded(
    transaction: Transaction, model_id: int, model_name: str, policy: Policy
) -> None:
    """Refuse a policy that guards an alias of a version which does not hold the stage.

    Args:
        transaction: Where to look.
        model_id: The model, locked.
        model_name: Its name.
        policy: Its new policy.

    Raises:
        InvalidPolicyError: An alias names such a version, or has another spelling.
    """
    held_aliases = held_names(transaction, model_id).aliases if policy.aliases else ()
    for alias, stage in policy.aliases.items():
        twin = twin_of(alias, held_aliases)
        if twin not in (None, alias):
            raise InvalidPolicyError(
                f"the alias {alias!r} differs only by case or form from the alias {twin!r}",
                field="policy.aliases",
                value=alias,
                remedy=f"Use {twin!r}, or delete that alias first",
            )
        present = holder(transaction, model_id, ALIAS, alias)
        if present is None:
            continue
        held = version_state(transaction, model_id, model_name, present.version).stage
        if held != stage:
            reference = f"{model_name}/{present.version}"
            raise InvalidPolicyError(
                f"the alias {alias!r} names {reference}, which does not hold {stage}",
                field="policy.aliases",
                value=alias,
                remedy=f"Promote {reference} to {stage}, or delete the alias first",
            )


def _names(transaction: Transaction, model_id: int, alias: str, version: int) -> bool:
    present = holder(transaction, model_id, ALIAS, alias)
    return present is not None and present.version == version
