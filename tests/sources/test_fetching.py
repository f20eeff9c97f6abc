"""Files of sources, fetched from real servers and folders."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import obstore
import pytest
from obstore.store import S3Store

from pedigree.artifacts.credentials import StoreCredentials
from pedigree.errors import InvalidArtifactError, InvalidSourceError, SourceUnavailableError
from pedigree.settings import Settings
from pedigree.sources.fetching import fetch
from pedigree.sources.uri import FileSource, ForeignSource, ObjectSource, WebSource, parse_source
from tests.artifacts.servers.sharing import BUCKET
from tests.certificates import Authority
from tests.sources.serving import ROUTE, FileServer, serving

MODEL = {"MLmodel": b"flavors: {}\n", "data/model.bin": b"weights", "data/archive.zip": b"PK\3\4.."}


def settings(rules: str = "", **more: object) -> Settings:
    given = {"mlflow_sources": rules, "mlflow_source_networks": "127.0.0.0/8", **more}
    return Settings.model_validate(given)


def fetched(
    source: str,
    folder: Path,
    used: Settings | None = None,
    credentials: StoreCredentials | None = None,
) -> dict[str, bytes]:
    """The files of a source, read from the folder into which they were fetched."""
    place = parse_source(source)
    assert isinstance(place, ObjectSource | WebSource | FileSource | ForeignSource)
    new = folder / uuid4().hex
    new.mkdir()
    fetch(source, place, new, used or settings(), credentials=credentials)
    files = (path for path in new.rglob("*") if path.is_file())
    return {path.relative_to(new).as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize("kind", ["swift", "ceph"])
def test_a_prefix_of_a_bucket_is_fetched(
    kind: str, server_credentials: Callable[[str], StoreCredentials], tmp_path: Path
) -> None:
    credentials = server_credentials(kind)
    prefix = f"{uuid4().hex}/my model"
    secret = credentials.secret_access_key
    assert secret is not None
    bucket = S3Store(
        BUCKET,
        endpoint=credentials.endpoint_url,
        region=credentials.region,
        access_key_id=credentials.access_key_id,
        secret_access_key=secret.get_secret_value(),
        client_options={"allow_http": True},
    )
    for path, content in MODEL.items():
        obstore.put(bucket, f"{prefix}/{path}", content)
        obstore.put(bucket, f"{prefix}-of-others/{path}", b"others")
    root = f"s3://{BUCKET}/{prefix}"
    assert fetched(root, tmp_path, credentials=credentials) == MODEL
    one = fetched(f"{root}/data/model.bin", tmp_path, credentials=credentials)
    assert one == {"model.bin": b"weights"}
    with pytest.raises(InvalidSourceError, match="holds no files"):
        fetched(f"{root}/nothing", tmp_path, credentials=credentials)
    with pytest.raises(SourceUnavailableError):
        fetched(f"s3://{uuid4().hex}/x", tmp_path, credentials=credentials)


@pytest.fixture
def server() -> Iterator[FileServer]:
    files = {f"{ROUTE}/0/R/model/{path}": content for path, content in MODEL.items()}
    with serving({**files, "/pub/model.onnx": b"graph"}) as running:
        yield running


def test_one_file_of_a_web_server_is_fetched_without_a_credential(
    server: FileServer, tmp_path: Path
) -> None:
    assert fetched(f"{server.url}/pub/model.onnx", tmp_path) == {"model.onnx": b"graph"}
    assert server.authorizations == [None]


def test_a_folder_of_an_artifact_server_is_fetched(server: FileServer, tmp_path: Path) -> None:
    assert fetched(f"{server.url}{ROUTE}/0/R/model", tmp_path) == MODEL
    assert fetched(f"{server.url}{ROUTE}/0/R/model/MLmodel", tmp_path) == {
        "MLmodel": MODEL["MLmodel"]
    }


def test_a_server_with_a_certificate_of_a_trusted_authority_is_read(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with serving({"/x/model": b"1"}, authority.serving("localhost")) as server:
        trusting = settings(mlflow_source_ca_file=authority.file)
        assert fetched(f"{server.url}/x/model", tmp_path, trusting) == {"model": b"1"}
        with pytest.raises(SourceUnavailableError, match="certificate is not valid"):
            fetched(f"{server.url}/x/model", tmp_path)


def test_a_redirect_is_not_followed(server: FileServer, tmp_path: Path) -> None:
    with serving({"/inner": b"secret"}) as inner:
        server.answers["/pub/away"] = 302, {"Location": f"{inner.url}/inner"}, b""
        with pytest.raises(InvalidSourceError, match="status 302"):
            fetched(f"{server.url}/pub/away", tmp_path)
        assert inner.asked == []


def test_a_private_address_is_not_connected_to(server: FileServer, tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailableError, match="not public"):
        fetched(f"{server.url}/pub/model.onnx", tmp_path, settings(mlflow_source_networks=""))
    assert server.asked == []


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_fails_is_asked_again_later(
    server: FileServer, status: int, tmp_path: Path
) -> None:
    server.answers["/pub/model.onnx"] = status, {}, b"its own text"
    with pytest.raises(SourceUnavailableError, match=str(status)) as caught:
        fetched(f"{server.url}/pub/model.onnx", tmp_path)
    assert "its own text" not in str(caught.value)


@pytest.mark.parametrize(
    "listed",
    [
        b"<html>",
        b"[]",
        b'{"files": 1}',
        b'{"files": [{"path": "../../etc", "is_dir": false}]}',
        b'{"files": [{"path": "a/b", "is_dir": false}]}',
        b'{"files": [{"path": "", "is_dir": true}]}',
        b'{"files": [{"path": "..", "is_dir": true}]}',
        b'{"files": [{"path": 1}]}',
        b'{"files": [{"path": "a", "is_dir": "no"}]}',
        b"[" * 100_000,
    ],
)
def test_a_list_that_is_no_list_is_refused(
    server: FileServer, listed: bytes, tmp_path: Path
) -> None:
    server.answers[f"{ROUTE}?path=0%2FR%2Fmodel"] = 200, {}, listed
    with pytest.raises(InvalidSourceError, match="no list of artifacts"):
        fetched(f"{server.url}{ROUTE}/0/R/model", tmp_path)


@pytest.mark.parametrize("name", ["a\\\\b", "a\\u0000b", ".pedigree-pulled", "a\\u202eb", "C:x"])
def test_a_name_that_no_artifact_may_have_is_refused(
    server: FileServer, name: str, tmp_path: Path
) -> None:
    listed = f'{{"files": [{{"path": "{name}", "is_dir": false}}]}}'.encode()
    server.answers[f"{ROUTE}?path=0%2FR%2Fmodel"] = 200, {}, listed
    with pytest.raises(InvalidArtifactError):
        fetched(f"{server.url}{ROUTE}/0/R/model", tmp_path)


def test_folders_without_end_are_refused(server: FileServer, tmp_path: Path) -> None:
    endless = b'{"files": [{"path": "a", "is_dir": true}]}'
    for depth in range(40):
        path = "%2F".join(["0", "R", "model", *["a"] * depth])
        server.answers[f"{ROUTE}?path={path}"] = 200, {}, endless
    with pytest.raises(InvalidArtifactError, match="parts"):
        fetched(f"{server.url}{ROUTE}/0/R/model", tmp_path)
    assert len(server.asked) < 40


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        ({"mlflow_source_files": 2}, "more than 2 files"),
        ({"mlflow_source_bytes": 20}, "more than 20 bytes"),
        ({"mlflow_source_timeout": "1s"}, "took more than 1 s"),
    ],
)
def test_a_source_beyond_a_limit_is_refused(
    server: FileServer,
    limit: dict[str, object],
    text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if "mlflow_source_timeout" in limit:
        clock = iter(range(1000))
        monkeypatch.setattr("pedigree.sources.offered.time.monotonic", lambda: next(clock))
    with pytest.raises(InvalidSourceError, match=text):
        fetched(f"{server.url}{ROUTE}/0/R/model", tmp_path, settings(**limit))


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    folder = tmp_path / "shared" / "model"
    for path, content in MODEL.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    (tmp_path / "secret").write_bytes(b"secret")
    return folder


def local(shared: Path, source: str | Path) -> dict[str, bytes]:
    used = settings(f"file://{shared.parent}=seal")
    return fetched(str(source), shared.parents[1], used)


def test_a_folder_below_an_allowed_one_is_fetched(shared: Path) -> None:
    assert local(shared, shared) == MODEL
    assert local(shared, shared.as_uri()) == MODEL
    assert local(shared, shared / "data" / "model.bin") == {"model.bin": b"weights"}
    assert local(shared, shared.parent).keys() == {f"model/{path}" for path in MODEL}


def test_a_path_next_to_an_allowed_folder_is_refused(shared: Path) -> None:
    with pytest.raises(InvalidSourceError, match="To use a local path"):
        local(shared, shared.parents[1] / "secret")
    with pytest.raises(InvalidSourceError, match="cannot be read: No such file"):
        local(shared, shared / "absent")


def a_link(shared: Path) -> Path:
    (shared / "data" / "link").symlink_to(shared.parents[1] / "secret")
    return shared


def a_linked_folder(shared: Path) -> Path:
    (shared / "link").symlink_to(shared.parents[1])
    return shared


def a_link_on_the_way(shared: Path) -> Path:
    (shared / "way").symlink_to(shared.parents[1])
    return shared / "way" / "secret"


def a_link_itself(shared: Path) -> Path:
    (shared / "itself").symlink_to(shared.parents[1] / "secret")
    return shared / "itself"


def a_fifo(shared: Path) -> Path:
    os.mkfifo(shared / "fifo")
    return shared


@pytest.mark.parametrize(
    "make", [a_link, a_linked_folder, a_link_on_the_way, a_link_itself, a_fifo]
)
def test_a_link_or_a_device_is_refused(make: Callable[[Path], Path], shared: Path) -> None:
    with pytest.raises(InvalidSourceError, match=r"link, a device|cannot be read"):
        local(shared, make(shared))


def test_a_file_that_becomes_a_link_while_it_is_read_is_refused(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The link appears after the list was made, when the first file is written."""
    from pedigree.sources import offered

    real = offered.require_distinct

    def swapped(paths: Iterator[str]) -> None:
        real(paths)
        (shared / "data" / "model.bin").unlink()
        (shared / "data" / "model.bin").symlink_to(shared.parents[1] / "secret")

    monkeypatch.setattr(offered, "require_distinct", swapped)
    with pytest.raises(InvalidSourceError, match="cannot be read: Too many levels"):
        local(shared, shared)


def test_a_scheme_that_only_the_client_reads_is_not_fetched(tmp_path: Path) -> None:
    with pytest.raises(InvalidSourceError, match="cannot fetch from dbfs"):
        fetched("dbfs:/models/x", tmp_path)
