"""`fsck` finds edits of records on data: profiles, drift, datasheets, verdicts and quarantines."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import psycopg
import pytest

from pedigree.datasets.records import Datasheet, DataState, DataVerdict
from pedigree.maintenance.fsck import fsck
from pedigree.monitoring.profile import profile
from pedigree.postgres.database import Database
from pedigree.registry import Registry
from tests.audit.event_bodies import require_documented
from tests.factories import register
from tests.lineage.graphs import graph, node
from tests.maintenance.collecting import collect

TRAINING = pd.DataFrame({"age": [20.0, 30.0, 40.0, 50.0] * 50})
OLDER = TRAINING + 40
STATE = DataState(
    asset="raw", partition="May", storage_id=1, materialized_by="run", data_version="x"
)

# A change of the database → the invariant that fsck reports as violated, and its subject.
EDITS: dict[str, tuple[str, dict[str, set[str]]]] = {
    "nothing was edited": ("SELECT", {}),
    "a profile was edited": (
        "UPDATE pedigree.data_profile SET profile = jsonb_set(profile, '{rows}', '7')",
        {"events_replay": {"churn/1"}},
    ),
    "a profile is gone": (
        "DELETE FROM pedigree.data_profile",
        {"events_replay": {"churn/1"}},
    ),
    "an alarm was played down": (
        "UPDATE pedigree.drift_result SET result ="
        " jsonb_set(result, '{comparison,columns,0,psi}', '0')",
        {"events_replay": {"churn/1"}},
    ),
    "a reported alarm has no report": (
        "UPDATE pedigree.drift_result SET alerted_at = NULL",
        {"events_replay": {"churn/1"}},
    ),
    "what was served was edited": (
        "UPDATE pedigree.drift_result SET profile = jsonb_set(profile, '{rows}', '7')",
        {"events_replay": {"churn/1"}},
    ),
    "a verdict's details were edited": (
        """UPDATE pedigree.verdict SET details = '{"seen": "nothing"}'""",
        {"events_replay": {"churn/1"}},
    ),
    "a verdict is younger than it was": (
        "UPDATE pedigree.verdict SET at = at + interval '1 day'",
        {"events_replay": {"churn/1"}},
    ),
    "a datasheet was edited": (
        "UPDATE pedigree.datasheet SET sheet = jsonb_set(sheet, '{uses}', '\"anything\"')"
        " WHERE revision = 2",
        {"datasheets_match_events": {"datasheet of raw"}},
    ),
    "a datasheet was slipped in": (
        "INSERT INTO pedigree.datasheet SELECT 'features', 1, digest, sheet, at, recorded_by"
        " FROM pedigree.datasheet WHERE revision = 1",
        {"datasheets_match_events": {"datasheet of features"}},
    ),
    "a datasheet is gone": (
        "DELETE FROM pedigree.datasheet WHERE revision = 1",
        {"datasheets_match_events": {"datasheet of raw"}},
    ),
    "a verdict on data was edited": (
        "UPDATE pedigree.data_verdict SET passed = true",
        {"data_verdicts_match_events": {"expectations of raw"}},
    ),
    "a verdict on data is of other data": (
        "UPDATE pedigree.data_verdict SET data_version = 'y'",
        {"data_verdicts_match_events": {"expectations of raw"}},
    ),
    "a verdict on data is gone": (
        "DELETE FROM pedigree.data_verdict",
        {"data_verdicts_match_events": {"expectations of raw"}},
    ),
    "a quarantine is of another partition": (
        "UPDATE pedigree.quarantine SET partition = 'June' WHERE partition = 'May'",
        {"quarantines_match_events": {"quarantine 1"}},
    ),
    "a quarantine was ended": (
        "UPDATE pedigree.quarantine SET released_at = now(), released_by = 'me'"
        " WHERE quarantine_id = 1",
        {"quarantines_match_events": {"quarantine 1"}},
    ),
    "an ended quarantine holds again": (
        "UPDATE pedigree.quarantine SET released_at = NULL, released_by = NULL"
        " WHERE quarantine_id = 2",
        {"quarantines_match_events": {"quarantine 2"}},
    ),
    "a quarantine was slipped in": (
        "INSERT INTO pedigree.quarantine (asset, reason, at, quarantined_by)"
        " VALUES ('features', 'test', now(), 'me')",
        {"quarantines_match_events": {"quarantine 4"}},
    ),
    "a version left a quarantine": (
        "UPDATE pedigree.quarantine_mark SET released_at = now() WHERE quarantine_id = 1",
        {"events_replay": {"churn/1"}},
    ),
    "a version is in a quarantine more": (
        "INSERT INTO pedigree.quarantine_mark SELECT 2, model_id, 2 FROM pedigree.registered_model",
        {"events_replay": {"churn/2"}},
    ),
}


@pytest.fixture
def lived(impatient: Registry, tmp_path: Path) -> Registry:
    """A registry with every kind of record on data."""
    registry = impatient
    register(registry, tmp_path, "a", lineage=graph(node(1, "raw", partition="May")))
    for content in ("b", "c"):
        register(registry, tmp_path, content)
    registry.run_check("churn/1", "metadata_complete")
    for reference in ("churn/1", "churn/3"):
        registry.keep_profile(reference, profile(TRAINING))
        found = registry.measure_drift(reference, OLDER, asset="served", partition="June")
    registry.alert_drift(found.drift_id - 1)
    registry.delete("churn/3", reason="test")
    collect(registry)
    for sheet in (Datasheet(motivation="to learn"), Datasheet(motivation="to learn", uses="few")):
        registry.set_datasheet("raw", sheet)
    verdict = {"check": "expectations", "passed": False, "summary": "1 of 2", "run_id": "run"}
    registry.record_data_verdict(
        DataVerdict(**STATE.model_dump(), **verdict, details={"rows": 1e23, "share": 2.0})
    )
    registry.quarantine("raw", partition="May", reason="wrong prices")
    registry.quarantine("raw", reason="late")
    registry.release("raw", whole_asset=True, reason="it came")
    registry.quarantine_version("churn/2", reason="unfair")
    registry.release_version("churn/2", reason="it is fair")
    registry.events()
    return registry


@pytest.fixture
def violated(
    lived: Registry, database_url: str, make_database_url: Callable[..., str]
) -> Callable[[str], dict[str, set[str]]]:
    """Return what fsck finds in a copy of the database, edited by the server's owner."""
    lived.database.close()

    def violated(statement: str) -> dict[str, set[str]]:
        copy = make_database_url(template=database_url.rpartition("/")[2].partition("?")[0])
        with psycopg.connect(copy, autocommit=True) as owner:
            owner.execute(statement)
        with Database.connect(copy, connections=2) as database:
            checks = fsck(database, lived.store).checks
        return {
            check.name: {example.reference for example in check.examples}
            for check in checks
            if check.violations
        }

    return violated


def test_the_events_of_records_on_data_have_the_bodies_that_the_docs_list(lived: Registry) -> None:
    assert {"version.drift_measured", "asset.quarantined"} <= require_documented(lived.events())


def test_fsck_reports_every_edit_of_records_on_data(
    violated: Callable[[str], dict[str, set[str]]],
) -> None:
    found = {what: violated(statement) for what, (statement, _) in EDITS.items()}
    assert found == {what: names for what, (_, names) in EDITS.items()}
