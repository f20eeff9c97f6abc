"""Clients of S3, Google and Azure storage: how they are opened, and how their errors are mapped."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias, cast

from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, S3Store, from_url
from pydantic import SecretStr

from pedigree.artifacts.credentials import StoreCredentials
from pedigree.artifacts.options import StoreOptions
from pedigree.errors import InvalidInputError, ObjectArchivedError, StoreUnavailableError

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config, S3CredentialProvider

Client: TypeAlias = S3Store | GCSStore | AzureStore

# A request may take as long as its body needs, but must not stall. Retries are short: the caller,
# which knows more, gets a typed error within seconds.
_CLIENT: "ClientConfig" = {
    "connect_timeout": timedelta(seconds=5),
    "read_timeout": timedelta(minutes=2),
    "timeout": timedelta(days=1),
}
_RETRY: "RetryConfig" = {"max_retries": 5, "retry_timeout": timedelta(minutes=1)}

# The responses of S3 and Azure to a read of an object that must be restored first.
_ARCHIVED = ("InvalidObjectState", "BlobArchived")


def open_client(url: str, credentials: StoreCredentials, options: StoreOptions) -> Client:
    """Open a bucket; no request is made yet.

    Raises:
        InvalidInputError: Encryption is requested for a store that is not S3.
    """
    if url.startswith("s3://"):
        return _open_s3(url, credentials, options)
    if options.encryption:
        raise InvalidInputError(
            "only S3 has this setting; Google and Azure always encrypt, as the bucket defines",
            field="PEDIGREE_STORE_SSE",
            value=options.encryption,
            remedy="Unset it, and set the encryption of the bucket or container",
        )
    opened = from_url(url, client_options=_CLIENT, retry_config=_RETRY)
    return cast("GCSStore | AzureStore", opened)


def _open_s3(url: str, credentials: StoreCredentials, options: StoreOptions) -> S3Store:
    given = {
        "endpoint": credentials.endpoint_url,
        "region": credentials.region,
        "access_key_id": credentials.access_key_id,
        "secret_access_key": _revealed(credentials.secret_access_key),
        "session_token": _revealed(credentials.session_token),
        "server_side_encryption": options.encryption,
        "sse_kms_key_id": options.kms_key_id,
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


@contextmanager
def client_failures(shown_url: str) -> Iterator[None]:
    """Convert the client's errors to errors of the store.

    The client's own text is dropped: it quotes responses with keys and signed strings.
    """
    try:
        yield
    except (BaseError, OSError, ValueError) as error:
        raise _unavailable(shown_url, error) from None


def _unavailable(shown_url: str, error: Exception) -> StoreUnavailableError:
    if any(code in str(error) for code in _ARCHIVED):
        return ObjectArchivedError(
            f"the object is in an archive class of {shown_url} that cannot be read immediately",
            remedy="Restore it there (aws s3api restore-object), wait until that is done, and try "
            "again; a class such as GLACIER_IR needs no restore",
        )
    return StoreUnavailableError(
        f"the object store {shown_url} failed: {_reason(error)}",
        remedy="Check that the bucket exists, the credentials may use it, and the network is up",
    )


def _reason(error: Exception) -> str:
    text = str(error)
    code = re.search(r"<Code>(\w+)</Code>", text) or re.search(r"\b([45]\d\d [A-Z][a-z ]+)", text)
    return f"{type(error).__name__}, {code[1].strip()}" if code else type(error).__name__


def _revealed(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None
