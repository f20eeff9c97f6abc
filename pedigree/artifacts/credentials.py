"""How to reach an S3 store, where the environment does not say."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from pydantic import SecretStr

from pedigree._record import Record

if TYPE_CHECKING:
    import boto3

CredentialProvider: TypeAlias = Callable[[], Mapping[str, Any]]
"""Called whenever the last answer expired. Gives ``access_key_id``, ``secret_access_key``,
``token`` and ``expires_at`` (a moment with a time zone, or None)."""


class StoreCredentials(Record):
    """Where an S3 store is and who asks. What is not given comes from the ``AWS_*`` variables."""

    endpoint_url: str | None = None
    """Of a store that is not Amazon's, such as ``http://127.0.0.1:9000``."""
    region: str | None = None
    access_key_id: str | None = None
    secret_access_key: SecretStr | None = None
    session_token: SecretStr | None = None
    provider: CredentialProvider | None = None
    """Asked instead of the three above, for credentials that expire."""
    verify: bool = True
    """Whether the server's certificate must be valid."""

    @classmethod
    def from_boto3(
        cls, session: "boto3.Session", *, endpoint_url: str | None = None, verify: bool = True
    ) -> Self:
        """Take what a boto3 session knows: profile, SSO, assumed role, region.

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
