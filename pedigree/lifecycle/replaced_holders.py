"""Which versions leave a stage when another one enters it."""

from pedigree.errors import TransitionNotAllowedError
from pedigree.lifecycle.records import ARCHIVED, Policy, StageRule
from pedigree.lifecycle.store import STAGE, Holder, holder, holders
from pedigree.lifecycle.transition_errors import next_step
from pedigree.postgres.transaction import Transaction


def replaced(transaction: Transaction, model_id: int, rule: StageRule) -> tuple[Holder, ...]:
    """Return the holder of an exclusive stage, whose place the next one takes."""
    present = holder(transaction, model_id, STAGE, rule.name) if rule.exclusive else None
    return () if present is None else (present,)


def others_to_archive(
    transaction: Transaction, model_id: int, policy: Policy, rule: StageRule, version: int
) -> tuple[Holder, ...]:
    """Return the other holders of a stage, the one that entered it last at the end.

    Args:
        transaction: Where to read.
        model_id: The model.
        policy: Its policy.
        rule: The rule of the stage.
        version: The version that stays in the stage, or enters it.

    Raises:
        TransitionNotAllowedError: The policy has no transition from the stage into the archive.
    """
    archive = policy.rule(ARCHIVED)
    if archive is None or rule.name not in archive.after:
        raise TransitionNotAllowedError(
            f"the model's policy has no transition from {rule.name} into {ARCHIVED}",
            field="archive_existing",
            value=True,
            remedy=next_step(policy, rule.name),
        )
    found = holders(transaction, model_id, rule.name)
    return tuple(each for each in found if each.version != version)
