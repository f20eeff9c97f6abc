"""S3 and its like as object store, through obstore."""

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, cast
from uuid import UUID

import obstore
from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, S3Store, from_url
from pydantic import SecretStr

from pedigree.artifacts.credentials import StoreCredentials
from pedigree.artifacts.objects import Taken
from pedigree.artifacts.paths import SourceFile
from pedigree.artifacts.records import Digest
from pedigree.errors import CorruptionError, StoreUnavailableError
from pedigree.settings import redact_url

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config, S3CredentialProvider

_CHUNK = 1 << 20

# Parts of a multipart upload: at least 5 MiB by S3's rule, at most 10,000 of them. With the
# concurrency below and four files at a time, some 100 MiB are under way at most.
_PART = 5 << 20
_MOST_PARTS = 9_000
_PARTS_AT_ONCE = 4

# A request may take as long as its body needs, but not stand still. Retries are short: the
# caller, who knows more, gets a typed error within seconds.
_CLIENT: "ClientConfig" = {
    "connect_timeout": timedelta(seconds=5),
    "read_timeout": timedelta(minutes=2),
    "timeout": timedelta(days=1),
}
_RETRY: "RetryConfig" = {"max_retries": 5, "retry_timeout": timedelta(minutes=1)}


def open_remote(url: str, credentials: StoreCredentials) -> "RemoteStore":
    """Open a bucket; no request is made yet.

    Raises:
        StoreUnavailableError: The settings contradict themselves.
    """
    with _failures(redact_url(url)):
        if url.startswith("s3://"):
            store: S3Store | GCSStore | AzureStore = _open_s3(url, credentials)
        else:
            store = cast(
                "GCSStore | AzureStore",
                from_url(url, client_options=_CLIENT, retry_config=_RETRY),
            )
    return RemoteStore(redact_url(url).rstrip("/"), store)


def _open_s3(url: str, credentials: StoreCredentials) -> S3Store:
    given = {
        "endpoint": credentials.endpoint_url,
        "region": credentials.region,
        "access_key_id": credentials.access_key_id,
        "secret_access_key": _revealed(credentials.secret_access_key),
        "session_token": _revealed(credentials.session_token),
    }
    endpoint = credentials.endpoint_url or next(
        filter(None, map(os.environ.get, ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"))), None
    )
    if endpoint:
        given["endpoint"] = endpoint
    client: ClientConfig = {
        **_CLIENT,
        "allow_http": (endpoint or "").startswith("http://"),
        "allow_invalid_certificates": not credentials.verify,
    }
    return S3Store.from_url(
        url,
        config=cast("S3Config", {name: value for name, value in given.items() if value}),
        client_options=client,
        retry_config=_RETRY,
        credential_provider=cast("S3CredentialProvider | None", credentials.provider),
    )


class RemoteStore:
    """Keeps each object under its key, below the URL's prefix."""

    def __init__(self, url: str, store: S3Store | GCSStore | AzureStore) -> None:
        self._url = url
        self._store = store

    @property
    def url(self) -> str:
        """The bucket and prefix as a URL."""
        return self._url

    def intake(self, upload_id: UUID) -> "RemoteIntake":  # noqa: ARG002 - it leaves nothing
        """Begin to take in files: each is hashed first, and hashed again while it is uploaded."""
        return RemoteIntake(self)

    def put(self, key: str, content: bytes) -> None:
        """Upload some bytes in one request."""
        with _failures(self._url):
            obstore.put(self._store, key, content, use_multipart=False)

    def put_parts(self, key: str, chunks: Iterator[bytes], part_size: int) -> None:
        """Upload an object in parts; what was sent is withdrawn when ``chunks`` raises."""
        with _failures(self._url):
            obstore.put(
                self._store,
                key,
                chunks,
                use_multipart=True,
                chunk_size=part_size,
                max_concurrency=_PARTS_AT_ONCE,
            )

    def stream(self, key: str) -> Iterator[bytes]:
        """Give the object's bytes in pieces of about a mebibyte."""
        with _failures(self._url):
            try:
                chunks = iter(obstore.get(self._store, key).stream(min_chunk_size=_CHUNK))
            except FileNotFoundError:
                raise CorruptionError(
                    f"the object {key} is gone from the store {self._url}",
                    remedy="Restore it from a backup, or see that this is the right store",
                ) from None
        while True:
            with _failures(self._url):
                chunk = next(chunks, None)
            if chunk is None:
                return
            yield bytes(chunk)

    def size(self, key: str) -> int | None:
        """Return the object's size in bytes; None where there is none."""
        with _failures(self._url):
            try:
                return obstore.head(self._store, key)["size"]
            except FileNotFoundError:
                return None

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; absent ones too."""
        with _failures(self._url):
            try:
                obstore.delete(self._store, keys)
            except FileNotFoundError:
                # Google and Azure, unlike S3, stop at the first that is not there.
                for key in keys:
                    with suppress(FileNotFoundError):
                        obstore.delete(self._store, key)

    def location(self, key: str) -> str:
        """Return the object's URL."""
        return f"{self._url}/{key}"


class RemoteIntake:
    """Hashes files where they are; uploads only those that are missing."""

    writes_early = False

    def __init__(self, store: RemoteStore) -> None:
        self._store = store

    def take(self, source: SourceFile) -> Taken:
        """Hash the file."""
        sha256 = hashlib.sha256()
        size = 0
        buffer = memoryview(bytearray(_CHUNK))
        with source.reading() as reader:
            while count := reader.readinto(buffer):
                sha256.update(buffer[:count])
                size += count
        return Taken(f"sha256:{sha256.hexdigest()}", size)

    def keep(self, source: SourceFile, digest: Digest, key: str) -> None:
        """Upload the file; the last part is sent only when it hashed to the digest again."""
        if source.size <= _PART:
            self._store.put(key, b"".join(_rehashed(source, digest, _PART + 1)))
        else:
            part_size = max(_PART, -(-source.size // _MOST_PARTS))
            self._store.put_parts(key, _rehashed(source, digest, part_size), part_size)

    def close(self) -> None:
        """Nothing was left anywhere."""


def _rehashed(source: SourceFile, digest: Digest, part_size: int) -> Iterator[bytes]:
    """Give a file's bytes; raise instead of ending when they are not those of the digest."""
    sha256 = hashlib.sha256()
    with source.reading() as reader:
        while chunk := reader.read(part_size):
            sha256.update(chunk)
            yield chunk
    if f"sha256:{sha256.hexdigest()}" != digest:
        raise CorruptionError(
            "the file gave other bytes when it was read for the second time",
            field="path",
            value=source.path,
            remedy="Look for a failing disk, or for a program that writes to it",
        )


@contextmanager
def _failures(shown_url: str) -> Iterator[None]:
    """Tell the client's errors as errors of the store.

    The client's own text is dropped: it quotes answers that quote keys and signed strings.
    """
    try:
        yield
    except (BaseError, OSError, ValueError) as error:
        raise StoreUnavailableError(
            f"the object store {shown_url} failed: {_reason(error)}",
            remedy="See that the bucket exists, the credentials may use it, and the network is up",
        ) from None


def _reason(error: Exception) -> str:
    text = str(error)
    told = re.search(r"<Code>(\w+)</Code>", text) or re.search(r"\b([45]\d\d [A-Z][a-z ]+)", text)
    return f"{type(error).__name__}, {told[1].strip()}" if told else type(error).__name__


def _revealed(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None
