"""The checks that need nothing but the registry: what they look at and how they judge.

Each returns a verdict on exactly the version's digest. Dagster's asset checks call them, and so can
anybody else; the gates ask for the verdict, never for the colour of a run.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol

from pydantic import JsonValue

from pedigree.artifacts.records import Manifest
from pedigree.catalog.records import ModelMetadata, ModelVersion
from pedigree.errors import CorruptionError, InvalidMetadataError
from pedigree.lifecycle.policy import (
    ARTIFACT_INTACT,
    METADATA_COMPLETE,
    NO_REGRESSION,
    SIGNATURE_COMPATIBLE,
)
from pedigree.lifecycle.records import MetricRule, Policy, Severity, Verdict
from pedigree.signatures.compare import breaking_changes

# Recommended metadata whose absence is worth a warning at registration.
RECOMMENDED = (
    "training_data_digest",
    "environment_hash",
    "metrics",
    "description",
    "owners",
    "model_card_uri",
)


class Evidence(Protocol):
    """What a check may look at; the registry is one."""

    def champion(self, name: str) -> ModelVersion | None:
        """Return production's holder."""

    def policy(self, name: str) -> Policy:
        """Return the model's policy."""

    def verify(self, reference: str) -> Manifest:
        """Read every byte of a version again, and compare its digests."""


def metadata_complete(_: Evidence, version: ModelVersion) -> Verdict:
    """Every required field is there (always an error) and the recommended ones (a warning)."""
    values = version.model_dump()
    required = [name for name, field in ModelMetadata.model_fields.items() if field.is_required()]
    missing = [name for name in required if values[name] in (None, "", ())]
    advised = [name for name in RECOMMENDED if not values[name]]
    absent = missing or advised
    return Verdict(
        check=METADATA_COMPLETE,
        passed=not absent,
        severity=Severity.ERROR if missing else Severity.WARN,
        digest=version.digest,
        summary=f"not provided: {', '.join(absent)}"
        if absent
        else "all required and recommended metadata is there",
        details=_details(missing=list(missing), advised=list(advised)),
    )


def signature_compatible(evidence: Evidence, version: ModelVersion) -> Verdict:
    """Whoever calls the champion can call this version the same way."""
    champion = evidence.champion(version.model_name)
    changes = breaking_changes(champion.signature, version.signature) if champion else ()
    return Verdict(
        check=SIGNATURE_COMPATIBLE,
        passed=not changes,
        digest=version.digest,
        relative=True,
        baseline_digest=champion.digest if champion else None,
        summary="; ".join(changes)
        or (
            f"callers of {champion.reference} can call it the same way"
            if champion
            else "there is no champion to be compatible with"
        ),
        details=_details(champion=champion.reference if champion else None, changes=list(changes)),
    )


def artifact_intact(evidence: Evidence, version: ModelVersion) -> Verdict:
    """Every file is in the store, and its bytes are those that were registered."""
    try:
        manifest = evidence.verify(version.reference)
    except CorruptionError as error:
        return Verdict(
            check=ARTIFACT_INTACT,
            passed=False,
            digest=version.digest,
            summary=str(error),
            details={},
        )
    count = len(manifest.files)
    files = "one file" if count == 1 else f"{count} files"
    return Verdict(
        check=ARTIFACT_INTACT,
        passed=True,
        digest=version.digest,
        summary=f"{files}, {manifest.size} bytes, every digest right",
        details=_details(files=count, bytes=manifest.size),
    )


def no_regression(evidence: Evidence, version: ModelVersion) -> Verdict:
    """The policy's metric is not worse than the champion's by more than its tolerance."""
    rule = evidence.policy(version.model_name).champion_metric
    if rule is None:
        raise InvalidMetadataError(
            f"the policy of {version.model_name} names no metric to compare",
            field="policy.champion_metric",
            remedy="Give the model a policy with a champion_metric",
        )
    champion = evidence.champion(version.model_name)
    passed, summary = _compare(rule, version, champion)
    return Verdict(
        check=NO_REGRESSION,
        passed=passed,
        digest=version.digest,
        relative=True,
        baseline_digest=champion.digest if champion else None,
        summary=summary,
        details=_details(
            metric=rule.metric,
            value=version.metrics.get(rule.metric),
            champion=champion.reference if champion else None,
            champion_value=champion.metrics.get(rule.metric) if champion else None,
            tolerance=rule.tolerance,
            higher_is_better=rule.higher_is_better,
        ),
    )


def _compare(
    rule: MetricRule, version: ModelVersion, champion: ModelVersion | None
) -> tuple[bool, str]:
    value = version.metrics.get(rule.metric)
    if value is None:
        return False, f"{version.reference} has no metric {rule.metric}"
    if champion is None:
        return True, f"{rule.metric} is {value:.6g}; there is no champion to fall behind"
    before = champion.metrics.get(rule.metric)
    if before is None:
        return True, f"{rule.metric} is {value:.6g}; {champion.reference} did not record it"
    worse_by = before - value if rule.higher_is_better else value - before
    passed = worse_by <= rule.tolerance
    verb = "keeps up with" if passed else "falls behind"
    return passed, (
        f"{rule.metric} {value:.6g} {verb} the {before:.6g} of {champion.reference}"
        f" (tolerance {rule.tolerance:g})"
    )


def _details(**details: JsonValue) -> dict[str, JsonValue]:
    return details


CHECKS: Mapping[str, Callable[[Evidence, ModelVersion], Verdict]] = MappingProxyType(
    {
        METADATA_COMPLETE: metadata_complete,
        SIGNATURE_COMPATIBLE: signature_compatible,
        ARTIFACT_INTACT: artifact_intact,
        NO_REGRESSION: no_regression,
    }
)
