"""Credentials of MLflow's own client by the host of a request: ``MLFLOW_TRACKING_AUTH=pedigree``.

MLflow's client sends one credential to the tracking server and to the registry. With this plugin,
requests to a registry service get the token that ``pedigree.connect`` would use for it. All other
requests keep what MLflow gives them (``MLFLOW_TRACKING_TOKEN``, or its user and password).

MLflow loads it by an entry point of this package; it needs no extra of the package.
"""

import os
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import urlsplit

from pedigree.client._attempts import Patience
from pedigree.client._connection import service_url
from pedigree.client._logins import login_of
from pedigree.client._workloads import AUTO, WorkloadToken
from pedigree.settings import Settings

NAME = "pedigree"
"""The value of ``MLFLOW_TRACKING_AUTH``."""

# Where MLflow's client says where the registry is, if PEDIGREE_API_URL does not.
_REGISTRY = "MLFLOW_REGISTRY_URI"
# No service has a longer prefix of its paths.
_MOST_PREFIX_PARTS = 8

FindToken = Callable[[], str]


class HttpMessage(Protocol):
    """What of a request the library ``requests`` gives to its plugins."""

    url: Any
    headers: Any


class PedigreeAuthProvider:
    """Gives MLflow's client the credentials of its requests; MLflow makes one in each process."""

    def __init__(self) -> None:
        self._tokens: dict[str, FindToken] = {}

    def get_name(self) -> str:
        """Return the name by which ``MLFLOW_TRACKING_AUTH`` chooses this plugin."""
        return NAME

    def get_auth(self) -> Callable[[HttpMessage], HttpMessage]:
        """Return what adds the credential to a request.

        Raises:
            NotAuthenticatedError: The login has ended, or this workload has no token.
            UnavailableError: What gives the token does not answer.
        """
        return self._authenticated

    def _authenticated(self, request: HttpMessage) -> HttpMessage:
        find_token = self._find_token(str(request.url))
        if find_token is not None:
            request.headers["Authorization"] = f"Bearer {find_token()}"
        return request

    def _find_token(self, url: str) -> FindToken | None:
        """Return what finds the token for a URL; None if it is not of a service that we know."""
        settings = Settings()
        secret = settings.token.get_secret_value() if settings.token else None
        configured = settings.api_url or os.environ.get(_REGISTRY, "")
        if secret and configured.startswith(("http://", "https://")):
            service = service_url(configured)
            if _is_below(url, service):
                return self._token_of(service, secret, settings)
        for service in _services_of(url):
            known = self._tokens.get(service)
            if known is None and (login := login_of(service)):
                known = self._tokens[service] = login.token
            if known is not None:
                return known
        return None

    def _token_of(self, service: str, secret: str, settings: Settings) -> FindToken:
        if secret != AUTO:
            return lambda: secret
        known = self._tokens.get(service)
        if known is None:
            patience = Patience(settings.api_timeout, settings.api_retries, settings.api_deadline)
            known = self._tokens[service] = WorkloadToken(service, settings, patience).current
        return known


def _is_below(url: str, service: str) -> bool:
    """Return whether a URL is of a service: of its scheme, host and port, below its prefix.

    >>> _is_below("https://a.example/registry/api/2.0", "https://A.example:443/registry")
    True
    >>> _is_below("https://a.example.evil/api/2.0", "https://a.example")
    False
    """
    asked, own = urlsplit(url), urlsplit(service)
    if _origin(url) != _origin(service):
        return False
    return f"{asked.path}/".startswith(f"{own.path.rstrip('/')}/")


def _services_of(url: str) -> list[str]:
    """Return the services to which a URL may belong, the longest prefix first.

    >>> _services_of("https://a.example/registry/api")[-2:]
    ['https://a.example/registry', 'https://a.example']
    """
    parts = urlsplit(url)
    named = [part for part in parts.path.split("/") if part][:_MOST_PREFIX_PARTS]
    prefixes = ["/".join(named[:count]) for count in range(len(named), -1, -1)]
    base = f"{parts.scheme}://{parts.netloc}"
    return [f"{base}/{prefix}".rstrip("/") for prefix in prefixes]


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname, parts.port or default
