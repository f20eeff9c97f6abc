"""Unmodified clients of several releases of MLflow: all that they do with a registry."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from pedigree.access.records import Role
from pedigree.audit.event_types import EventType
from pedigree.catalog.seal_states import SealState
from pedigree.lifecycle.policy import open_policy
from pedigree.lifecycle.records import CheckRule
from pedigree.settings import Settings
from tests.artifacts.servers.waiting import free_ports, wait_until
from tests.databases import Databases
from tests.maintenance.collecting import require_sound
from tests.mlflow.sides import MISSING, MLFLOW, real_server
from tests.server.conftest import NO_AUTHORITIES, Served, serving

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).parent / "clients" / "session.py"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
# What the pickle of a linear model imports, by releases of numpy.
ALLOWED = [
    "sklearn.linear_model._base.LinearRegression",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
]
ROWS = [[1.0, 2.0], [2.0, 0.5], [3.0, 3.0], [4.0, 1.0]]
# The environments of the clients, and the releases in them.
RELEASES = {
    ".venv-mlflow-2.9.2": "2.9.2",
    ".venv-mlflow-2.22": "2.22.",
    ".venv-mlflow-3.1": "3.1.",
    ".venv-mlflow-skinny": "3.17.2",
    ".venv-mlflow": "3.17.2",
}

pytestmark = [
    pytest.mark.system,
    pytest.mark.xdist_group("mlflow clients"),
    pytest.mark.timeout(900),
]


@dataclass(frozen=True)
class Services:
    """A tracking server, our services with it and without it, and tokens for them."""

    tracking: str
    one_url: Served
    one_token: str
    alone: Served
    alone_token: str


@dataclass(frozen=True)
class Plan:
    """What a client does; the fields are those of the program."""

    one_url: str
    one_token: str
    alone: str
    alone_token: str
    tracking: str
    name: str
    guarded: str
    folder: str


@dataclass(frozen=True)
class Session:
    """What a client did, and what it saw."""

    python: Path
    services: Services
    plan: Plan
    seen: dict[str, Any]


@pytest.fixture(scope="module")
def services(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """The servers of all clients."""
    if not (MLFLOW / "mlflow").exists():
        pytest.skip(MISSING)
    folder = tmp_path_factory.mktemp("servers")
    with databases.lend() as make, real_server(folder) as tracking:
        passing_on = {"mlflow_proxy": True, "mlflow_upstream": tracking}
        settings = Settings(home=folder / "one", database_url=make(), actor="tester")
        apart = Settings(home=folder / "alone", database_url=make(), actor="tester")
        with (
            serving(settings.model_copy(update=passing_on)) as one_url,
            serving(apart) as alone,
        ):
            yield Services(tracking, one_url, _token(one_url), alone, _token(alone))


def _token(served: Served) -> str:
    """A token of somebody who registers and moves versions, as most of MLflow's users may."""
    roles = [Role.CONTRIBUTOR, Role.DEPLOYER]
    return served.registry.create_token("notebook", roles=roles).secret


@pytest.fixture(scope="module", params=RELEASES)
def session(
    request: pytest.FixtureRequest, services: Services, tmp_path_factory: pytest.TempPathFactory
) -> Session:
    """The session of one client, which is one process."""
    python = ROOT / request.param / "bin" / "python"
    if not python.exists():
        pytest.skip(f"{request.param} is missing: `make mlflow-clients`")
    folder = tmp_path_factory.mktemp("client")
    name = f"churn-{list(RELEASES).index(request.param)}"
    guarded = f"{name}-guarded"
    guard(services.one_url, guarded)
    plan = Plan(
        services.one_url.url,
        services.one_token,
        services.alone.url,
        services.alone_token,
        services.tracking,
        name,
        guarded,
        str(folder),
    )
    done = subprocess.run(
        [python, PROGRAM],
        input=json.dumps(asdict(plan)),
        env=without_store(python, folder),
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    return Session(python, services, plan, json.loads(done.stdout.splitlines()[-1]))


def guard(served: Served, name: str) -> None:
    """Make a model whose versions pass a check, and one alias of which is guarded."""
    rules = {
        "registration": (CheckRule(name="artifact_scan", settings={"allow": ALLOWED}),),
        "aliases": {"champion": "production"},
    }
    served.registry.create_model(name)
    served.registry.set_policy(name, open_policy().model_copy(update=rules))


def without_store(python: Path, home: Path) -> dict[str, str]:
    """An environment without a credential of any store."""
    return {
        "PATH": f"{python.parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "GIT_PYTHON_REFRESH": "quiet",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


def test_it_is_the_release_that_is_meant(session: Session) -> None:
    wanted = RELEASES[session.python.parents[1].name]
    assert session.seen["release"].startswith(wanted)


def test_autologging_registers_the_model_of_a_run_by_one_url(session: Session) -> None:
    seen, registry = session.seen["with_one_url"], session.services.one_url.registry
    assert (seen["numbers"], seen["again"]) == ([1, 2], "2")
    assert "training_mean_squared_error" in seen["metrics"] or "training_mse" in seen["metrics"]
    for version in registry.versions(session.plan.name):
        assert version.state is SealState.SEALED
        assert version.run_id == seen["run_id"]
        assert version.git_commit == COMMIT
        assert version.signature is not None
    # The first one is registered within the run, before its metrics are there.
    assert registry.get(f"{session.plan.name}/2").metrics == seen["metrics"]


@pytest.mark.parametrize(
    ("part", "stage"), [("with_one_url", "Production"), ("without_tracking", "Staging")]
)
def test_a_client_leads_a_version_through_its_life(session: Session, part: str, stage: str) -> None:
    end = "" if part == "with_one_url" else "-alone"
    name, seen = f"{session.plan.name}{end}", session.seen[part]
    life = seen["life"]
    assert (life["stage"], life["newest"], life["by_alias"]) == (stage, ["1"], "1")
    assert life["models"] == [[name, {"kind": "regression"}]]
    assert life["versions"] == [["1", {"team/of": "growth"}, "the first"]]
    assert life["copy"] == [f"{name}-copy", "1", "READY"]
    for uri, predictions in life["loaded"].items():
        assert predictions == pytest.approx(seen["trained"]), uri
    served = session.services.one_url if part == "with_one_url" else session.services.alone
    copy, original = served.registry.get(f"{name}-copy/1"), served.registry.get(f"{name}/1")
    assert copy.digest == original.digest is not None


def test_a_registry_apart_from_tracking_serves_its_models_by_reference(session: Session) -> None:
    seen = session.seen["with_two_urls"]
    version = session.services.alone.registry.get(f"{session.plan.name}-apart/1")
    assert (seen["status"], version.state) == ("READY", SealState.REFERENCE)
    assert seen["loaded"] == pytest.approx(seen["trained"])


def test_a_model_whose_check_fails_is_refused_by_its_name_until_it_is_mended(
    session: Session,
) -> None:
    seen, registry = session.seen["with_one_url"]["gate"], session.services.one_url.registry
    assert "check artifact_scan" in seen["failed"]
    assert "extra.pkl" in seen["failed"]
    assert registry.get(f"{session.plan.guarded}/1").state is SealState.FAILED
    assert (seen["version"], seen["status"]) == ("2", "READY")


def test_a_guarded_alias_is_not_set_before_its_stage(session: Session) -> None:
    seen, registry = session.seen["with_one_url"]["gate"], session.services.one_url.registry
    assert "champion" in seen["early"]
    assert "production" in seen["early"]
    assert seen["later"] == "2"
    assert seen["loaded"] == pytest.approx(session.seen["with_one_url"]["trained"])
    changes = [
        each.type
        for each in registry.events(limit=1000)
        if each.model == session.plan.guarded
        and each.type in (EventType.ALIAS_SET, EventType.VERSION_STAGE_CHANGED)
    ]
    assert changes == [EventType.VERSION_STAGE_CHANGED, EventType.ALIAS_SET]


def test_a_client_serves_what_it_loads(session: Session, tmp_path: Path) -> None:
    with scoring(session, tmp_path) as url:
        answer = httpx2.post(
            f"{url}/invocations", json={"inputs": ROWS}, timeout=60, verify=NO_AUTHORITIES
        )
    assert answer.status_code == 200, answer.text
    trained = session.seen["with_one_url"]["trained"]
    assert answer.json()["predictions"] == pytest.approx(trained)


@contextmanager
def scoring(session: Session, folder: Path) -> Iterator[str]:
    """Run the client's server of a model, and yield its URL."""
    (port,) = free_ports(1)
    uri = f"models:/{session.plan.name}@best"
    command = [session.python, "-m", "mlflow", "models", "serve", "--model-uri", uri]
    command += ["--env-manager", "local", "--host", "127.0.0.1", "--port", str(port)]
    environment = {
        **without_store(session.python, folder),
        "MLFLOW_TRACKING_URI": session.plan.one_url,
        "MLFLOW_TRACKING_TOKEN": session.plan.one_token,
    }
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, cwd=folder, start_new_session=True
        )
    url = f"http://127.0.0.1:{port}"

    def is_up() -> bool:
        assert process.poll() is None, (folder / "log").read_text()
        try:
            return httpx2.get(f"{url}/ping", timeout=5, verify=NO_AUTHORITIES).status_code == 200
        except httpx2.TransportError:
            return False

    try:
        wait_until(is_up, "the server of a model", seconds=240)
        yield url
    finally:
        with suppress(ProcessLookupError):  # it ended by itself, which the log explains
            os.killpg(process.pid, 9)
        process.wait()


def test_what_all_clients_left_is_sound(session: Session) -> None:
    for served in (session.services.one_url, session.services.alone):
        require_sound(served.registry)
