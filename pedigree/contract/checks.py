"""Checks and their verdicts on versions."""

from typing import Protocol

from pedigree.audit.records import Actor
from pedigree.lifecycle.records import CheckRule, RecordedVerdict, Verdict


class CheckContract(Protocol):
    """Checks and their verdicts on versions."""

    def run_check(
        self,
        reference: str,
        check: str,
        *,
        rule: CheckRule | None = None,
        run_id: str | None = None,
        actor: Actor | None = None,
    ) -> RecordedVerdict:
        """Run one of the registry's own checks on a version, and record its verdict.

        Args:
            reference: The version.
            check: The check's name.
            rule: By which settings it judges; those of the first stage that asks for it when None.
            run_id: The Dagster run that asks.
            actor: Who asks; found out when None.

        Raises:
            InvalidMetadataError: There is no such check.
            InvalidPolicyError: The check does not take the rule's settings.
            MissingDependencyError: What the check needs is not installed.
        """

    def rerun_check(
        self, reference: str, check: str, *, actor: Actor | None = None
    ) -> tuple[RecordedVerdict, ...]:
        """Run a check on a version, also on one older than the check, and show it in the graph.

        Where the Dagster instance that trained the version is within reach, each verdict appears
        there as an evaluation, without a run, of the version's own materialization.

        Returns:
            One verdict for each of the settings under which the policy's stages ask for it.

        Raises:
            InvalidMetadataError: There is no such check.
            MissingDependencyError: What the check needs is not installed.
        """

    def run_checks(self, reference: str) -> tuple[RecordedVerdict, ...]:
        """Run all the registry's checks for which the model's stages ask, by each one's settings.

        Raises:
            InvalidPolicyError: A check does not take the settings that the policy gives it.
            MissingDependencyError: What a check needs is not installed.
        """

    def judge(self, reference: str) -> tuple[RecordedVerdict, ...]:
        """Run all the registry's checks on a version, and draw the card that shows the verdicts.

        Raises:
            InvalidPolicyError: A check does not take the settings that the policy gives it.
            MissingDependencyError: What a check needs is not installed.
        """

    def record_verdict(
        self, reference: str, verdict: Verdict, *, actor: Actor | None = None
    ) -> RecordedVerdict:
        """Record what a check found; with all its checks passed a new version becomes a candidate.

        When it passes the last gate of what somebody asked for, the version enters that stage.

        Raises:
            InvalidMetadataError: The verdict is about other bytes than the version's.
        """

    def verdicts(self, reference: str) -> tuple[RecordedVerdict, ...]:
        """Return the newest verdict of each check on a version, by the check's name."""
