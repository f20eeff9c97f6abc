"""Fixtures of the artifact tests: files to publish, and every kind of store to publish them to.

A server of S3 starts when the first test of a session uses it, and all workers of pytest-xdist
share it. It stops when the last of these ends.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
from obstore.store import S3Store

from pedigree.artifacts.credentials import StoreCredentials
from pedigree.artifacts.objects import ObjectStore, open_store
from pedigree.signatures.records import Column, ColumnType, Signature
from tests.artifacts.probes import LocalProbe, Probe, RemoteProbe
from tests.artifacts.servers.sharing import BUCKET, SharedServer, SharedServers

SWIFT_PYTHON = Path(__file__).parents[2] / ".venv-swift" / "bin" / "python"

# What starts each server, and why it is left out where that is missing.
SERVERS = {
    "swift": (
        SWIFT_PYTHON if SWIFT_PYTHON.exists() else None,
        "OpenStack Swift is not installed: `make test` puts it into .venv-swift (Linux only)",
    ),
    "ceph": (
        Path(sys.executable) if shutil.which("radosgw") and shutil.which("ceph-osd") else None,
        "Ceph is not installed: apt-get install radosgw ceph-mon ceph-osd ceph-common",
    ),
}


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedServers]:
    """The servers that can run here; each starts when a test first uses it."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # a worker's own folder is in the one that all share
    pythons = {kind: python for kind, (python, _) in SERVERS.items() if python}
    with closing(SharedServers(pythons, folder)) as running:
        yield running


@pytest.fixture
def server_credentials(
    servers: Mapping[str, SharedServer],
) -> Callable[[str], StoreCredentials]:
    """`server_credentials("ceph")` says how to reach it, or skips the test with the cause."""

    def credentials(kind: str) -> StoreCredentials:
        if kind not in servers:
            pytest.skip(SERVERS[kind][1])
        return servers[kind].credentials()

    return credentials


@pytest.fixture
def local_probe(tmp_path: Path) -> LocalProbe:
    """An empty local store."""
    root = tmp_path / "store"
    return LocalProbe(open_store(root.as_uri(), tmp_path), root)


@pytest.fixture(params=["local", "swift", "ceph"])
def probe(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    local_probe: LocalProbe,
    server_credentials: Callable[[str], StoreCredentials],
) -> Probe:
    """An empty store of each kind."""
    if request.param == "local":
        return local_probe
    credentials = server_credentials(request.param)
    prefix = uuid4().hex
    store = open_store(f"s3://{BUCKET}/{prefix}", tmp_path, credentials)
    return RemoteProbe(store, _bucket(credentials, prefix))


@pytest.fixture
def store(probe: Probe) -> ObjectStore:
    """An empty store of each kind."""
    return probe.store


def _bucket(credentials: StoreCredentials, prefix: str) -> S3Store:
    assert credentials.secret_access_key
    return S3Store(
        BUCKET,
        prefix=prefix,
        endpoint=credentials.endpoint_url or "",
        region=credentials.region or "",
        access_key_id=credentials.access_key_id or "",
        secret_access_key=credentials.secret_access_key.get_secret_value(),
        client_options={"allow_http": True},
    )


@pytest.fixture
def signature() -> Signature:
    return Signature(
        inputs=(Column(name="age", type=ColumnType.LONG),),
        outputs=(Column(name="churn", type=ColumnType.DOUBLE),),
    )


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[[Mapping[str, bytes]], Path]:
    """`make_folder({"model.bin": b"…", "sub/info.json": b"…"})` is the path of such a folder."""

    def make(files: Mapping[str, bytes]) -> Path:
        folder = tmp_path / "sources" / uuid4().hex
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        return folder

    return make
