"""The definition of a check: a name, its settings, and the function that checks a version."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pydantic import Field, JsonValue, ValidationError

from pedigree._record import Record
from pedigree.artifacts.records import Digest, Manifest
from pedigree.artifacts.scan import FileScan
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.sealed import sealed_digest
from pedigree.datasets.records import DataState, KeptDatasheet, RecordedDataVerdict
from pedigree.errors import InvalidPolicyError
from pedigree.evaluation.records import KeptEvaluation
from pedigree.lifecycle.records import CheckRule, Policy, Severity, Verdict
from pedigree.lineage.records import LineageGraph


class Evidence(Protocol):
    """The data that a check may read; the registry implements it."""

    def champion(self, name: str) -> ModelVersion | None:
        """Return production's holder."""

    def policy(self, name: str) -> Policy:
        """Return the model's policy."""

    def verify(self, reference: str) -> Manifest:
        """Read every byte of a version again, and compare its digests."""

    def folder(self, reference: str) -> Path:
        """Return a folder with a version's files, for reading."""

    def scanned(self, reference: str, allow: Collection[str]) -> tuple[FileScan, ...]:
        """Scan a version's files for code, without loading them."""

    def lineage(self, reference: str) -> LineageGraph:
        """Return the lineage of a version's training."""

    def datasheets(self, assets: Collection[str]) -> Mapping[str, KeptDatasheet]:
        """Return the datasheets of some assets; assets without one are omitted."""

    def data_verdicts(
        self, states: Sequence[DataState], *, limit: int, after: int
    ) -> tuple[RecordedDataVerdict, ...]:
        """Return the verdicts of checks on some exact states of data."""

    def evaluation(self, reference: str) -> KeptEvaluation | None:
        """Return the metrics of a version by group, if known."""

    def card_fields(self, reference: str) -> Mapping[str, bool]:
        """Return for each field of a version's model card whether it is provided."""


class NoSettings(Record):
    """The settings of a check without settings."""


class Finding(Record):
    """The result of a check; with the check's name and the digest it is a verdict."""

    passed: bool
    summary: str
    severity: Severity = Severity.ERROR
    digest_compared: Digest | None = None
    relative: bool = False
    details: dict[str, JsonValue] = Field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Check:
    """One of the registry's checks.

    Args:
        name: The name that a policy uses for it.
        asks: The requirement, as a sentence.
        judge: Checks a version; receives the evidence, the version and the settings.
        settings: The record of its settings.
        relative: Its verdict depends on the champion, and becomes void when the champion changes.
        of_bytes: It reads nothing of a version but its bytes, so versions with the same bytes share
            a verdict that it passed.
        filled: Completes its settings from a model's policy.
        extra: The extra that it needs besides the registry itself.
    """

    name: str
    asks: str
    judge: Callable[[Evidence, ModelVersion, Any], Finding]
    settings: type[Record] = NoSettings
    relative: bool = False
    of_bytes: bool = False
    filled: Callable[[Policy, Any], Record] = lambda _, settings: settings
    extra: str | None = None

    def verdict(self, evidence: Evidence, version: ModelVersion, rule: CheckRule) -> Verdict:
        """Return the verdict on a version by a rule.

        Raises:
            InvalidPolicyError: The check does not accept the rule's settings.
            MissingDependencyError: A library that the check needs is not installed.
            NotSealedError: The version has no digest that the verdict could be about.
        """
        digest = sealed_digest(version)
        found = self.judge(evidence, version, self.read(rule.settings))
        return Verdict(
            check=self.name,
            passed=found.passed,
            severity=found.severity,
            digest=digest,
            relative=found.relative,
            baseline_digest=found.digest_compared,
            settings=rule.settings,
            summary=found.summary,
            details=found.details,
        )

    def read(self, settings: Mapping[str, JsonValue]) -> Record:
        """Return settings as the check's record.

        Raises:
            InvalidPolicyError: The check does not accept them.
        """
        try:
            return self.settings.model_validate(settings)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"]))
            known = ", ".join(self.settings.model_fields) or "none"
            raise InvalidPolicyError(
                first["msg"].removeprefix("Value error, "),
                field=f"checks.{self.name}.settings{'.' if place else ''}{place}",
                value=first["input"],
                remedy=f"The settings of {self.name} are: {known}",
            ) from error


def details(**found: JsonValue) -> dict[str, JsonValue]:
    """Return the details of a verdict."""
    return found


def listed(words: Sequence[str], shown: int = 5) -> str:
    """Return a list for a summary, shortened to the first few items.

    >>> listed(["a", "b", "c"], shown=2)
    'a, b and 1 more'
    """
    more = len(words) - shown
    return ", ".join(words[:shown]) + (f" and {more} more" if more > 0 else "")
