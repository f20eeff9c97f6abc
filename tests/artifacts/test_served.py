"""The service over a remote store: bytes go straight between the store and the client."""

import os
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest

import pedigree
from pedigree.access.records import Role
from pedigree.artifacts.credentials import StoreCredentials
from pedigree.artifacts.records import digest_of
from pedigree.settings import Settings
from tests.artifacts.servers.sharing import BUCKET
from tests.factories import artifact, new_version
from tests.server.conftest import serving
from tests.server.test_uploads import body, upload

pytestmark = pytest.mark.system

CONTENT = b"weights" * 1000


@pytest.fixture
def settings(
    server_credentials: Callable[[str], StoreCredentials],
    monkeypatch: pytest.MonkeyPatch,
    database_url: str,
    home: Path,
) -> Settings:
    """The settings of a service over an S3 store."""
    credentials = server_credentials("swift")
    assert credentials.secret_access_key
    monkeypatch.setenv("AWS_ENDPOINT_URL", credentials.endpoint_url or "")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_REGION", credentials.region or "")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", credentials.access_key_id or "")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key.get_secret_value())
    store_url = f"s3://{BUCKET}/{uuid4().hex}"
    return Settings(home=home, database_url=database_url, store_url=store_url, actor="tester")


def test_files_are_put_to_the_store_and_fetched_from_it(settings: Settings) -> None:
    with serving(settings) as served:
        client = served.client(Role.CONTRIBUTOR)
        path, files = upload(client, "churn", CONTENT)
        (wanted,) = client.get(path).json()["files"]
        httpx2.put(wanted["url"], content=CONTENT).raise_for_status()
        made = client.post("/models/churn/versions", json=body(files, path))
        assert made.status_code == 201, made.text
        found = client.get("/models/churn/versions/1/download/part-0")
        assert found.status_code == 307
        assert httpx2.get(found.headers["location"]).content == CONTENT
        assert digest_of(CONTENT) == files[0]["digest"]
        # A client without network access to the store sends its files to the service.
        path, files = upload(client, "churn", CONTENT + b"!")
        target = f"{path}/files/{files[0]['digest']}"
        assert client.put(target, content=CONTENT + b"!").status_code == 204
        assert client.post("/models/churn/versions", json=body(files, path)).status_code == 201
        assert served.registry.fsck(hashes=True).ok


def test_the_client_moves_files_straight_to_and_from_the_store(
    settings: Settings, tmp_path: Path
) -> None:
    with serving(settings) as served:
        token = served.registry.create_token("ci", roles=[Role.CONTRIBUTOR]).secret
        mine = Settings(home=tmp_path / "client")
        with pedigree.connect(served.url, token=token, settings=mine) as registry:
            folder = artifact(tmp_path / "model", "w" * (6 << 20))
            done = registry.register("churn", folder, new_version())
            (url,) = registry.presign(done.version.reference).values()
            assert url.startswith(os.environ["AWS_ENDPOINT_URL"])
            manifest = registry.pull("churn@latest", tmp_path / "there")
            assert manifest.digest == done.version.digest
            _, rest = registry.stream("churn/1", "model.bin", start=(6 << 20) - 3)
            assert b"".join(rest) == b"www"
        assert not [*(settings.home_folder / "incoming").glob("*")]
