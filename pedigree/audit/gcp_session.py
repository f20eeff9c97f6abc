"""Authorized requests to Google Cloud KMS, with the credentials of Google's libraries."""

import os
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from pedigree.audit.log_keys import SETTING
from pedigree.errors import LogKeyError, UnavailableError
from pedigree.libraries import library

ENDPOINT = "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS"
"""Where `gcloud` finds the endpoint, too, such as that of Private Service Connect."""
_SCOPE = "https://www.googleapis.com/auth/cloudkms"
_CREDENTIALS = "GOOGLE_APPLICATION_CREDENTIALS"
# The sealer leads in a transaction meanwhile.
_TIMEOUT_S = 10.0
_LARGEST_ANSWER = 256 << 10
_TOO_MANY = 429
_OK, _SERVER_FAULT = 200, 500


class GcpSession:
    """Sends requests to Google Cloud KMS; its token is renewed when it ends."""

    def ask(self, method: str, path: str, content: dict[str, Any] | None) -> bytes:
        """Return the body of an answer.

        Args:
            method: The method of HTTP.
            path: The path after ``/v1/``.
            content: The JSON to send.

        Raises:
            LogKeyError: There are no credentials, or KMS refuses.
            UnavailableError: KMS does not answer, or what gives the credentials does not.
            MissingDependencyError: google-auth is not installed.
        """
        faults = library("google.auth.exceptions", extra="gcpkms")
        requests = library("requests", extra="gcpkms")
        try:
            with self._session.request(
                method,
                f"{self._endpoint}/v1/{path}",
                json=content,
                timeout=_TIMEOUT_S,
                stream=True,
                allow_redirects=False,
            ) as answer:
                status, body = answer.status_code, _bounded(answer)
        except (faults.TransportError, requests.RequestException) as error:
            raise _silent(error) from error
        except faults.GoogleAuthError as error:
            if getattr(error, "retryable", False):
                raise _silent(error) from error
            raise _without_credentials(error) from error
        if status == _TOO_MANY or status >= _SERVER_FAULT:
            raise UnavailableError(
                f"Google Cloud KMS is not available: status {status}", field=SETTING
            )
        if status != _OK or body is None:
            raise LogKeyError(
                f"Google Cloud KMS refused with status {status}"
                if status != _OK
                else "Google Cloud KMS answered with too much",
                field=SETTING,
                remedy="Enable the version, and give the account the roles"
                " roles/cloudkms.signerVerifier and roles/cloudkms.viewer for the key",
            )
        return body

    @cached_property
    def _session(self) -> Any:
        auth = library("google.auth", extra="gcpkms")
        credentials, _ = auth.default(scopes=[_SCOPE])
        transport = library("google.auth.transport.requests", extra="gcpkms")
        return transport.AuthorizedSession(credentials, refresh_timeout=_TIMEOUT_S)

    @cached_property
    def _endpoint(self) -> str:
        given = os.environ.get(ENDPOINT)
        if not given:
            return f"https://cloudkms.{self._session.credentials.universe_domain}"
        parts = urlsplit(given)
        is_local = parts.hostname in ("127.0.0.1", "::1", "localhost")
        if parts.scheme != "https" and not (parts.scheme == "http" and is_local):
            raise LogKeyError(
                "the endpoint must be https://…, since it receives a token", field=ENDPOINT
            )
        return given.rstrip("/")


def _bounded(answer: Any) -> bytes | None:
    """Return the body of an answer; None if it is too large."""
    body = bytearray()
    for chunk in answer.iter_content(64 << 10):
        body += chunk
        if len(body) > _LARGEST_ANSWER:
            return None
    return bytes(body)


def _silent(error: Exception) -> UnavailableError:
    return UnavailableError(
        f"Google Cloud KMS, or what gives its credentials, does not answer: {type(error).__name__}",
        field=SETTING,
    )


def _without_credentials(error: Exception) -> LogKeyError:
    return LogKeyError(
        f"the credentials for Google Cloud KMS cannot be used: {type(error).__name__}",
        field=_CREDENTIALS,
        remedy=f"Set {_CREDENTIALS}, run `gcloud auth application-default login`, or give the"
        " workload a service account",
    )
