"""The newest version of each stage, and of none, in constant time; and how MLflow sees stages."""

from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pedigree.errors import InvalidPolicyError
from pedigree.lifecycle.policy import default_policy, open_policy, parse_policy
from pedigree.lifecycle.policy_yaml import read_document, write_document
from pedigree.lifecycle.shown_stages import (
    StagedVersion,
    newest_shown,
    shown_stage,
    stage_asked_for,
)
from pedigree.lifecycle.stage_names import MlflowStage
from pedigree.registry import Registry
from tests.factories import register
from tests.lifecycle.test_open_policy import STAGES, VERSIONS, move, opened
from tests.marking import few_or_many

MANY = 50_000
# A few for each stage; the rows of all versions are in thousands.
PAGES = 60


def newest(registry: Registry, name: str = "churn") -> dict[str, int]:
    found = registry.database.fetch_all(
        "SELECT stage, version FROM pedigree.registered_model m,"
        " pedigree.newest_of_stages(m.model_id) WHERE m.name = %(name)s",
        {"name": name},
    )
    return {row["stage"]: row["version"] for row in found}


@few_or_many(5, 20)
def test_the_newest_of_each_stage_is_the_highest_version_in_it(
    registry: Registry, tmp_path: Path, examples: int
) -> None:
    numbers = count()
    versions = st.integers(min_value=1, max_value=VERSIONS)

    @settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(st.lists(st.tuples(versions, st.sampled_from(STAGES)), max_size=10))
    def check(steps: list[tuple[int, str]]) -> None:
        name = f"churn-{next(numbers)}"
        opened(registry, tmp_path, VERSIONS, name)
        expected = dict.fromkeys(range(1, VERSIONS + 1), "none")
        for version, stage in steps:
            move(registry, f"{name}/{version}", stage)
            expected[version] = stage
        assert newest(registry, name) == {
            stage: max(each for each in expected if expected[each] == stage)
            for stage in expected.values()
        }

    check()


def test_a_deleted_version_is_not_the_newest_of_its_stage(
    registry: Registry, tmp_path: Path
) -> None:
    opened(registry, tmp_path, 2)
    registry.delete("churn/2", reason="a test")
    assert newest(registry) == {"none": 1}
    registry.restore("churn/2")
    assert newest(registry) == {"none": 2}


def test_a_model_without_versions_has_no_newest(registry: Registry) -> None:
    registry.create_model("churn")
    assert newest(registry) == {}


def test_the_newest_are_found_by_the_index_among_many_versions(
    registry: Registry, tmp_path: Path
) -> None:
    opened(registry, tmp_path, 1)
    # Rows of the search alone, as a model of many versions has them: nothing else is read.
    registry.database.transaction(
        lambda transaction: transaction.execute(
            "INSERT INTO pedigree.search_version SELECT (jsonb_populate_record("
            " s, jsonb_build_object('version', n, 'stage',"
            "   (ARRAY['archived', 'production', 'staging'])[1 + n %% 3]))).*"
            " FROM pedigree.search_version s CROSS JOIN generate_series(2, %(most)s) AS n",
            {"most": MANY},
        )
    )
    found = "SELECT * FROM pedigree.newest_of_stages((SELECT model_id FROM pedigree.search_model))"
    rows = {row["stage"]: row["version"] for row in registry.database.fetch_all(found)}
    assert rows == {"none": 1, "staging": MANY, "production": MANY - 1, "archived": MANY - 2}
    ((plan,),) = (
        row.values()
        for row in registry.database.fetch_all(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {found}")
    )
    read = plan[0]["Plan"]
    assert read["Shared Hit Blocks"] + read["Shared Read Blocks"] < PAGES


def test_clients_of_mlflow_see_stages_of_the_same_name_and_those_that_the_policy_names() -> None:
    policy = default_policy()
    shown = {stage.name: shown_stage(policy, stage.name).value for stage in policy.stages}
    assert shown == {
        "candidate": "None",
        "staging": "Staging",
        "production": "Production",
        "archived": "Archived",
    }
    stages = [
        {"name": "shadow", "after": ["none"], "mlflow": "Staging"},
        {"name": "production", "after": ["shadow"], "mlflow": "None"},
        {"name": "live", "after": ["shadow"], "mlflow": "Production"},
    ]
    named = parse_policy({"stages": stages})
    assert shown_stage(named, "shadow") is MlflowStage.STAGING
    assert shown_stage(named, "production") is MlflowStage.NONE
    assert stage_asked_for(named, MlflowStage.PRODUCTION) == "live"
    assert stage_asked_for(named, MlflowStage.STAGING) == "shadow"
    assert stage_asked_for(named, MlflowStage.ARCHIVED) is None
    assert stage_asked_for(named, MlflowStage.NONE) == "none"
    assert read_document(write_document(named)) == named
    with pytest.raises(InvalidPolicyError):
        parse_policy({"stages": [{"name": "a", "after": ["none"], "mlflow": "Live"}]})


def test_several_stages_that_are_shown_as_one_have_one_newest_version() -> None:
    found = [StagedVersion(7, "candidate"), StagedVersion(5, "none"), StagedVersion(3, "staging")]
    assert newest_shown(default_policy(), found) == {MlflowStage.NONE: 7, MlflowStage.STAGING: 3}
    assert newest_shown(open_policy(), [StagedVersion(2, "none")]) == {MlflowStage.NONE: 2}


def test_an_own_policy_s_candidates_are_shown_without_a_stage(
    registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path, "a")
    registry.judge("churn/1")
    assert newest(registry) == {"candidate": 1}
