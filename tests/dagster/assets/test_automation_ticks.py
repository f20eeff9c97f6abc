"""A tick of an automation condition sensor while a materialization is being stored.

Dagster stores an event and the record of its asset in two transactions. A tick between the two
counts the event as seen, but does not find it.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
import psycopg
import pytest

from pedigree.cli.up.supervisor import SETTLE_VARIABLE, dagster_environment
from pedigree.dagster import promotion_condition
from tests.integration.polling import eventually

STAGE = dg.AssetKey(["models", "churn", "production"])
PATIENCE_S = 30.0


@dg.asset(deps=[STAGE], automation_condition=promotion_condition())
def scores() -> None:
    """Runs when another version enters the stage."""


following = dg.AutomationConditionSensorDefinition(
    "following", target="*", use_user_code_server=True
)
DEFINITIONS = dg.Definitions([scores, dg.AssetSpec(STAGE)], sensors=[following])


class Released(logging.Handler):
    """Lets the waiting transaction go as soon as a tick has chosen its last event."""

    def __init__(self, chosen: threading.Event) -> None:
        super().__init__()
        self.chosen = chosen

    def emit(self, record: logging.LogRecord) -> None:
        if "Sleeping" in record.getMessage():
            self.chosen.set()


def report(instance: dg.DagsterInstance, data_version: str) -> None:
    tags = {"dagster/data_version": data_version}
    instance.report_runless_asset_event(dg.AssetMaterialization(STAGE, tags=tags))


def tick(
    instance: dg.DagsterInstance, cursor: str | None, chosen: threading.Event | None = None
) -> tuple[bool, str | None]:
    """Evaluate the sensor once; return whether it requests a run, and its cursor."""
    context = dg.build_sensor_context(instance, cursor, definitions=DEFINITIONS)
    context.log.addHandler(Released(chosen or threading.Event()))
    result = following.evaluate_tick(context)
    return bool(result.run_requests), result.cursor


@contextmanager
def half_stored(
    instance: dg.DagsterInstance, url: str, data_version: str, release: threading.Event
) -> Iterator[None]:
    """Store the event of a materialization; its asset's record waits until the release."""
    before = instance.event_log_storage.get_maximum_record_id() or 0
    with psycopg.connect(url) as locking:
        locking.execute("LOCK TABLE asset_keys IN SHARE ROW EXCLUSIVE MODE")
        storing = threading.Thread(target=report, args=(instance, data_version))
        storing.start()
        eventually(
            lambda: (instance.event_log_storage.get_maximum_record_id() or 0) > before,
            PATIENCE_S,
            "the event",
        )

        def unlock() -> None:
            assert release.wait(PATIENCE_S)
            locking.rollback()

        unlocking = threading.Thread(target=unlock)
        unlocking.start()
        try:
            yield
        finally:
            release.set()
            unlocking.join()
            storing.join()


def test_a_promotion_that_a_tick_meets_half_stored_is_not_lost(
    instance: dg.DagsterInstance, dagster_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SETTLE_VARIABLE, dagster_environment({})[SETTLE_VARIABLE])
    report(instance, "v1")
    _, cursor = tick(instance, None)
    release = threading.Event()
    with half_stored(instance, dagster_url, "v2", release):
        now, cursor = tick(instance, cursor, release)
    later, _ = tick(instance, cursor)
    assert (now, later) == (True, False)


def test_the_users_own_delay_is_kept() -> None:
    assert dagster_environment({SETTLE_VARIABLE: "7"})[SETTLE_VARIABLE] == "7"
