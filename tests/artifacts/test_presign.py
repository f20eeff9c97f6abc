import base64
import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from pedigree.artifacts.objects import open_store
from pedigree.artifacts.presign import presign
from pedigree.errors import InvalidInputError, NotFoundError, UnsupportedByStoreError
from pedigree.postgres.database import Database
from tests.artifacts.probes import LocalProbe, Probe
from tests.artifacts.publishing import keys_of, publish_and_seal
from tests.artifacts.servers.waiting import wait_until

Make = Callable[[Mapping[str, bytes]], Path]
FILES = {"model.bin": b"weights", "sub/größe.json": b"{}"}
HOUR = timedelta(hours=1)


def get(url: str) -> bytes:
    with urllib.request.urlopen(url) as answer:
        content: bytes = answer.read()
    return content


def is_refused(url: str) -> bool:
    try:
        get(url)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code == 403
    return False


@pytest.mark.contract
@pytest.mark.parametrize("probe", ["swift", "ceph"], indirect=True)
def test_anybody_reads_by_a_signed_url_until_it_expires(
    database: Database, probe: Probe, make_folder: Make
) -> None:
    manifest = publish_and_seal(database, probe.store, make_folder(FILES))
    keys = keys_of(database, manifest)
    urls = presign(probe.store, manifest, keys, None, HOUR)
    assert {path: get(url) for path, url in urls.items()} == FILES
    assert set(presign(probe.store, manifest, keys, "model.bin", HOUR)) == {"model.bin"}
    assert is_refused(urls["model.bin"].replace("Signature=", "Signature=0"))
    short = presign(probe.store, manifest, keys, "model.bin", timedelta(seconds=1))["model.bin"]
    wait_until(lambda: is_refused(short), "the end of a signed URL", seconds=20)


def test_a_folder_refuses_to_sign(
    database: Database, local_probe: LocalProbe, make_folder: Make
) -> None:
    manifest = publish_and_seal(database, local_probe.store, make_folder(FILES))
    with pytest.raises(UnsupportedByStoreError, match="s3://"):
        presign(local_probe.store, manifest, keys_of(database, manifest), None, HOUR)


@pytest.mark.parametrize("expires", [timedelta(0), timedelta(days=8)])
def test_a_time_outside_the_range_is_refused(
    expires: timedelta, database: Database, local_probe: LocalProbe, make_folder: Make
) -> None:
    manifest = publish_and_seal(database, local_probe.store, make_folder(FILES))
    with pytest.raises(InvalidInputError, match="one second to seven days"):
        presign(local_probe.store, manifest, {}, None, expires)


def test_a_file_that_the_version_has_not_is_not_found(
    database: Database, local_probe: LocalProbe, make_folder: Make
) -> None:
    manifest = publish_and_seal(database, local_probe.store, make_folder(FILES))
    with pytest.raises(NotFoundError, match="no such file"):
        presign(local_probe.store, manifest, {}, "other.bin", HOUR)


def test_azure_signs_by_its_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", base64.b64encode(b"secret").decode())
    (url,) = open_store("az://container/prefix", tmp_path).sign(["key"], HOUR)
    assert url.startswith("https://account.blob.core.windows.net/container/prefix/key?")
    assert "sig=" in url


def test_google_signs_by_its_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = subprocess.run(
        ["openssl", "genpkey", "-algorithm", "RSA"], capture_output=True, check=True, text=True
    )
    account = {
        "type": "service_account",
        "client_email": "tester@project.iam.gserviceaccount.com",
        "private_key": made.stdout,
        "private_key_id": "1",
    }
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT_KEY", json.dumps(account))
    (url,) = open_store("gs://bucket/prefix", tmp_path).sign(["key"], HOUR)
    assert url.startswith("https://storage.googleapis.com/bucket/prefix/key?")
    assert "X-Goog-Signature=" in url
