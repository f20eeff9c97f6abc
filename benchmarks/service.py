"""What the service does in a second: read by alias, beside a bare handler in the same run.

Two servers over one Postgres, each a process of its own, are driven by turns by 8 connections from
a third process: ``pedigree serve`` with tokens on, and a bare FastAPI and psycopg handler that
executes the same statement and asks nobody who they are.
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from benchmarks._report import Measured, report
from pedigree import NewVersion, Registry, Settings
from pedigree.access.records import Role
from pedigree.catalog.records import DeclaredMetadata
from pedigree.signatures.records import Column, ColumnType, Signature

_MODELS = 200
_ROUNDS = 3
_SECONDS = 4
_CONNECTIONS = 8
_SHARE = 0.6
_READY_S = 3.0
_WRITES_A_SECOND = 1_000
_METADATA = DeclaredMetadata(
    flavor="generic",
    signature=Signature(
        inputs=(Column(name="age", type=ColumnType.DOUBLE),),
        outputs=(Column(name="score", type=ColumnType.DOUBLE),),
    ),
    run_id="run-1",
    git_commit="0" * 40,
    git_dirty=False,
    metrics={"auc": 0.9, "log_loss": 0.2},
    tags={"team": "growth"},
)


def main() -> int:
    """Measure and report; return the exit code."""
    with tempfile.TemporaryDirectory(prefix="pedigree-bench-") as folder:
        home = Path(folder) / "home"
        with Registry.connect(settings=Settings(home=home, actor="bench")) as registry:
            secret = _fill(registry, Path(folder))
            server = registry.database.server
            if server is None:
                raise SystemExit("the registry is not an embedded one")
            environment = {
                "PEDIGREE_HOME": str(home),
                "PEDIGREE_ACTOR": "bench",
                "BARE_DATABASE_URL": server.url("pedigree"),
            }
            figures = _measure(registry, environment, secret)
    return report(figures, sys.argv[1:])


def _fill(registry: Registry, folder: Path) -> str:
    file = folder / "model.bin"
    file.write_text("weights")
    for model in range(_MODELS):
        name = f"model-{model}"
        registry.register(name, file, NewVersion(metadata=_METADATA))
        registry.set_alias(name, "champion", 1)
    return registry.create_token("bench", roles=[Role.ADMIN]).secret


def _measure(registry: Registry, environment: dict[str, str], secret: str) -> list[Measured]:
    bare_command = ["uvicorn", "--factory", "benchmarks._bare:create_app", "--log-level", "warning"]
    names = [f"model-{model}" for model in range(_MODELS)]
    signed = f"Authorization: Bearer {secret}\r\n"
    paths = [f"/api/v1/models/{name}/aliases/champion" for name in names]
    with (
        _running(["pedigree", "serve"], environment) as (port, ready_s),
        _running(bare_command, environment) as (bare_port, _),
    ):
        ours, bare, known = [], [], []
        etags = _etags(port, paths, secret)
        for _ in range(_ROUNDS):  # by turns, so that all meet the same machine
            ours.append(_drive(port, [_get(path, signed) for path in paths]))
            bare.append(_drive(bare_port, [_get(f"/{name}/champion") for name in names]))
            conditional = [
                _get(path, f"{signed}If-None-Match: {etag}\r\n")
                for path, etag in zip(paths, etags, strict=True)
            ]
            known.append(_drive(port, conditional))
        created = _drive(port, _creating(registry, signed), statuses={201})
    return [
        Measured(what="ready after", value=ready_s, unit="s", target=_READY_S, at_least=False),
        Measured(what="read by alias", value=_best(ours), unit="/s"),
        Measured(what="99 % of them within", value=min(each["p99"] for each in ours), unit="s"),
        Measured(what="the same by a bare handler", value=_best(bare), unit="/s"),
        Measured(
            what="read by alias against the bare handler",
            value=_share(ours, bare),
            unit="of its rate",
            target=_SHARE,
        ),
        Measured(
            what="a 304 against the 200",
            value=_share(known, ours),
            unit="of its rate",
            target=1.0,
        ),
        Measured(what="models created, each with a key", value=created["rate"], unit="/s"),
    ]


def _best(loads: Sequence[dict[str, Any]]) -> float:
    return max(float(load["rate"]) for load in loads)


def _share(loads: Sequence[dict[str, Any]], others: Sequence[dict[str, Any]]) -> float:
    pairs = zip(loads, others, strict=True)
    return statistics.median(float(load["rate"]) / float(other["rate"]) for load, other in pairs)


def _get(path: str, headers: str = "") -> str:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n"


def _creating(registry: Registry, signed: str) -> list[str]:
    first = len(registry.models())
    requests = []
    for number in range(first, first + _WRITES_A_SECOND * _SECONDS):
        body = json.dumps({"name": f"new-{number}", "owners": ["ann"]})
        typed = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        head = f"POST /api/v1/models HTTP/1.1\r\nHost: localhost\r\n{signed}{typed}"
        requests.append(f"{head}Idempotency-Key: key-{number}\r\n\r\n{body}")
    return requests


def _etags(port: int, paths: Sequence[str], secret: str) -> list[str]:
    import httpx  # noqa: PLC0415 -- for this alone

    headers = {"Authorization": f"Bearer {secret}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:
        return [client.get(path).headers["etag"] for path in paths]


def _drive(
    port: int, requests: Sequence[str], statuses: frozenset[int] | set[int] = frozenset({200, 304})
) -> dict[str, Any]:
    words = ["127.0.0.1", str(port), str(_SECONDS), str(_CONNECTIONS)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks._load", *words],
        input=json.dumps(list(requests)),
        capture_output=True,
        text=True,
        check=True,
    )
    answered: dict[str, Any] = json.loads(done.stdout)
    if not set(answered["statuses"]) <= statuses:
        raise SystemExit(f"the server answered {answered['statuses']}")
    return answered


@contextmanager
def _running(command: Sequence[str], environment: dict[str, str]) -> Iterator[tuple[int, float]]:
    program, *words = command
    port = _free_port()
    started = time.perf_counter()
    process = subprocess.Popen(
        [Path(sys.executable).with_name(program), *words, "--port", str(port)],
        env={**os.environ, **environment},
        stderr=subprocess.DEVNULL,
    )
    try:
        _await(port, process)
        yield port, time.perf_counter() - started
    finally:
        process.terminate()
        process.wait()


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    while True:
        if process.poll() is not None:
            raise SystemExit(f"{process.args!r} ended")
        try:
            urlopen(f"http://127.0.0.1:{port}/docs", timeout=5).close()
        except OSError:
            time.sleep(0.01)
        else:
            return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
