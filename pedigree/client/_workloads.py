"""``PEDIGREE_TOKEN=auto``: find the token of this workload, and exchange it for one of the service.

The workload's token is read at each exchange, since its platform replaces it.
"""

import hashlib
import os
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from pedigree.client._attempts import Attempts, Patience, Unanswered, error_or_retry, lost
from pedigree.client._problems import error_of
from pedigree.client._secret_files import SecretFile
from pedigree.contract.paths import EXCHANGE, PREFIX
from pedigree.errors import NotAuthenticatedError, ServiceUnavailableError
from pedigree.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx2

AUTO = "auto"
"""The value of ``PEDIGREE_TOKEN`` that asks for all this."""

_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
_JWT = "urn:ietf:params:oauth:token-type:jwt"
_MOST_TOKEN_BYTES = 16 << 10
# A new token is asked for before the old one expires, if the platform gives a new one to exchange.
_MARGIN_S = 60.0
# What another process got is used until then.
_SHORTEST_S = 5.0


class _Found(NamedTuple):
    """The token of this workload."""

    token: str
    is_new: bool
    """The platform gives another one each time."""


class _Exchanged(NamedTuple):
    """A token of the service, and when it expires by the clock of this machine."""

    token: str
    expires_at: float


class WorkloadToken:
    """The token of the service for this workload.

    Args:
        url: The service.
        settings: Where to look for the workload's token.
        patience: How often and how long the platform and the service are asked.
    """

    def __init__(self, url: str, settings: Settings, patience: Patience) -> None:
        self._url = url
        self._settings = settings
        self._patience = patience
        self._known: _Exchanged | None = None

    def current(self) -> str:
        """Return a token that is valid now.

        Raises:
            NotAuthenticatedError: This is no workload with a token, or its platform gives none.
            ExchangeRefusedError: The service does not exchange the workload's token.
            UnavailableError: The platform or the service does not answer.
        """
        now = time.time()
        if self._known is None or now >= self._known.expires_at - _MARGIN_S:
            self._known = self._renewed()
        return self._known.token

    def _renewed(self) -> _Exchanged:
        found = self._found()
        if found.is_new:
            return self._exchanged(found.token)
        # It is exchanged once, so the processes of a job share what they get for it.
        named = hashlib.sha256(f"{self._url}\0{found.token}".encode()).hexdigest()
        with ExitStack() as held:
            try:
                shared = SecretFile(_cache() / f"{named}.json")
                held.enter_context(shared.locked())
            except (OSError, RuntimeError):  # nothing can be written here, or there is no home
                return self._exchanged(found.token)
            return _kept(shared) or self._exchange_and_keep(found.token, shared)

    def _exchange_and_keep(self, token: str, shared: SecretFile) -> _Exchanged:
        exchanged = self._exchanged(token)
        with suppress(OSError):  # the disk is full
            shared.write(exchanged._asdict())
        return exchanged

    def _found(self) -> _Found:
        if "ACTIONS_ID_TOKEN_REQUEST_URL" in os.environ:
            return _Found(self._token_of_github(), is_new=True)
        if given := self._settings.id_token:
            return _Found(given.get_secret_value(), is_new=False)
        file = self._settings.token_file
        try:
            with file.open("rb") as opened:
                return _Found(opened.read(_MOST_TOKEN_BYTES).decode().strip(), is_new=False)
        except (OSError, ValueError) as error:
            raise NotAuthenticatedError(
                "PEDIGREE_TOKEN is auto, and this process has no token of its platform: no"
                f" permission id-token of GitHub, no PEDIGREE_ID_TOKEN, and {file} cannot be read",
                field="PEDIGREE_TOKEN",
                remedy="See docs/ci.md for what each platform needs",
            ) from error

    def _token_of_github(self) -> str:
        audience = self._settings.audience or self._url
        url = os.environ["ACTIONS_ID_TOKEN_REQUEST_URL"]
        bearer = os.environ.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "")

        def ask(client: "httpx2.Client") -> "httpx2.Response":
            return client.get(
                url,
                params={**dict(_query(url)), "audience": audience},
                headers={"Authorization": f"Bearer {bearer}"},
            )

        try:
            return str(self._answer(ask)["value"])
        except KeyError as error:
            raise NotAuthenticatedError(
                "GitHub answered without a token of this job",
                field="PEDIGREE_TOKEN",
                remedy="Run the job again",
            ) from error

    def _exchanged(self, token: str) -> _Exchanged:
        form = {"grant_type": _GRANT, "subject_token": token, "subject_token_type": _JWT}

        def ask(client: "httpx2.Client") -> "httpx2.Response":
            return client.post(f"{self._url}{PREFIX}{EXCHANGE}", data=form)

        begun = time.time()
        answered = self._answer(ask)
        return _Exchanged(str(answered["access_token"]), begun + float(answered["expires_in"]))

    def _answer(self, ask: "Callable[[httpx2.Client], httpx2.Response]") -> dict[str, Any]:
        """Return the JSON of an answer; asks again as long as the patience lasts."""
        import httpx2  # noqa: PLC0415 -- takes a tenth of a second, and not every process needs it

        attempts = Attempts(self._patience)
        with httpx2.Client(timeout=self._patience.timeout) as client:
            while True:
                try:
                    answer = ask(client)
                    if answer.is_success:
                        return _object_in(answer)
                    raise error_or_retry(error_of(answer), answer)
                except httpx2.TransportError as error:
                    attempts.wait(lost(error))
                except Unanswered as error:
                    attempts.wait(error)


def _object_in(answer: "httpx2.Response") -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        found = None
    if isinstance(found, dict):
        return found
    raise ServiceUnavailableError(
        f"{answer.request.url.host} answered without JSON",
        remedy="Check the proxies between here and there",
    )


def _query(url: str) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(url).query, keep_blank_values=True)


def _kept(shared: SecretFile) -> _Exchanged | None:
    """Return what another process of this job got, if it is still valid."""
    found = shared.read() or {}
    token, expires_at = found.get("token"), found.get("expires_at")
    if not isinstance(token, str) or not isinstance(expires_at, int | float):
        return None
    return _Exchanged(token, expires_at) if expires_at > time.time() + _SHORTEST_S else None


def _cache() -> Path:
    folder = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(folder) / "pedigree" / "tokens"
