"""S3, Google and Azure storage as an object store, through obstore."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import obstore
from obstore.exceptions import AlreadyExistsError

from pedigree.artifacts._remote_client import Client, client_failures, open_client
from pedigree.artifacts._remote_ingest import RemoteIntake, part_size_of
from pedigree.artifacts._verified import verified
from pedigree.artifacts.credentials import StoreCredentials
from pedigree.artifacts.objects import SignedMethod
from pedigree.artifacts.options import StoreOptions
from pedigree.artifacts.records import Digest, Tier
from pedigree.errors import CorruptionError
from pedigree.settings import redact_url

if TYPE_CHECKING:
    from obstore import Attributes, GetOptions, GetResult

_CHUNK = 1 << 20
_PARTS_AT_ONCE = 4
_LISTED_AT_ONCE = 1000


def open_remote(url: str, credentials: StoreCredentials, options: StoreOptions) -> "RemoteStore":
    """Open a bucket; no request is made yet.

    Raises:
        StoreUnavailableError: The settings contradict each other.
        InvalidInputError: An option is not for this kind of store.
    """
    shown = redact_url(url).rstrip("/")
    with client_failures(shown):
        return RemoteStore(shown, open_client(url, credentials, options), options)


class RemoteStore:
    """Stores each object under its key, below the URL's prefix."""

    is_local = False

    def __init__(self, url: str, client: Client, options: StoreOptions) -> None:
        self._url = url
        self._client = client
        self._options = options

    @property
    def url(self) -> str:
        """The bucket and prefix as a URL."""
        return self._url

    def intake(self, upload_id: UUID) -> RemoteIntake:  # noqa: ARG002 - it leaves nothing
        """Start an intake: each file is hashed first, and hashed again during its upload."""
        return RemoteIntake(self)

    def put(self, key: str, content: bytes, tier: Tier = Tier.STANDARD) -> None:
        """Upload some bytes in one request."""
        with client_failures(self._url):
            obstore.put(
                self._client, key, content, use_multipart=False, attributes=self._attributes(tier)
            )

    def create(self, key: str, content: bytes) -> bool:
        """Upload some bytes in one request, unless the key has an object."""
        with client_failures(self._url):
            try:
                obstore.put(
                    self._client,
                    key,
                    content,
                    mode="create",
                    use_multipart=False,
                    attributes=self._attributes(Tier.STANDARD),
                )
            except AlreadyExistsError:
                return False
        return True

    def put_parts(
        self, key: str, chunks: Iterator[bytes], part_size: int, tier: Tier = Tier.STANDARD
    ) -> None:
        """Upload an object in parts; the upload is aborted if ``chunks`` raises."""
        with client_failures(self._url):
            obstore.put(
                self._client,
                key,
                chunks,
                use_multipart=True,
                chunk_size=part_size,
                max_concurrency=_PARTS_AT_ONCE,
                attributes=self._attributes(tier),
            )

    def stream(self, key: str, *, start: int = 0) -> Iterator[bytes]:
        """Yield the object's bytes in chunks of about a mebibyte."""
        chunks = iter(self._get(key, start).stream(min_chunk_size=_CHUNK))
        while True:
            with client_failures(self._url):
                chunk = next(chunks, None)
            if chunk is None:
                return
            yield bytes(chunk)

    def copy(self, source_key: str, target_key: str, tier: Tier, *, digest: Digest) -> None:
        """Copy the object's bytes to the new key through this process, which hashes them.

        A server-side copy cannot check them, is limited to 5 GB, and obstore cannot set its storage
        class.
        """
        part_size = part_size_of(self.size(source_key) or 0)
        # Not by put(), which would read the chunks where no other request can be made. A copy of
        # damaged bytes is closed as well, so that no parts stay; nothing refers to its key.
        with (
            client_failures(self._url),
            obstore.open_writer(
                self._client,
                target_key,
                attributes=self._attributes(tier),
                buffer_size=part_size,
                max_concurrency=_PARTS_AT_ONCE,
            ) as writer,
        ):
            for chunk in verified(self.stream(source_key), digest, source_key):
                writer.write(chunk)

    def size(self, key: str) -> int | None:
        """Return the object's size in bytes; None if there is no object."""
        with client_failures(self._url):
            try:
                return obstore.head(self._client, key)["size"]
            except FileNotFoundError:
                return None

    def keys(self, prefix: str, *, limit: int) -> list[str]:
        """Return some keys below a prefix."""
        with client_failures(self._url):
            page = next(iter(obstore.list(self._client, prefix, chunk_size=limit)), ())
            return [each["path"] for each in page][:limit]

    def sizes(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield the key and the size of each object below a prefix, a request for each 1,000."""
        with client_failures(self._url):
            pages = iter(obstore.list(self._client, prefix, chunk_size=_LISTED_AT_ONCE))
        while True:
            with client_failures(self._url):
                page = next(pages, None)
            if page is None:
                return
            yield from ((each["path"], each["size"]) for each in page)

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; absent ones too."""
        with client_failures(self._url):
            try:
                obstore.delete(self._client, keys)
            except FileNotFoundError:
                # Google and Azure, unlike S3, stop at the first absent object.
                for key in keys:
                    with suppress(FileNotFoundError):
                        obstore.delete(self._client, key)

    def sign(
        self, keys: Sequence[str], expires: timedelta, method: SignedMethod = "GET"
    ) -> tuple[str, ...]:
        """Sign a URL for each key; no request is made, so an object need not exist."""
        with client_failures(self._url):
            return tuple(obstore.sign(self._client, method, keys, expires))

    def location(self, key: str) -> str:
        """Return the object's URL."""
        return f"{self._url}/{key}"

    def _get(self, key: str, start: int) -> "GetResult":
        # A range of an empty object would be an error.
        options: GetOptions = {"range": {"offset": start}} if start else {}
        with client_failures(self._url):
            try:
                return obstore.get(self._client, key, options=options)
            except FileNotFoundError:
                raise CorruptionError(
                    f"the object {key} is missing from the store {self._url}",
                    remedy="Restore it from a backup, or check that this is the right store",
                ) from None

    def _attributes(self, tier: Tier) -> "Attributes | None":
        storage_class = self._options.class_of(tier)
        return {"Storage-Class": storage_class} if storage_class else None
