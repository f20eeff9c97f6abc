"""Checks and their verdicts on versions."""

from typing import Protocol

from pedigree._record import PAGE
from pedigree._values import Key
from pedigree.audit.records import Actor
from pedigree.lifecycle.records import CheckRule, RecordedVerdict, Verdict


class CheckContract(Protocol):
    """Checks and their verdicts on versions."""

    def run_check(
        self,
        reference: str,
        check: Key,
        *,
        rule: CheckRule | None = None,
        run_id: Key | None = None,
        actor: Actor | None = None,
    ) -> RecordedVerdict:
        """Run one of the registry's own checks on a version, and record its verdict.

        Args:
            reference: The version.
            check: The check's name.
            rule: The check's settings; those of the first stage that requires the check when None.
            run_id: The Dagster run that runs the check.
            actor: Who runs it; this process's actor when None.

        Raises:
            InvalidMetadataError: There is no such check.
            InvalidPolicyError: The check does not accept the rule's settings.
            MissingDependencyError: A library that the check needs is not installed.
        """

    def rerun_check(
        self, reference: str, check: Key, *, actor: Actor | None = None
    ) -> tuple[RecordedVerdict, ...]:
        """Run a check on a version, also on one older than the check, and show it in Dagster.

        If the Dagster instance that trained the version is reachable, each verdict appears there,
        without a run, as a check evaluation of the version's own materialization.

        Returns:
            One verdict for each of the settings with which the policy's stages require the check.

        Raises:
            InvalidMetadataError: There is no such check.
            MissingDependencyError: A library that the check needs is not installed.
        """

    def run_checks(self, reference: str) -> tuple[RecordedVerdict, ...]:
        """Run all the registry's checks that the model's stages require, each with its settings.

        Raises:
            InvalidPolicyError: A check does not accept the policy's settings.
            MissingDependencyError: A library that a check needs is not installed.
        """

    def judge(self, reference: str) -> tuple[RecordedVerdict, ...]:
        """Run all the registry's checks on a version, and render the card that shows the verdicts.

        Raises:
            InvalidPolicyError: A check does not accept the policy's settings.
            MissingDependencyError: A library that a check needs is not installed.
        """

    def record_verdict(
        self, reference: str, verdict: Verdict, *, actor: Actor | None = None
    ) -> RecordedVerdict:
        """Record a check's verdict; a new version with all checks passed becomes a candidate.

        When it passes the last gate of an open request, the version enters that stage.

        Raises:
            InvalidMetadataError: The verdict is about bytes that are not the version's.
        """

    def verdicts(
        self, reference: str, *, limit: int = PAGE, after: int | None = None
    ) -> tuple[RecordedVerdict, ...]:
        """Return a page of the newest verdicts of each check on a version, by the check's name.

        A check that stages require with several settings has one verdict for each of them.

        Args:
            reference: The version.
            limit: How many at most.
            after: The last ``verdict_id`` of the previous page.
        """
