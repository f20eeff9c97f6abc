"""Verdicts that versions with the same bytes share: what is true of the bytes is judged once.

Shared are the verdicts of checks that read nothing of a version but its bytes: those of the
registry whose definition says so, if they passed, and the asset checks of users, which judge the
bytes that they loaded. A check that also reads metadata, lineage, metrics or the champion judges
each version itself.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from psycopg.types.json import Jsonb
from pydantic import JsonValue

from pedigree.artifacts.records import Digest
from pedigree.lifecycle.checks import CHECKS
from pedigree.lifecycle.gate_facts import ModelFacts
from pedigree.lifecycle.gates import is_aged, verdict_by
from pedigree.lifecycle.records import CheckRule, Policy, RecordedVerdict, Verdict
from pedigree.lifecycle.store import SQL
from pedigree.postgres.transaction import Transaction

SAME_BYTES_AS = "same_bytes_as"
"""The detail of a shared verdict that names the version on which the check ran."""


class JudgedBytes(NamedTuple):
    """What checks found on the bytes of a version, by its number."""

    model: ModelFacts
    verdicts: Mapping[int, Sequence[RecordedVerdict]]

    def has(self, version: int, rule: CheckRule) -> bool:
        """Return whether a version has a valid verdict of its own that would be shared."""
        return self._valid(rule, self.verdicts.get(version, ())) is not None

    def shared(self, rule: CheckRule) -> Verdict | None:
        """Return the newest verdict by a rule on any version, as another version records it."""
        found = {
            number: verdict
            for number, verdicts in self.verdicts.items()
            if (verdict := self._valid(rule, verdicts)) is not None
        }
        if not found:
            return None
        number = max(found, key=lambda each: found[each].at)
        return shared_as(found[number], f"{self.model.name}/{number}")

    def lacking(self, version: int) -> tuple[Verdict, ...]:
        """Return the shared verdicts that a version does not have yet, in the policy's order."""
        policy = self.model.policy
        names = dict.fromkeys(rule.name for rule in policy.checks)
        rules = [rule for name in names for rule in policy.check_rules(name)]
        wanted = [rule for rule in rules if not self.has(version, rule)]
        shared = [verdict for rule in wanted if (verdict := self.shared(rule)) is not None]
        # One without settings, as of an asset check, counts for all rules of its check.
        return tuple({(each.check, str(each.settings)): each for each in shared}.values())

    def _valid(
        self, rule: CheckRule, verdicts: Sequence[RecordedVerdict]
    ) -> RecordedVerdict | None:
        verdict = verdict_by(rule, verdicts)
        if verdict is None or not is_of_bytes(rule.name) or is_aged(verdict, rule, self.model.at):
            return None
        return verdict if verdict.passed or rule.name not in CHECKS else None


def is_of_bytes(check: str) -> bool:
    """Return whether the verdict of a check is true of the bytes, whichever version has them."""
    return check not in CHECKS or CHECKS[check].of_bytes


def shared_as(verdict: Verdict, reference: str) -> Verdict:
    """Return a verdict as another version with the same bytes records it.

    Args:
        verdict: The verdict.
        reference: The version on which the check ran.
    """
    details: dict[str, JsonValue] = {SAME_BYTES_AS: reference}
    if isinstance(verdict, RecordedVerdict):
        details["looked_at"] = verdict.looked_at.isoformat()
    elif "looked_at" in verdict.details:
        details["looked_at"] = verdict.details["looked_at"]
    known = {name: getattr(verdict, name) for name in Verdict.model_fields}
    summary = f"{verdict.summary} (judged as {reference}, which has the same bytes)"
    # The run judged the other version.
    return Verdict(**{**known, "summary": summary, "details": details, "run_id": None})


def judged_bytes(transaction: Transaction, model: ModelFacts, digest: Digest) -> JudgedBytes:
    """Return what checks of a model's policy found on some bytes, without shared verdicts."""
    values = {"model_id": model.model_id, "digest": digest, "rules": _rules(model.policy)}
    found: dict[int, list[RecordedVerdict]] = {}
    for row in transaction.execute(SQL["verdicts_of_bytes"], values).fetchall():
        found.setdefault(row.pop("version"), []).append(RecordedVerdict(**row))
    return JudgedBytes(model, found)


def _rules(policy: Policy) -> Jsonb:
    wanted = [rule for rule in policy.checks if is_of_bytes(rule.name)]
    return Jsonb([{"name": rule.name, "settings": rule.settings} for rule in wanted])
