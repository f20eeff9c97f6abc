"""A proxy that plants a fault: it changes answers of a server, or what the server gets."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import httpx2

from tests.server.conftest import NO_AUTHORITIES

Exchange = Callable[[], httpx2.Response]


class Fault(NamedTuple):
    """A fault of a service.

    Attributes:
        name: What is wrong.
        change: Changes the JSON of an answer in place.
        path: Only answers of paths that end so are changed.
        status: The status instead of an error's.
        loses: Writes of the path are answered with an empty object, and not done.
        repeats: Writes of the path are done twice.
    """

    name: str
    change: Callable[[Any], object] | None = None
    path: str = ""
    status: int | None = None
    loses: bool = False
    repeats: bool = False


def _versions_in(answer: Any) -> list[dict[str, Any]]:
    one = answer.get("model_version")
    of_model = answer.get("registered_model", {}).get("latest_versions", [])
    return [*([one] if one else []), *answer.get("model_versions", []), *of_model]


def _models_in(answer: Any) -> list[dict[str, Any]]:
    one = answer.get("registered_model")
    return [*([one] if one else []), *answer.get("registered_models", [])]


def _of_versions(change: Callable[[dict[str, Any]], object]) -> Callable[[Any], object]:
    return lambda answer: [change(each) for each in _versions_in(answer)]


def _of_models(change: Callable[[dict[str, Any]], object]) -> Callable[[Any], object]:
    return lambda answer: [change(each) for each in _models_in(answer)]


FAULTS = (
    Fault("a version has no source", _of_versions(lambda each: each.pop("source", None))),
    Fault("a version has no stage", _of_versions(lambda each: each.pop("current_stage", None))),
    Fault("numbers are no texts", _of_versions(lambda v: v.update(version=int(v["version"])))),
    Fault("a version is pending", _of_versions(lambda v: v.update(status="PENDING_REGISTRATION"))),
    Fault("tags are missing", _of_versions(lambda each: each.pop("tags", None))),
    Fault("aliases of versions are missing", _of_versions(lambda each: each.pop("aliases", None))),
    Fault("aliases of models are missing", _of_models(lambda each: each.pop("aliases", None))),
    Fault("empty texts are missing", _of_versions(lambda v: v.get("run_id") or v.pop("run_id"))),
    Fault("models have no description", _of_models(lambda each: each.pop("description", None))),
    Fault("times are in seconds", _of_models(lambda m: m.update(creation_timestamp=1))),
    Fault(
        "a model is never updated",
        _of_models(lambda m: m.update(last_updated_timestamp=m["creation_timestamp"])),
    ),
    Fault(
        "versions come in another order",
        lambda answer: answer.get("model_versions", []).sort(
            key=lambda each: (each["name"], each["version"])
        ),
        "model-versions/search",
    ),
    Fault(
        "errors have another code",
        lambda answer: "error_code" in answer and answer.update(error_code="BAD_REQUEST"),
    ),
    Fault("errors have no message", lambda answer: answer.pop("message", None)),
    Fault("errors are 500", status=500),
    Fault("what is missing is 400", status=400),
    Fault("a tag is lost", path="registered-models/set-tag", loses=True),
    Fault("an alias is lost", path="registered-models/alias", loses=True),
    Fault("a creation is done twice", path="model-versions/create", repeats=True),
    Fault("a deletion is lost", path="model-versions/delete", loses=True),
)


@contextmanager
def faulty(url: str, fault: Fault) -> Iterator[str]:
    """Run a proxy of a service, and yield its URL."""
    with httpx2.Client(base_url=url, timeout=60, verify=NO_AUTHORITIES) as client:
        handler = type("PlantingHandler", (_Handler,), {"client": client, "fault": fault})
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_address[1]}"
            finally:
                server.shutdown()
                thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    client: httpx2.Client
    fault: Fault

    def _pass_on(self) -> None:
        fault = self.fault
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        is_hit = self.path.partition("?")[0].endswith(fault.path or "/")
        is_write = self.command != "GET" and bool(fault.path) and is_hit
        if fault.loses and is_write:
            self._answer(200, "application/json", b"{}")
            return
        for _ in range(2 if fault.repeats and is_write else 1):
            answer = self.client.request(
                self.command,
                self.path,
                content=body,
                headers={n: v for n, v in self.headers.items() if n.lower() != "host"},
            )
        kind = answer.headers.get("content-type", "")
        status, content = answer.status_code, answer.content
        if fault.status and status >= 400:
            status = fault.status
        if fault.change and kind.startswith("application/json") and (is_hit or not fault.path):
            changed = json.loads(content)
            fault.change(changed)
            content = json.dumps(changed).encode()
        self._answer(status, kind, content)

    def _answer(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _pass_on  # noqa: N815 -- of the base class

    def log_message(self, format: str, *arguments: object) -> None:
        """Write no log."""
