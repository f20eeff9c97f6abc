"""What a check is: a name, the settings that it takes, and how it judges a version."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pydantic import Field, JsonValue, ValidationError

from pedigree._record import Record
from pedigree.artifacts.records import Digest, Manifest
from pedigree.catalog.records import ModelVersion
from pedigree.datasets.records import DataState, KeptDatasheet, RecordedDataVerdict
from pedigree.errors import InvalidPolicyError
from pedigree.evaluation.records import KeptEvaluation
from pedigree.lifecycle.records import CheckRule, Policy, Severity, Verdict
from pedigree.lineage.records import LineageGraph


class Evidence(Protocol):
    """What a check may look at; the registry is one."""

    def champion(self, name: str) -> ModelVersion | None:
        """Return production's holder."""

    def policy(self, name: str) -> Policy:
        """Return the model's policy."""

    def verify(self, reference: str) -> Manifest:
        """Read every byte of a version again, and compare its digests."""

    def folder(self, reference: str) -> Path:
        """Return a folder with a version's files, to be read."""

    def lineage(self, reference: str) -> LineageGraph:
        """Return what a version was trained on."""

    def datasheets(self, assets: Collection[str]) -> Mapping[str, KeptDatasheet]:
        """Return the datasheets of some assets; those without one are left out."""

    def data_verdicts(self, states: Sequence[DataState]) -> tuple[RecordedDataVerdict, ...]:
        """Return what checks found on exactly some states of data."""

    def evaluation(self, reference: str) -> KeptEvaluation | None:
        """Return how a version did by group, if that is known."""

    def card_fields(self, reference: str) -> Mapping[str, bool]:
        """Say of each field of a version's model card whether it is provided."""


class NoSettings(Record):
    """The settings of a check that takes none."""


class Finding(Record):
    """What a check found; with its name and the digest it is a verdict."""

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
        name: By which a policy asks for it.
        asks: What must hold, as a sentence.
        judge: Looks at a version; it is given the evidence, the version and the settings.
        settings: The record of its settings.
        relative: Its verdict depends on the champion, and is void when that changes.
        filled: Takes from a model's policy what its settings leave open.
        extra: What must be installed for it beside the registry itself.
    """

    name: str
    asks: str
    judge: Callable[[Evidence, ModelVersion, Any], Finding]
    settings: type[Record] = NoSettings
    relative: bool = False
    filled: Callable[[Policy, Any], Record] = lambda _, settings: settings
    extra: str | None = None

    def verdict(self, evidence: Evidence, version: ModelVersion, rule: CheckRule) -> Verdict:
        """Judge a version by a rule.

        Raises:
            InvalidPolicyError: The check does not take the rule's settings.
            MissingDependencyError: What the check needs is not installed.
        """
        found = self.judge(evidence, version, self.read(rule.settings))
        return Verdict(
            check=self.name,
            passed=found.passed,
            severity=found.severity,
            digest=version.digest,
            relative=found.relative,
            baseline_digest=found.digest_compared,
            settings=rule.settings,
            summary=found.summary,
            details=found.details,
        )

    def read(self, settings: Mapping[str, JsonValue]) -> Record:
        """Return settings as the check's record.

        Raises:
            InvalidPolicyError: The check does not take them.
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
    """Return what a verdict says beside its summary."""
    return found


def listed(words: Sequence[str], shown: int = 5) -> str:
    """Return a list for a summary, of which the first few are named.

    >>> listed(["a", "b", "c"], shown=2)
    'a, b and 1 more'
    """
    more = len(words) - shown
    return ", ".join(words[:shown]) + (f" and {more} more" if more > 0 else "")
