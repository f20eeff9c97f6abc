"""Start a server that all workers of a test session share, or join the one that runs."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from pedigree.artifacts.credentials import StoreCredentials
from tests.artifacts.servers.waiting import wait_until

BUCKET = "pedigree-tests"


class SharedServer:
    """One server, used until this object is closed or its process ends, in whatever way."""

    def __init__(self, kind: str, python: Path, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._users = (folder / "users").open("ab")
        fcntl.flock(self._users, fcntl.LOCK_SH)
        self._once("started", lambda: self._start(kind, python))

    def credentials(self) -> StoreCredentials:
        """Wait for a server of S3, see that the bucket is there, and say how to reach it."""
        server = self.announced()
        self._once("bucket", lambda: _create_bucket(server))
        return StoreCredentials(**server)

    def announced(self) -> dict[str, str]:
        """Wait for the server, and return what it says of itself."""
        announced = self._folder / "announced.json"
        wait_until(announced.exists, f"the start of {self._folder}", seconds=120)
        answer = json.loads(announced.read_text())
        if "failure" in answer:
            pytest.fail(f"{answer['failure']}\n{(self._folder / 'log').read_text()[-4000:]}")
        server: dict[str, str] = answer["server"]
        return server

    def close(self) -> None:
        self._users.close()

    def _start(self, kind: str, python: Path) -> None:
        script = Path(__file__).parent / "supervisor.py"
        # Spawned and not a Popen: it may outlive this process, which need not wait for it.
        os.posix_spawn(
            python,
            [str(python), str(script), kind, str(self._folder)],
            os.environ,
            setsid=True,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (
                    os.POSIX_SPAWN_OPEN,
                    1,
                    self._folder / "log",
                    os.O_CREAT | os.O_WRONLY | os.O_APPEND,
                    0o600,
                ),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
        )

    def _once(self, name: str, act: Callable[[], None]) -> None:
        with (self._folder / f"{name}.lock").open("a+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            lock.seek(0)
            if not lock.read():
                act()
                lock.write("done")


class SharedServers(Mapping[str, SharedServer]):
    """The kinds of servers that can run here; looking one up starts it."""

    def __init__(self, pythons: Mapping[str, Path], folder: Path) -> None:
        self._pythons = pythons
        self._folder = folder
        self._started: dict[str, SharedServer] = {}

    def __getitem__(self, kind: str) -> SharedServer:
        if kind not in self._started:
            python = self._pythons[kind]
            self._started[kind] = SharedServer(kind, python, self._folder / kind)
        return self._started[kind]

    def __contains__(self, kind: object) -> bool:
        return kind in self._pythons

    def __iter__(self) -> Iterator[str]:
        return iter(self._pythons)

    def __len__(self) -> int:
        return len(self._pythons)

    def close(self) -> None:
        """End the use of those that were started."""
        for server in self._started.values():
            server.close()


def as_environment(credentials: StoreCredentials) -> dict[str, str]:
    """The variables with which a process finds the server."""
    secret = credentials.secret_access_key
    values = {
        "AWS_ENDPOINT_URL": credentials.endpoint_url,
        "AWS_REGION": credentials.region,
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": secret.get_secret_value() if secret else None,
    }
    return {name: value for name, value in values.items() if value}


def _create_bucket(server: dict[str, str]) -> None:
    client = boto3.client(
        "s3",
        endpoint_url=server["endpoint_url"],
        region_name=server["region"],
        aws_access_key_id=server["access_key_id"],
        aws_secret_access_key=server["secret_access_key"],
        config=Config(s3={"addressing_style": "path"}),
    )
    with closing(client):
        client.create_bucket(Bucket=BUCKET)
