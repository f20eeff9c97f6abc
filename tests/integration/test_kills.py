"""`kill -9` of Postgres, of its supervisor and of the daemon, while a run trains a model."""

import json
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import dagster as dg
import psutil
import pytest

from pedigree.dagster.assets.names import slug
from pedigree.postgres import EmbeddedPostgres
from tests.integration.conftest import OURS
from tests.integration.holding import Held, held_at
from tests.integration.polling import eventually
from tests.integration.served import ENDED, Materialization, Served

pytestmark = [pytest.mark.system, pytest.mark.timeout(400), pytest.mark.xdist_group("up")]

COMEBACK_S = 5.0
# The daemon evaluates its sensors every 5 s, so it may sleep that long before it acts.
CADENCE_S = 5.0
PATIENCE_S = 120.0

HEALTH = "{instance {daemonHealth {allDaemonStatuses {daemonType lastHeartbeatTime}}}}"
LOCATIONS = "{workspaceOrError {... on Workspace {locationEntries {name loadStatus}}}}"

stopwatch = logging.getLogger(__name__)  # shown by --log-cli-level=INFO


class Training:
    """The long training, controlled through shared files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def rounds(self) -> int:
        file = self.folder / "rounds"
        return int(file.read_text() or 0) if file.exists() else 0

    def end(self) -> None:
        (self.folder / "enough").touch()


@pytest.fixture
def training(tmp_path: Path) -> Training:
    return Training(tmp_path)


def postgres(served: Served) -> int | None:
    status = EmbeddedPostgres(served.home).status()
    return status.pid if status.state == "running" else None


def supervisor(served: Served) -> int | None:
    return EmbeddedPostgres(served.home).status().supervisor_pid if postgres(served) else None


def daemon(served: Served) -> int | None:
    return child(served, "dagster._daemon")


def code_server(served: Served) -> int | None:
    return child(served, "code-server", OURS)


def child(served: Served, *words: str) -> int | None:
    """Return the child process of the servers whose command line contains some words."""
    for process in psutil.Process(served.pid).children():
        with suppress(psutil.NoSuchProcess):  # also for one that has not been reaped yet
            if set(words) <= set(process.cmdline()):
                return process.pid
    return None


def test_a_run_the_ui_and_the_daemon_survive_killed_servers(
    served: Served, training: Training
) -> None:
    run_id = served.launch(
        OURS,
        "models/long_training",
        config={slug("long_training"): {"folder": str(training.folder)}},
        checks=False,
    )
    eventually(lambda: training.rounds > 0, PATIENCE_S, "the training's first round")
    for victim in (postgres, supervisor, daemon):
        kill_and_expect_recovery(served, training, victim)
    assert served.run(run_id).status == "STARTED"
    training.end()
    eventually(lambda: served.run(run_id).status in ENDED, PATIENCE_S, "the end of the run")
    assert served.run(run_id).status == "SUCCESS"

    (version,) = served.pedigree("versions", "long_training")["items"]
    assert version["version_id"] == 1
    (trained,) = served.pedigree("show", "long_training/1")["trainings"]
    assert trained["metadata"]["run_id"] == run_id
    (shown,) = served.materializations("models/long_training")
    assert (shown.version, shown.run_id) == (1, run_id)
    assert served.pedigree("fsck", "--hashes")["ok"]


def test_each_promotion_is_made_once_even_if_the_daemon_dies_in_a_tick(
    served: Served, training: Training
) -> None:
    training.end()
    config = {slug("long_training"): {"folder": str(training.folder)}}
    run_id = served.launch(OURS, "models/long_training", config=config, checks=False)
    eventually(lambda: served.run(run_id).status in ENDED, PATIENCE_S, "the end of the run")
    # By then the tick has recorded the candidate's state in the registry, and requested no run.
    tag_row = "NEW.key = 'pedigree/waits_for' AND NEW.value LIKE '%long_training/1 → staging%'"
    with held_at(served, "run_tags", tag_row) as tick:
        served.pedigree("check", "long_training/1")
        kill_during_tick(tick, served, code_server)
    asset = "models/long_training/staging"
    # The tick of the next promotion has requested its run, and the daemon is about to create it.
    parts = ("pedigree/promotion", "long_training", "production")
    run_row = " AND ".join(f"NEW.run_body LIKE '%{part}%'" for part in parts)
    with held_at(served, "runs", run_row) as tick:
        eventually(partial(served.materializations, asset), PATIENCE_S, "the promotion to staging")
        kill_during_tick(tick, served, daemon)
    asset = "models/long_training/production"
    eventually(partial(served.materializations, asset), PATIENCE_S, "the promotion to production")
    entered_at = time.time()
    eventually(
        lambda: served.ticks(OURS, "promotion", after=entered_at), PATIENCE_S, "another tick"
    )
    for stage in ("staging", "production"):
        (shown,) = served.materializations(f"models/long_training/{stage}")
        assert shown.run_id
    held = [tenure["pointer"] for tenure in served.pedigree("timeline", "long_training")["items"]]
    assert held == ["stage:candidate", "stage:staging", "stage:production"]


def test_moves_appear_once_and_in_order_even_if_the_daemon_dies_while_reporting(
    served: Served,
) -> None:
    asset = "models/long_training/production"
    before = served.materializations(asset)

    def leave_and_return() -> None:
        for stage in ("archived", "production"):
            served.pedigree("promote", "long_training/1", "--to", stage)

    with held_at(served, "asset_keys", f"NEW.asset_key = '{as_stored(asset)}'") as tick:
        leave_and_return()
        leave_and_return()
        kill_during_tick(tick, served, daemon)

    def shown() -> list[Materialization] | None:
        found = served.materializations(asset)[len(before) :]
        return found if len(found) >= 2 else None

    eventually(shown, PATIENCE_S, "both returns to production")
    seen_at = time.time()
    eventually(lambda: served.ticks(OURS, "mirror", after=seen_at), PATIENCE_S, "another tick")
    moved = shown()
    assert moved is not None
    assert [(each.version, each.run_id) for each in moved] == [(1, ""), (1, "")]
    first, second = (each.generation for each in moved)
    assert first is not None
    assert second == first + 2  # it left production in between


def as_stored(asset: str) -> str:
    return dg.AssetKey(asset.split("/")).to_string()


def kill_during_tick(tick: Held, served: Served, find: Callable[[Served], int | None]) -> None:
    """Kill the process that evaluates a tick while it is blocked, and discard its insert."""
    eventually(tick.waiting, PATIENCE_S, f"the {find.__name__} comes to what it writes")
    victim = psutil.Process(find(served))
    for process in (*victim.children(recursive=True), victim):
        process.kill()
    tick.end_sessions()


def kill_and_expect_recovery(
    served: Served, training: Training, find: Callable[[Served], int | None]
) -> None:
    victim, killed_at = find(served), time.time()
    assert victim is not None
    psutil.Process(victim).kill()

    def within(seconds: float, look: Callable[[], object], what: str) -> None:
        left = seconds - (time.time() - killed_at)
        eventually(look, left, f"{what} after the kill of the {find.__name__}")
        stopwatch.info("%s killed: %s in %.1f s", find.__name__, what, time.time() - killed_at)

    within(COMEBACK_S, lambda: find(served) not in {None, victim}, "another process serves")
    back_at, rounds = time.time(), training.rounds
    within(COMEBACK_S, lambda: ui_answers(served), "the UI answers")
    within(COMEBACK_S, lambda: training.rounds > rounds + 1, "the run continues")
    within(
        COMEBACK_S + CADENCE_S,
        lambda: served.ticks(OURS, "promotion", after=back_at),
        "the daemon ticks",
    )


def ui_answers(served: Served) -> bool:
    """Return whether the UI shows data from the database and from the code servers."""
    try:
        statuses = served.graphql(HEALTH)["instance"]["daemonHealth"]["allDaemonStatuses"]
        entries = served.graphql(LOCATIONS)["workspaceOrError"]["locationEntries"]
    except (OSError, AssertionError, json.JSONDecodeError):
        return False
    return bool(statuses) and all(entry["loadStatus"] == "LOADED" for entry in entries)
