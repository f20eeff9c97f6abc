"""The same operations as requests to Pedigree's service and to MLflow's server.

Each method returns exchanges for ``benchmarks._load``: lists of requests, each sent after the
previous response.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from benchmarks import _million_rows as rows

ALIAS = "champion"

_ROWS = 100
_TAGS = {"team": "growth", "tier": "gold"}
_DESCRIPTION = "weekly retention of customers who came by a campaign"
_BYTES = 16 << 10
_TAG, _VALUE = rows.COMMON_TAG


class Ours:
    """Requests to Pedigree's service, with a token.

    Args:
        names: Models that have the alias.
        secret: The token's.
    """

    def __init__(self, names: Sequence[str], secret: str) -> None:
        self.names = names
        self.authorization = f"Bearer {secret}"
        self._head = f"Authorization: {self.authorization}\r\n"

    def by_alias(self, etags: Mapping[str, str] | None = None) -> list[list[str]]:
        """Read the version of an alias; with ETags, only if it has changed."""
        known = {name: f"If-None-Match: {etag}\r\n" for name, etag in (etags or {}).items()}
        return [
            [_request("GET", alias_path(name), self._head + known.get(name, ""))]
            for name in self.names
        ]

    def searching(self) -> list[list[str]]:
        """Search by a tag of 20,000 versions."""
        words = quote(f"tags.{_TAG} = '{_VALUE}'")
        return [[_request("GET", f"/api/v1/search?filter={words}&limit={_ROWS}", self._head)]]

    def creating(self, numbers: range) -> list[list[str]]:
        """Create versions with their bytes, each in one request."""
        return [[self._with_bytes(self._name(number), number)] for number in numbers]

    def creating_of_known(self, numbers: range, known: int) -> list[list[str]]:
        """Create versions from the digest of existing bytes."""
        content = _content(known)
        return [
            [self._sealed(self._name(number), number, f"{number}.bin", content)]
            for number in numbers
        ]

    def _name(self, number: int) -> str:
        return self.names[number % len(self.names)]

    def _with_bytes(self, name: str, number: int) -> str:
        content = _content(number)
        parts = {"registration": json.dumps(self._document(number, "model.bin", content))}
        parts[_digest(content)] = content
        body = "".join(
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{part}"\r\n\r\n{text}\r\n'
            for part, text in parts.items()
        )
        target = f"/api/v1/models/{name}/versions"
        ended = f"{body}--{_BOUNDARY}--\r\n"
        return self._written("POST", target, ended, f"create-{number}", kind=_FORM)

    def _sealed(self, name: str, number: int, path: str, content: str) -> str:
        body = self._document(number, path, content)
        target = f"/api/v1/models/{name}/versions"
        return self._written("POST", target, json.dumps(body), f"seal-{number}")

    def _document(self, number: int, path: str, content: str) -> dict[str, object]:
        file = {"path": path, "size": len(content), "digest": _digest(content)}
        version = {"metadata": _metadata(number)}
        return {"files": [file], "version": version}

    def _written(self, method: str, path: str, body: str, key: str, kind: str | None = None) -> str:
        """Return a write as the SDK sends it: with an idempotency key."""
        return _request(
            method, path, f"{self._head}{kind or _JSON}Idempotency-Key: {key}\r\n", body
        )


class MLflow:
    """Requests to MLflow's server, which has no authentication here.

    Args:
        names: The same models.
        run: The run that owns the artifacts, which MLflow requires.
    """

    def __init__(self, names: Sequence[str], run: str) -> None:
        self.names = names
        self._run = run

    def by_alias(self) -> list[list[str]]:
        """Read the version of an alias."""
        path = "/api/2.0/mlflow/registered-models/alias"
        return [[_request("GET", f"{path}?name={name}&alias={ALIAS}")] for name in self.names]

    def searching(self) -> list[list[str]]:
        """Search by the same tag."""
        words = quote(f"tags.{_TAG} = '{_VALUE}'")
        path = f"/api/2.0/mlflow/model-versions/search?filter={words}&max_results={_ROWS}"
        return [[_request("GET", path)]]

    def creating(self, numbers: range) -> list[list[str]]:
        """Create versions with their bytes: put the file, create."""
        return [[self._put(number), self._created(number)] for number in numbers]

    def creating_without_bytes(self, numbers: range) -> list[list[str]]:
        """Create versions whose source is only a location, without bytes."""
        return [[self._created(number)] for number in numbers]

    def _put(self, number: int) -> str:
        path = f"/api/2.0/mlflow-artifacts/artifacts/0/{self._run}/artifacts/{number}/model.bin"
        return _request("PUT", path, _BINARY, _content(number))

    def _created(self, number: int) -> str:
        body = {
            "name": self.names[number % len(self.names)],
            "source": f"mlflow-artifacts:/0/{self._run}/artifacts/{number}",
            "run_id": self._run,
            "description": _DESCRIPTION,
            "tags": [{"key": key, "value": value} for key, value in _TAGS.items()],
        }
        path = "/api/2.0/mlflow/model-versions/create"
        return _request("POST", path, _JSON, json.dumps(body))


_JSON = "Content-Type: application/json\r\n"
_BOUNDARY = "a59e0c5d3f"
_FORM = f"Content-Type: multipart/form-data; boundary={_BOUNDARY}\r\n"
_BINARY = "Content-Type: application/octet-stream\r\n"


def alias_path(name: str) -> str:
    """Return the service's path of the version of the alias."""
    return f"/api/v1/models/{name}/aliases/{ALIAS}"


def _metadata(number: int) -> dict[str, object]:
    column = {"kind": "column", "name": "age", "type": "double"}
    return {
        "flavor": "generic",
        "signature": {"inputs": [column], "outputs": [{**column, "name": "score"}]},
        "run_id": f"run-{number}",
        "git_commit": "0" * 40,
        "git_dirty": False,
        "metrics": {"auc": 0.9, "log_loss": 0.2},
        "description": _DESCRIPTION,
        "tags": _TAGS,
    }


def _content(number: int) -> str:
    return f"{number}:".ljust(_BYTES, "w")


def _digest(content: str) -> str:
    return f"sha256:{hashlib.sha256(content.encode()).hexdigest()}"


def _request(method: str, path: str, headers: str = "", body: str = "") -> str:
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}{length}\r\n{body}"
