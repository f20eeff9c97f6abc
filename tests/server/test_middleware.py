"""Each request has an id and log lines without secrets."""

import ast
import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from contextvars import copy_context
from pathlib import Path
from typing import Any

import httpx2
import pytest

from pedigree import logs
from pedigree.access.records import Role
from pedigree.postgres.database import Database
from tests.server.conftest import Served

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "operations.md"

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """The log in JSON, with reads."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logs.JsonFormatter())
    logger = logging.getLogger("pedigree")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    logger.removeHandler(handler)
    logger.setLevel(before)


def test_a_log_line_has_actor_action_version_and_duration(
    served: Served, version: Callable[..., int], name: str, lines: Lines
) -> None:
    number = version()
    client = served.client(Role.CONTRIBUTOR)
    answer = client.patch(f"/models/{name}/versions/{number}", json={"description": "the first"})
    (line,) = [each for each in lines() if each["action"] == "request.answered"]
    assert line["actor"].startswith("contributor@")
    assert (line["model"], line["version"], line["status"]) == (name, str(number), 200)
    assert line["route"] == "/api/v1/models/{name}/versions/{version}"
    assert line["duration_ms"] > 0
    assert line["level"] == "info"
    assert line["request_id"] == answer.headers["x-request-id"]


def test_successful_reads_are_logged_only_at_debug(admin: httpx2.Client, lines: Lines) -> None:
    for path in ("/models", "/models/nobody-made"):
        admin.get(path)
    answered: list[dict[str, Any]] = []
    while len(answered) < 2:  # a line is written after its answer
        answered = [each for each in lines() if each["action"] == "request.answered"]
    assert [each["level"] for each in answered] == ["debug", "info"]


def test_an_id_is_taken_over_if_it_is_fit_for_a_line(admin: httpx2.Client) -> None:
    taken = admin.get("/models", headers={"X-Request-ID": "balancer/4711"})
    assert taken.headers["x-request-id"] == "balancer/4711"
    for unfit in ("a b", "x" * 129, '"}'):
        given = admin.get("/models", headers={"X-Request-ID": unfit}).headers["x-request-id"]
        assert len(given) == 32


def test_a_crash_has_its_request_id_in_the_answer_and_in_the_log(
    served: Served, admin: httpx2.Client, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise RuntimeError("with pdg_secret123 and postgresql://ann:pw@db/r in it")

    monkeypatch.setattr(Database, "_retry", crash)
    answer = admin.get("/models")
    assert answer.status_code == 500
    crashed, answered = (
        next(each for each in lines() if each["action"] == action)
        for action in ("request.crashed", "request.answered")
    )
    assert crashed["request_id"] == answered["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "RuntimeError: with pdg_*** and postgresql://ann:***@db/r" in crashed["exception"]


def test_no_line_has_a_secret(served: Served, lines: Lines) -> None:
    secret = served.registry.create_token("spy", roles=[Role.READER]).secret
    headers = {"Authorization": f"Bearer {secret}", "X-Request-ID": secret}
    httpx2.get(f"{served.url}/api/v1/models?token={secret}", headers=headers)
    httpx2.get(f"{served.url}/api/v1/models/{secret}", headers=headers)
    logging.getLogger("pedigree.test").info("sent Bearer %s", secret, extra={"error": secret})
    formatted = json.dumps(lines())
    assert "request.answered" in formatted
    assert secret not in formatted
    assert secret.removeprefix("pdg_") not in formatted


def test_text_for_people_says_the_same(served: Served) -> None:
    record = logging.LogRecord("pedigree", logging.INFO, "", 1, "done for %s", ("pdg_x1",), None)
    record.action, record.status = "delivery.tried", 200  # type: ignore[attr-defined]

    def formatted() -> str:
        logs.bind_fields(lambda: {"request_id": "r1", "actor": None})
        return logs.TextFormatter().format(record)

    line = copy_context().run(formatted)
    assert line.endswith("info action=delivery.tried request_id=r1 status=200 done for pdg_***")


def logging_calls() -> Iterator[tuple[str, ast.Call]]:
    """Every line of code that logs, and where it is."""
    for path in (ROOT / "pedigree").rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        if "getLogger" not in source:
            continue
        for node in ast.walk(ast.parse(source)):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="_LOG" | "_logger"), attr=attr)):
                    if attr != "isEnabledFor":
                        yield f"{path.name}:{node.lineno}", node


def test_every_line_has_an_action_that_is_documented() -> None:
    known = set(re.findall(r"`([a-z_]+\.[a-z_]+)`", DOCS.read_text(encoding="utf-8")))
    calls = dict(logging_calls())
    assert len(calls) > 10
    for where, call in calls.items():
        (extra,) = [each.value for each in call.keywords if each.arg == "extra"]
        assert isinstance(extra, ast.Dict), where
        said = {
            key.value: value for key, value in zip(extra.keys, extra.values, strict=True) if key
        }
        if isinstance(said["action"], ast.Constant):
            assert said["action"].value in known, where
        assert set(said) <= set(logs.FIELDS), where
