"""Policies and people for the tests of gates and approvals."""

from pathlib import Path
from typing import Any

from pedigree.audit.records import Actor
from pedigree.lifecycle.records import Policy
from pedigree.registry import Registry
from tests.factories import register
from tests.fencing import edit_rows

ANN, BEN, EVE = (Actor(name=f"{name}@example.com", source="test") for name in ("ann", "ben", "eve"))


def policy_of(**production: Any) -> Policy:
    """Stages in which one check makes a version a candidate, and only production requires more."""
    return Policy.model_validate(
        {
            "stages": [
                {"name": "candidate", "after": ["none"], "checks": ["metadata_complete"]},
                {
                    "name": "production",
                    "after": ["candidate", "archived"],
                    "exclusive": True,
                    "automatic": True,
                    **production,
                },
                {"name": "archived", "after": ["none", "candidate", "production"]},
            ]
        }
    )


def candidate(registry: Registry, folder: Path, content: str = "a", **fields: Any) -> str:
    """Register a version and make it a candidate."""
    reference = register(registry, folder, content, **fields)
    registry.run_check(reference, "metadata_complete")
    assert registry.get(reference).stage == "candidate"
    return reference


def waits_for(registry: Registry, reference: str) -> tuple[str, ...]:
    """What a version waits for before production."""
    return registry.explain(reference, "production").waits_for


def let_time_pass(registry: Registry, reference: str, days: int) -> None:
    """Make everything about a version's stage and verdicts a number of days older."""
    version = registry.get(reference)
    for table, column in (("tenure", "held_since"), ("verdict", "at")):
        edit_rows(
            registry.database,
            f"UPDATE pedigree.{table} SET {column} = {column} - make_interval(days => %s)"
            " WHERE version = %s",
            [days, version.version_id],
        )
    for table in ("candidacy", "stage_request"):
        registry.database.transaction(
            lambda transaction, table=table: transaction.execute(
                f"UPDATE pedigree.{table}"
                " SET next_evaluation_at = next_evaluation_at - make_interval(days => %s)",
                [days],
            )
        )
