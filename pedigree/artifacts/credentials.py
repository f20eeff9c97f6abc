"""The address and credentials of an S3 store, if the environment does not define them."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from pydantic import SecretStr

from pedigree._record import Record

if TYPE_CHECKING:
    import boto3

CredentialProvider: TypeAlias = Callable[[], Mapping[str, Any]]
"""Called whenever the last result expired. Returns ``access_key_id``, ``secret_access_key``,
``token`` and ``expires_at`` (an aware datetime, or None)."""


class StoreCredentials(Record):
    """The address and credentials of an S3 store. Missing values come from ``AWS_*`` variables."""

    endpoint_url: str | None = None
    """The URL of a store that is not Amazon's, such as ``http://127.0.0.1:9000``."""
    region: str | None = None
    access_key_id: str | None = None
    secret_access_key: SecretStr | None = None
    session_token: SecretStr | None = None
    provider: CredentialProvider | None = None
    """Used instead of the three above, for credentials that expire."""
    verify: bool = True
    """Whether the server's certificate must be valid."""

    @classmethod
    def from_boto3(
        cls, session: "boto3.Session", *, endpoint_url: str | None = None, verify: bool = True
    ) -> Self:
        """Return the credentials of a boto3 session: profile, SSO, assumed role, region.

        Raises:
            ValueError: The session has no credentials.
        """
        from obstore.auth.boto3 import Boto3CredentialProvider  # noqa: PLC0415 - needs boto3

        provider = Boto3CredentialProvider(session)
        return cls(
            endpoint_url=endpoint_url,
            region=session.region_name,
            provider=lambda: {**provider()},
            verify=verify,
        )
