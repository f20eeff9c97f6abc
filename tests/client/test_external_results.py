"""External results are stored and read alike in this process and over HTTP."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pedigree.access.records import Role
from pedigree.audit.event_types import EventType
from pedigree.datasets.records import DataState, DataVerdict
from pedigree.errors import InvalidMetadataError, NotFoundError, NotPermittedError
from pedigree.evaluation.records import Evaluation, GroupResult, Slice, Task
from pedigree.lifecycle.records import Verdict
from pedigree.monitoring.profile import profile
from pedigree.monitoring.records import Expectations
from pedigree.registry import Registry
from tests.factories import register
from tests.server.conftest import Served

RANDOM = np.random.default_rng(11)
TRAINING = pd.DataFrame({"age": RANDOM.normal(40, 10, 500)})
OLDER = TRAINING + 15


@pytest.fixture
def reference(registry: Registry, tmp_path: Path, name: str) -> str:
    return register(registry, tmp_path, "a", name)


def test_an_external_verdict_is_stored(registry: Registry, reference: str) -> None:
    digest = registry.get(reference).digest
    found = Verdict(check="red_team", passed=False, digest=digest, summary="it leaks", run_id="ci")
    kept = registry.record_verdict(reference, found)
    assert (kept.summary, kept.recorded_by) == ("it leaks", "tester")
    assert kept in registry.verdicts(reference)
    other = found.model_copy(update={"digest": f"sha256:{'0' * 64}"})
    with pytest.raises(InvalidMetadataError, match="other bytes"):
        registry.record_verdict(reference, other)


def test_the_service_accepts_no_external_verdicts_of_its_own_checks(
    connect, tmp_path: Path, name
) -> None:
    registry = connect(Role.CONTRIBUTOR)
    reference = register(registry, tmp_path, "a", name)
    digest = registry.get(reference).digest
    forged = Verdict(check="artifact_intact", passed=True, digest=digest, summary="trust me")
    with pytest.raises(NotPermittedError, match="accepts no verdict from outside"):
        registry.record_verdict(reference, forged)


def test_an_evaluation_by_group_is_kept(registry: Registry, reference: str) -> None:
    assert registry.evaluation(reference) is None
    young = GroupResult(group="young", count=10, metrics={"accuracy": 0.8})
    found = Evaluation(
        task=Task.BINARY,
        overall=GroupResult(group="overall", count=20, metrics={"accuracy": 0.9}),
        slices=(Slice(name="age", groups=(young,)),),
    )
    registry.set_evaluation(reference, found)
    kept = registry.evaluation(reference)
    assert kept is not None
    assert (kept.revision, kept.slice("age"), kept.reference) == (1, found.slices[0], reference)


def test_data_is_compared_with_the_training_data_of_a_version(
    registry: Registry, reference: str, name: str
) -> None:
    with pytest.raises(NotFoundError, match="no profile"):
        registry.measure_drift(reference, OLDER, asset="customers")
    baseline = profile(TRAINING)
    registry.keep_profile(reference, baseline)
    assert registry.profile(reference) == baseline
    suite = Expectations(suite="customers", passed=True, met=3, total=3)
    measured = registry.measure_drift(
        reference, OLDER, asset="customers", partition="June", expectations=[suite], run_id="ci-7"
    )
    assert (measured.drifted, measured.expectations) == (True, (suite,))
    assert registry.drift_result(measured.drift_id) == measured
    assert registry.drift(reference) == registry.drift(reference, "customers") == (measured,)
    assert registry.drift(reference, "orders") == ()
    assert reference in registry.drift_report_text(measured.drift_id, markdown=True)
    assert "<html" in registry.drift_report_text(measured.drift_id)
    assert registry.alert_drift(measured.drift_id)
    assert not registry.alert_drift(measured.drift_id)
    recorded = registry.events(model=name, types=[EventType.VERSION_DRIFT_DETECTED])
    assert [each.body["partition"] for each in recorded] == ["June"]
    with pytest.raises(NotFoundError, match="no such result"):
        registry.drift_report_text(10**9)


def test_verdicts_on_data_are_kept_by_its_state(registry: Registry, name: str) -> None:
    state = DataState(asset=name, partition="June", data_version="3f2a")
    found = DataVerdict(**dict(state), check="no nulls", passed=True, summary="all filled")
    kept = registry.record_data_verdict(found)
    other = state.model_copy(update={"partition": "July"})
    assert registry.data_verdicts([other, state]) == (kept,)
    assert registry.data_verdicts([other]) == registry.data_verdicts([]) == ()


def test_the_drift_of_a_model_is_hidden_without_permission_to_read_it(
    served: Served, tmp_path: Path, name: str
) -> None:
    reference = register(served.registry, tmp_path, "a", name)
    served.registry.keep_profile(reference, profile(TRAINING))
    measured = served.registry.measure_drift(reference, OLDER, asset="customers")
    stranger = served.client(Role.READER, Role.DEPLOYER, models=("other*",))
    path = f"/drift/{measured.drift_id}"
    asked = (
        stranger.get(path),
        stranger.get(f"{path}/report"),
        stranger.post(f"{path}/alert"),
    )
    assert [each.status_code for each in asked] == [403, 403, 403]
    report = served.client(Role.READER, models=(name,)).get(f"{path}/report")
    assert report.headers["content-security-policy"].endswith("; sandbox")


def test_a_number_that_does_not_fit_in_an_event_is_refused(
    served: Served, tmp_path: Path, name: str
) -> None:
    reference = register(served.registry, tmp_path, "a", name)
    digest = served.registry.get(reference).digest
    path = f"/models/{name}/versions/1"
    judge = served.client(Role.CONTRIBUTOR)
    verdict = {
        "check": "x",
        "passed": True,
        "digest": digest,
        "summary": "",
        "details": {"n": 2**60},
    }
    assert judge.post(f"{path}/verdicts", json=verdict).status_code == 422
    evaluation = {"task": "binary", "overall": {"group": "overall", "count": 2**60}}
    assert judge.put(f"{path}/evaluation", json=evaluation).status_code == 400
