"""A model of 1 GiB by MLflow's stock client: its upload and ``load_model``, through both proxies.

Pedigree's service and MLflow 3.17.2, two workers each and a registry of their own in one Postgres,
by turns. Each has its artifacts in a folder of one disk; ours are hashed, sealed and synced.
``--data DIR`` sets the folder of the environment with MLflow, ``--file-mib N`` the size, and
``--rounds N`` how often each is done.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psycopg

from benchmarks import _mlflow
from benchmarks._memory import Watched
from benchmarks._report import Measured, report
from benchmarks._with_mlflow import Side, Sides, service_settings, serving, token
from pedigree.postgres import Database, EmbeddedPostgres
from pedigree.postgres.migrate import migrate

_LOAD_TIMES, _PUT_TIMES = 2.0, 1.5
_MIB = 1 << 20
_READY_BY_S = 600.0
_NAME = "large"
_CLIENT = Path(__file__).with_name("_stock_bytes.py")
_SMALL_FILES = {
    "MLmodel": """flavors:
  python_function:
    loader_module: bench_model
    code: code
    data: data
""",
    "code/bench_model.py": """class _Model:
    def predict(self, given):
        return given


def _load_pyfunc(path):
    return _Model()
""",
}


def main() -> int:
    """Measure and report; return the exit code."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--data", type=Path, default=Path(".bench"))
    parser.add_argument("--file-mib", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_known_args(sys.argv[1:])[0]
    with tempfile.TemporaryDirectory(prefix="pedigree-bench-") as folder:
        environment = _mlflow.installed(given.data.absolute())
        with _both(Path(folder), environment) as sides:
            figures = _measured(
                sides, environment, Path(folder), size=given.file_mib, rounds=given.rounds
            )
    return report(figures, sys.argv[1:])


@contextmanager
def _both(folder: Path, environment: Path) -> Iterator[Sides]:
    """Run both servers over new databases."""
    server = EmbeddedPostgres(folder / "postgres")
    with Database.embedded(server) as database:
        migrate(database)
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE mlflow")
    url, home = server.url("pedigree"), folder / "home"
    try:
        with (
            token(url, home) as secret,
            serving(service_settings(url, home)) as ours,
            _mlflow.serving(environment, server.url("mlflow"), folder / "mlartifacts") as theirs,
        ):
            postgres = server.status().pid
            assert postgres is not None
            head = f"Authorization: Bearer {secret}\r\n"
            yield Sides(Side(ours, postgres, head), Side(theirs, postgres), url)
    finally:
        server.stop(force=True)


def _measured(
    sides: Sides, environment: Path, folder: Path, *, size: int, rounds: int
) -> list[Measured]:
    file = folder / "model.bin"
    _write_random(file, size)
    run = str(sides.theirs.ask("runs/create", {"experiment_id": "0"})["run"]["info"]["run_id"])
    places = ("pedigree/uploads", f"0/{run}/artifacts")
    clients = [_Client(side, environment, folder) for side in sides[:2]]
    for side, client, below in zip(sides[:2], clients, places, strict=True):
        _register(side, client, below, file, folder)
    actions: dict[str, tuple[float, list[Callable[[int], float]]]] = {
        "load_model": (_LOAD_TIMES, [each.load for each in clients]),
        "upload": (
            _PUT_TIMES,
            [partial(each.put, below, file) for each, below in zip(clients, places, strict=True)],
        ),
    }
    watched = Watched(sides.ours.server)
    figures = []
    for what, (target, (ours, theirs)) in actions.items():
        mine, others = [], []
        for number in range(rounds):
            with watched.looking():
                mine.append(ours(number))
            others.append(theirs(number))
        figures += _compared(f"{what} of {size} MiB", target, min(mine), min(others))
    return [*figures, watched.growth(size)]


def _compared(what: str, target: float, ours: float, theirs: float) -> list[Measured]:
    return [
        Measured(what=what, value=ours, unit="s"),
        Measured(what=f"MLflow: {what}", value=theirs, unit="s"),
        Measured(
            what=f"{what} against MLflow", value=theirs / ours, unit="times as fast", target=target
        ),
    ]


class _Client:
    """MLflow's stock client, whose tracking server and registry are one of the servers.

    Args:
        side: The server.
        environment: Where MLflow is installed.
        folder: For what it downloads.
    """

    def __init__(self, side: Side, environment: Path, folder: Path) -> None:
        url = f"http://127.0.0.1:{side.server.port}"
        self._program = [str(environment / "bin" / "python"), str(_CLIENT)]
        self._scratch = folder / "scratch"
        self._environment = {
            **os.environ,
            "MLFLOW_TRACKING_URI": url,
            "MLFLOW_REGISTRY_URI": url,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "TMPDIR": str(self._scratch),
        }
        if side.head:
            self._environment["MLFLOW_TRACKING_TOKEN"] = side.head.split()[-1]

    def load(self, _: int = 0) -> float:
        """Load the model, and return the seconds that it took."""
        return self._run("load", f"models:/{_NAME}/1")

    def put(self, below: str, file: Path, number: int | str) -> float:
        """Upload a file, and return the seconds that it took."""
        return self._run("put", f"mlflow-artifacts:/{below}/{number}", str(file))

    def _run(self, *words: str) -> float:
        self._scratch.mkdir()
        try:
            done = subprocess.run(
                [*self._program, *words],
                env=self._environment,
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            shutil.rmtree(self._scratch)
        if done.returncode:
            raise SystemExit(done.stderr)
        return float(done.stdout.splitlines()[-1])


def _register(side: Side, client: _Client, below: str, file: Path, folder: Path) -> None:
    """Register a model with the file, by the way that clients take."""
    model = folder / "model"
    for path, content in _SMALL_FILES.items():
        (model / path).parent.mkdir(parents=True, exist_ok=True)
        (model / path).write_text(content)
        client.put(f"{below}/model", model / path, Path(path).parent.as_posix())
    client.put(f"{below}/model", file, "data")
    source = f"mlflow-artifacts:/{below}/model"
    run = {} if side.head else {"run_id": below.split("/")[1]}
    side.ask("registered-models/create", {"name": _NAME})
    side.ask("model-versions/create", {"name": _NAME, "source": source, **run})
    deadline = time.monotonic() + _READY_BY_S
    while (version := _version(side))["status"] != "READY":
        if time.monotonic() > deadline or version["status"] == "FAILED_REGISTRATION":
            raise SystemExit(f"the version is not registered: {version}")
        time.sleep(0.1)


def _version(side: Side) -> Mapping[str, str]:
    version: Mapping[str, str] = side.ask("model-versions/get", name=_NAME, version=1)[
        "model_version"
    ]
    return version


def _write_random(path: Path, size: int) -> None:
    """Write a file that does not compress."""
    with path.open("wb") as file:
        for _ in range(size):
            file.write(os.urandom(_MIB))


if __name__ == "__main__":
    sys.exit(main())
