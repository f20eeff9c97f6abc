"""Rows that the code wrote before the naming rule for stages and aliases."""

from typing import Any

from psycopg.types.json import Jsonb

from pedigree.registry import Registry


def staged(*names: str) -> dict[str, Any]:
    """Stages that ask for nothing, each entered from all others."""
    stages = [
        {"name": name, "after": ["none", *(each for each in names if each != name)]}
        for name in names
    ]
    return {"stages": stages}


def give_stored_policy(registry: Registry, name: str, policy: dict[str, Any]) -> None:
    """Give a model a policy as the code of before the rule for names kept it."""
    registry.database.transaction(
        lambda transaction: transaction.execute(
            "UPDATE pedigree.registered_model SET policy = %s WHERE name = %s",
            [Jsonb(policy), name],
        )
    )


def hold_as_before(registry: Registry, version: int, pointer: str, name: str) -> None:
    """Let a version hold a stage or an alias that the code of before let it hold."""
    registry.database.transaction(
        lambda transaction: transaction.execute(
            "INSERT INTO pedigree.tenure"
            " (model_id, version, pointer, name, exclusive, held_since, moved_by)"
            " SELECT model_id, %s, %s, %s, false, created_at, 'before'"
            " FROM pedigree.registered_model",
            [version, pointer, name],
        )
    )
