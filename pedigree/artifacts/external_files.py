"""Files outside the registry's store: uploaded with their digests, fetched and verified.

A training job on a cluster, without a disk shared with the registering process, uploads its model
and reports its URL and the sha256 of each file.
"""

import hashlib
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from pedigree.artifacts.credentials import StoreCredentials
from pedigree.artifacts.objects import ObjectStore, open_store
from pedigree.artifacts.path_rules import check_path
from pedigree.artifacts.paths import scan
from pedigree.artifacts.records import Digest
from pedigree.errors import CorruptionError, InvalidArtifactError


@dataclass(frozen=True, kw_only=True)
class UploadedFiles:
    """Files under one URL, each with its digest."""

    uri: str
    files: Mapping[str, Digest]
    credentials: StoreCredentials | None = None


def upload(path: Path, url: str, credentials: StoreCredentials | None = None) -> UploadedFiles:
    """Upload a file or the files of a folder, streamed and hashed, to a new location under a URL.

    Raises:
        InvalidArtifactError: The path is refused by :func:`pedigree.artifacts.paths.scan`.
        StoreUnavailableError: The store failed.
    """
    upload_id = uuid4()
    files = {}
    with closing(_store(url, credentials).intake(upload_id)) as intake:
        for source in scan(path):
            taken = intake.take(source)
            intake.keep(source, taken.digest, f"{upload_id}/{source.path}")
            files[source.path] = taken.digest
    uri = f"{url.rstrip('/')}/{upload_id}"
    return UploadedFiles(uri=uri, files=files, credentials=credentials)


def fetch(uploaded: UploadedFiles, folder: Path) -> Path:
    """Write uploaded files into a new folder, and return it.

    Raises:
        InvalidArtifactError: No file is named, or a name would leave the folder.
        CorruptionError: A file is missing, or its bytes do not have its digest.
        StoreUnavailableError: The store failed.
    """
    if not uploaded.files:
        raise InvalidArtifactError(
            "names no file, so nothing can be verified",
            field="files",
            value=uploaded.uri,
            remedy='Report each file with its digest, {"model.onnx": "sha256:…"}',
        )
    store = _store(uploaded.uri, uploaded.credentials)
    for name, digest in uploaded.files.items():
        target = folder / check_path(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        _fetch_one(store, name, digest, target)
    return folder


def _fetch_one(store: ObjectStore, name: str, digest: Digest, target: Path) -> None:
    hashed = hashlib.sha256()
    with target.open("xb") as file:
        for chunk in store.stream(name):
            hashed.update(chunk)
            file.write(chunk)
    found = f"sha256:{hashed.hexdigest()}"
    if found != digest:
        raise CorruptionError(
            f"{store.location(name)} has other bytes than were reported, {found}",
            field="digest",
            value=digest,
            remedy="Train again; if the error persists, another process writes to that location",
        )


def _store(uri: str, credentials: StoreCredentials | None) -> ObjectStore:
    # The folder of the embedded parts is not used here: the URL is always given.
    return open_store(uri, Path(), credentials)
