"""A client of the tracking server that a setting names: runs, logged models and their artifacts.

The operator names this server, so it may be in a private network, and gets the credential of the
service. No redirect is followed, which would carry that credential away, and answers have a limit.
"""

import base64
import json
from collections.abc import Iterator
from typing import Any, Self
from urllib.parse import quote, urlsplit

import httpx2

from pedigree.errors import InvalidSourceError, SourceUnavailableError
from pedigree.sources.artifact_api import LARGEST_LIST, ROUTE
from pedigree.sources.upstream_records import UpstreamModel, UpstreamRun
from pedigree.untrusted.documents import DocumentError, parsed_json

SETTING = "PEDIGREE_MLFLOW_UPSTREAM"

_API = "/api/2.0/mlflow"
_LARGEST = 16 << 20
_CHUNK = 1 << 20
# The tag by which MLflow's page of a logged model shows its registered versions.
_VERSIONS_TAG = "mlflow.modelVersions"


class Upstream404Error(Exception):
    """The tracking server has no such run, model or file. Private to `sources`."""


class TrackingServer:
    """Asks one tracking server; used as a context, since it keeps connections.

    Args:
        url: Its URL, perhaps with a path below which it serves.
        credential: ``user:password``, or a bearer token; None for an open server.
        timeout_s: The limit of waiting for each part of an answer, in seconds.
    """

    def __init__(self, url: str, credential: str | None, timeout_s: float) -> None:
        self._url = url.rstrip("/")
        self._client = httpx2.Client(
            headers={"User-Agent": "pedigree", **_authorization(credential)},
            timeout=timeout_s,
            follow_redirects=False,
            trust_env=False,
            limits=httpx2.Limits(max_connections=4),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def is_its_host(self, authority: str) -> bool:
        """Return whether an authority of a URI is that of this server."""
        return authority.lower() == urlsplit(self._url).netloc.lower()

    def run(self, run_id: str) -> UpstreamRun | None:
        """Return a run; None if there is none.

        Raises:
            SourceUnavailableError: The server does not answer, or not as MLflow does.
        """
        answer = self._asked(f"{_API}/runs/get?run_id={quote(run_id, safe='')}")
        if answer is None:
            return None
        found = UpstreamRun.of(answer.get("run"))
        if found is None or found.run_id != run_id:
            raise _unknown_answer()
        return found

    def model(self, model_id: str) -> UpstreamModel | None:
        """Return a logged model; None if there is none.

        Raises:
            SourceUnavailableError: The server does not answer, or not as MLflow does.
        """
        answer = self._asked(f"{_API}/logged-models/{quote(model_id, safe='')}")
        if answer is None:
            return None
        found = UpstreamModel.of(answer.get("model"))
        if found is None or found.model_id != model_id:
            raise _unknown_answer()
        return found

    def note_version(self, model_id: str, name: str, version: int) -> None:
        """Write into the tag of a logged model that it is a version, as MLflow's server does.

        Raises:
            SourceUnavailableError: The server does not answer.
        """
        model = self.model(model_id)
        if model is None:
            return
        noted = _noted(model.tags.get(_VERSIONS_TAG))
        new = {"name": name, "version": str(version)}
        if any(each | {"version": str(each.get("version"))} == new for each in noted):
            return
        tag = {"key": _VERSIONS_TAG, "value": json.dumps([*noted, new])}
        path = f"{_API}/logged-models/{quote(model_id, safe='')}/tags"
        try:
            self._body("PATCH", path, {"tags": [tag]})
        except Upstream404Error:
            return  # deleted since

    def listed(self, path: str) -> bytes:
        """Return the JSON of the list of a folder, among the artifacts that the server proxies."""
        try:
            return self._body("GET", f"{ROUTE}?path={quote(path, safe='')}", most=LARGEST_LIST)
        except Upstream404Error:
            return b"{}"

    def chunks(self, path: str) -> Iterator[bytes]:
        """Yield the bytes of a file among the artifacts that the server proxies.

        Raises:
            InvalidSourceError: There is no such file.
            SourceUnavailableError: The server does not answer.
        """
        try:
            with self._client.stream("GET", f"{self._url}{ROUTE}/{quote(path)}") as answer:
                _require_ok(answer.status_code)
                yield from answer.iter_raw(_CHUNK)
        except Upstream404Error:
            raise InvalidSourceError(f"The tracking server has no file {path}") from None
        except (httpx2.HTTPError, OSError) as error:
            raise _unavailable(error) from error

    def _asked(self, target: str) -> dict[str, Any] | None:
        try:
            answer = parsed_json(self._body("GET", target))
        except Upstream404Error:
            return None
        except DocumentError as error:
            raise _unknown_answer() from error
        if not isinstance(answer, dict):
            raise _unknown_answer()
        return answer

    def _body(
        self, method: str, target: str, content: object = None, *, most: int = _LARGEST
    ) -> bytes:
        try:
            with self._client.stream(method, f"{self._url}{target}", json=content) as answer:
                _require_ok(answer.status_code)
                body = bytearray()
                for chunk in answer.iter_bytes(_CHUNK):
                    body += chunk
                    if len(body) > most:
                        raise _unknown_answer()
        except (httpx2.HTTPError, OSError) as error:
            raise _unavailable(error) from error
        return bytes(body)


def _authorization(credential: str | None) -> dict[str, str]:
    if credential is None:
        return {}
    if ":" in credential:
        return {"Authorization": f"Basic {base64.b64encode(credential.encode()).decode()}"}
    return {"Authorization": f"Bearer {credential}"}


def _noted(value: str | None) -> list[dict[str, Any]]:
    try:
        found = json.loads(value) if value else []
    except (ValueError, RecursionError):
        return []
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _require_ok(status: int) -> None:
    if status == httpx2.codes.NOT_FOUND:
        raise Upstream404Error
    if status in {httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN}:
        raise SourceUnavailableError(
            f"the tracking server refused the service with status {status}",
            field=SETTING,
            remedy="Set PEDIGREE_MLFLOW_UPSTREAM_CREDENTIAL to user:password, or to a token",
        )
    if status != httpx2.codes.OK:
        raise SourceUnavailableError(
            f"the tracking server answered with status {status}", field=SETTING
        )


def _unavailable(error: Exception) -> SourceUnavailableError:
    return SourceUnavailableError(
        f"the tracking server does not answer: {type(error).__name__}", field=SETTING
    )


def _unknown_answer() -> SourceUnavailableError:
    return SourceUnavailableError(
        "the tracking server answered with something else than MLflow does",
        field=SETTING,
        remedy="Set it to the URL of an MLflow tracking server",
    )
