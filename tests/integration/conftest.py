"""One `pedigree up` with two code locations, for tests that need real servers."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from tests.artifacts.conftest import SERVERS, servers
from tests.artifacts.servers.sharing import SharedServer
from tests.artifacts.servers.waiting import free_ports
from tests.documents import python_of
from tests.integration.served import Served

__all__ = ["servers"]

ROOT = Path(__file__).parents[2]
LOCATIONS = Path(__file__).parent / "locations"
OURS, THEIRS = "ours", "theirs"
HURRIED = {
    "registry_definitions(tumour)": "registry_definitions(tumour, interval_seconds=2)",
    "DefaultSensorStatus.RUNNING": "DefaultSensorStatus.RUNNING, minimum_interval_seconds=2",
}


def clean_environment(**more: str) -> dict[str, str]:
    """Return this process's environment without variables of Pedigree, Dagster or S3."""
    steering = ("PEDIGREE_", "DAGSTER_", "AWS_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(steering)}
    return {**kept, **more}


def code_of_the_guide() -> str:
    """Return the final code location of docs/guide.md, with a shorter sensor interval."""
    _, after = python_of("docs/guide.md")
    for calm, hurried in HURRIED.items():
        assert after.count(calm) == 1
        after = after.replace(calm, hurried)
    return after


def write_workspace(folder: Path) -> Path:
    """Write a workspace with this project's location and the guide's, in separate folders."""
    theirs = folder / "theirs"
    theirs.mkdir()
    (theirs / "theirs.py").write_text(code_of_the_guide())
    entries = [
        {
            "python_file": {
                "relative_path": str(LOCATIONS / "ours.py"),
                "working_directory": str(ROOT),
                "location_name": OURS,
            }
        },
        {
            "python_file": {
                "relative_path": "theirs/theirs.py",
                "working_directory": "theirs",
                "location_name": THEIRS,
            }
        },
    ]
    file = folder / "workspace.yaml"
    file.write_text(yaml.safe_dump({"load_from": entries}))
    return file


def up(folder: Path, environment: Mapping[str, str]) -> dict[str, object]:
    """Start the servers, and return the command's output."""
    (port,) = free_ports(1)
    workspace = write_workspace(folder)
    words = ["up", "--detach", "--workspace", workspace, "--port", str(port), "--json"]
    done = subprocess.run(
        [Path(sys.executable).with_name("pedigree"), *words],
        cwd=folder,
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    document: dict[str, object] = json.loads(done.stdout)
    return document


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The servers, with their own home folder and Postgres."""
    folder = tmp_path_factory.mktemp("served")
    home = folder / "home"
    environment = clean_environment(
        PEDIGREE_HOME=str(home), PEDIGREE_GIT_COMMIT="0123456789abcdef", PEDIGREE_ACTOR="tester"
    )
    answer = up(folder, environment)
    served = Served(str(answer["url"]), int(str(answer["pid"])), home, environment)
    yield served
    assert served.pedigree("down")["server"]


@pytest.fixture
def s3(servers: Mapping[str, SharedServer]) -> Mapping[str, str]:
    """Return boto3's variables for an object store over S3, with the servers' bucket."""
    kind = next((kind for kind in SERVERS if kind in servers), None)
    if kind is None:
        pytest.skip("; ".join(why for _, why in SERVERS.values()))
    credentials = servers[kind].credentials()
    assert credentials.secret_access_key is not None
    return {
        "AWS_ENDPOINT_URL": str(credentials.endpoint_url),
        "AWS_REGION": str(credentials.region),
        "AWS_ACCESS_KEY_ID": str(credentials.access_key_id),
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key.get_secret_value(),
    }
