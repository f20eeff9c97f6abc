from pathlib import Path

import pytest

from pedigree.errors import InvalidMetadataError
from pedigree.registry import Registry
from tests.factories import free_policy, register
from tests.lifecycle.checks.conftest import Judge

CHECK = "no_regression"


@pytest.fixture
def champion(registry: Registry, tmp_path: Path) -> str:
    registry.set_policy("churn", free_policy())
    reference = register(registry, tmp_path, "good", metrics={"auc": 0.9, "mae": 2.0})
    registry.promote(reference, "production")
    return reference


@pytest.mark.parametrize(
    ("value", "tolerance", "passes"), [(0.9, 0, True), (0.89, 0, False), (0.89, 0.02, True)]
)
def test_more_may_be_better(
    registry: Registry,
    tmp_path: Path,
    champion: str,
    judge: Judge,
    value: float,
    tolerance: float,
    passes: bool,
) -> None:
    other = register(registry, tmp_path, "other", metrics={"auc": value, "mae": 9.0})
    verdict = judge(CHECK, other, metric="auc", tolerance=tolerance)
    assert verdict.passed is passes
    assert verdict.baseline_digest == registry.get(champion).digest


def test_less_may_be_better(
    registry: Registry, tmp_path: Path, champion: str, judge: Judge
) -> None:
    other = register(registry, tmp_path, "other", metrics={"auc": 0.1, "mae": 1.9})
    assert judge(CHECK, other, metric="mae", higher_is_better=False).passed
    assert not judge(CHECK, other, metric="mae").passed


def test_a_metric_that_is_not_there_fails_and_none_at_all_is_an_error(judge: Judge) -> None:
    assert judge(CHECK, metric="auc").summary == "churn/1 has no metric auc"
    with pytest.raises(InvalidMetadataError, match="names no metric to compare"):
        judge(CHECK)
