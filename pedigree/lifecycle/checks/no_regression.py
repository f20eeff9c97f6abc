"""Check that a metric is not worse than in production."""

from pydantic import Field

from pedigree._record import Record
from pedigree.catalog.records import ModelVersion
from pedigree.errors import InvalidMetadataError
from pedigree.lifecycle.checks.base import Check, Evidence, Finding, details
from pedigree.lifecycle.policy import NO_REGRESSION
from pedigree.lifecycle.records import MetricRule, Policy


class RegressionSettings(Record):
    """The metric to compare; the policy's ``champion_metric`` if none is named."""

    metric: str | None = Field(default=None, min_length=1, description="The metric")
    higher_is_better: bool = Field(default=True, description="Its direction")
    tolerance: float = Field(
        default=0.0, ge=0, description="How much worse is still not a regression"
    )


def _judge(evidence: Evidence, version: ModelVersion, settings: RegressionSettings) -> Finding:
    rule = _rule(evidence, version, settings)
    champion = evidence.champion(version.model_name)
    passed, summary = _compare(rule, version, champion)
    return Finding(
        passed=passed,
        relative=True,
        digest_compared=champion.digest if champion else None,
        summary=summary,
        details=details(
            metric=rule.metric,
            value=version.metrics.get(rule.metric),
            champion=champion.reference if champion else None,
            champion_value=champion.metrics.get(rule.metric) if champion else None,
            tolerance=rule.tolerance,
            higher_is_better=rule.higher_is_better,
        ),
    )


def _filled(policy: Policy, settings: RegressionSettings) -> RegressionSettings:
    if settings.metric is not None or policy.champion_metric is None:
        return settings
    return RegressionSettings(**policy.champion_metric.model_dump())


def _rule(evidence: Evidence, version: ModelVersion, settings: RegressionSettings) -> MetricRule:
    settings = _filled(evidence.policy(version.model_name), settings)
    if settings.metric is None:
        raise InvalidMetadataError(
            f"the policy of {version.model_name} names no metric to compare",
            field="policy.champion_metric",
            remedy="Give the policy a champion_metric, or the check a metric in its settings",
        )
    return MetricRule(**settings.model_dump())


def _compare(
    rule: MetricRule, version: ModelVersion, champion: ModelVersion | None
) -> tuple[bool, str]:
    value = version.metrics.get(rule.metric)
    if value is None:
        return False, f"{version.reference} has no metric {rule.metric}"
    if champion is None:
        return True, f"{rule.metric} is {value:.6g}; there is no champion to compare with"
    if champion.digest is None:
        return (
            False,
            f"{champion.reference} has no digest, so its {rule.metric} is of unknown bytes",
        )
    before = champion.metrics.get(rule.metric)
    if before is None:
        return True, f"{rule.metric} is {value:.6g}; {champion.reference} did not record it"
    worse_by = before - value if rule.higher_is_better else value - before
    passed = worse_by <= rule.tolerance
    verb = "is not worse than" if passed else "is worse than"
    return passed, (
        f"{rule.metric} {value:.6g} {verb} the {before:.6g} of {champion.reference}"
        f" (tolerance {rule.tolerance:g})"
    )


CHECK = Check(
    name=NO_REGRESSION,
    asks="A metric is not worse than that of the production version, within a tolerance",
    judge=_judge,
    settings=RegressionSettings,
    relative=True,
    filled=_filled,
)
