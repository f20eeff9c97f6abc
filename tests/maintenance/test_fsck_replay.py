"""State is a fold over events: replaying the feed gives the tables."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pedigree.audit.records import Actor
from pedigree.audit.verifier.replay import replay
from pedigree.errors import NotFoundError, RefusedError
from pedigree.lifecycle.policy import default_policy
from pedigree.lifecycle.records import ApprovalRule, Policy
from pedigree.maintenance.fsck_replay import check_replay
from pedigree.registry import Registry
from tests.factories import register_candidate
from tests.lineage.graphs import graph, node
from tests.maintenance.collecting import collect
from tests.marking import few_or_many

MODEL = "churn"
VERSIONS = 4

versions = st.integers(min_value=1, max_value=VERSIONS)
steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("promote"), versions, st.sampled_from(["staging", "production", "archived"])
        ),
        st.tuples(st.just("rollback")),
        st.tuples(st.just("set_alias"), versions, st.sampled_from(["best", "shadow"])),
        st.tuples(st.just("delete_alias"), st.sampled_from(["best", "shadow"])),
        st.tuples(
            st.sampled_from(["delete", "restore", "hold", "lift_hold", "tag", "collect"]), versions
        ),
        st.tuples(st.sampled_from(["quarantine", "release"]), st.sampled_from(["raw", "features"])),
        st.tuples(st.sampled_from(["quarantine_version", "release_version"]), versions),
        st.tuples(
            st.sampled_from(["approve", "reject"]),
            versions,
            st.sampled_from(["staging", "production"]),
            st.sampled_from(["ann", "ben", "tester"]),
        ),
        st.tuples(
            st.sampled_from(["request_stage", "withdraw_request"]),
            versions,
            st.sampled_from(["staging", "production", "archived"]),
        ),
        st.tuples(st.just("policy"), st.integers(min_value=0, max_value=2)),
        st.tuples(st.just("give_up")),
        st.tuples(st.just("retry_promotion"), versions, st.sampled_from(["staging", "production"])),
    ),
    max_size=12,
)


def take(registry: Registry, step: tuple[object, ...]) -> None:
    match step:
        case ("promote", version, stage):
            registry.promote(f"{MODEL}/{version}", str(stage))
        case ("rollback",):
            registry.rollback(MODEL)
        case ("set_alias", int(version), alias):
            registry.set_alias(MODEL, str(alias), version)
        case ("delete_alias", alias):
            registry.delete_alias(MODEL, str(alias))
        case ("delete", version):
            registry.delete(f"{MODEL}/{version}", reason="test")
        case ("restore", version):
            registry.restore(f"{MODEL}/{version}", reason="test")
        case ("hold", version):
            registry.hold(f"{MODEL}/{version}", reason="test")
        case ("lift_hold", version):
            registry.lift_hold(f"{MODEL}/{version}")
        case ("tag", version):
            registry.update(f"{MODEL}/{version}", tags={"seen": "yes"}, owners=["ann"])
        case ("collect", version):
            registry.delete(f"{MODEL}/{version}", reason="test")
            collect(registry)
        case ("quarantine" | "release" | "quarantine_version" | "release_version", *_):
            take_quarantine(registry, step)
        case _:
            take_decision(registry, step)


def take_quarantine(registry: Registry, step: tuple[object, ...]) -> None:
    match step:
        case ("quarantine", asset):
            registry.quarantine(str(asset), reason=f"{asset} is wrong")
        case ("release", asset):
            registry.release(str(asset), whole_asset=True)
        case ("quarantine_version", version):
            registry.quarantine_version(f"{MODEL}/{version}", reason="test")
        case ("release_version", version):
            registry.release_version(f"{MODEL}/{version}")


def take_decision(registry: Registry, step: tuple[object, ...]) -> None:
    match step:
        case ("approve" | "reject" as verb, version, stage, name):
            decide = registry.approve if verb == "approve" else registry.reject
            actor = Actor(name=str(name), source="test")
            decide(f"{MODEL}/{version}", str(stage), comment="test", actor=actor)
        case ("request_stage" | "withdraw_request" as verb, version, stage):
            getattr(registry, verb)(f"{MODEL}/{version}", str(stage))
        case ("give_up",):
            if due := registry.operations.promotions.evaluate_candidates(MODEL).due:
                registry.operations.promotions.give_up_promotion(
                    due, attempts=3, run_id="run-3", problem="no luck"
                )
        case ("retry_promotion", version, stage):
            registry.retry_promotion(f"{MODEL}/{version}", str(stage))
        case ("policy", int(approvals)):
            registry.set_policy(MODEL, asking_for(approvals))


def asking_for(approvals: int) -> Policy:
    """The default policy, whose last stages also require approvals."""
    policy = default_policy()
    asked = {"approvals": ApprovalRule(needed=approvals)}
    stages = [rule.model_copy(update=asked) if rule.automatic else rule for rule in policy.stages]
    return policy.model_copy(update={"stages": tuple(stages)})


@few_or_many(12, 40)
@pytest.mark.timeout(300)
def test_replaying_the_feed_gives_what_the_tables_say(
    impatient: Registry, tmp_path: Path, examples: int
) -> None:
    registry = impatient
    for number in range(VERSIONS):
        lineage = graph(node(1, "features"), behind=(node(2, "raw"),) * (number % 2))
        register_candidate(registry, tmp_path, f"v{number}", lineage=lineage)

    @settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(steps)
    def check(taken: list[tuple[object, ...]]) -> None:
        for step in taken:
            before = registry.events(limit=100_000)
            try:
                take(registry, step)
            except (RefusedError, NotFoundError):
                assert registry.events(limit=100_000) == before
        state = replay(registry.events(limit=100_000))
        assert {v.version_id: v.stage for v in registry.versions(MODEL)} == state.stages
        assert registry.model(MODEL).aliases == state.aliases
        assert list(state.stages.values()).count("production") <= 1
        assert check_replay(registry.database).examples == []

    check()
