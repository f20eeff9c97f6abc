"""Webhooks over HTTP, and the feed as a stream of events."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from pedigree.access.records import Role
from pedigree.settings import Settings
from tests.factories import SECRET_KEY
from tests.receiving import LOOPBACK, Receiver
from tests.server.conftest import Served, serving


@pytest.fixture(scope="module")
def delivering(settings: Settings) -> Iterator[Served]:
    """A service with a secret key that may send to this machine; the tests send due deliveries."""
    more = {"secret_key": SECRET_KEY, "webhook_networks": LOOPBACK, "serve_delivers": False}
    with serving(settings.model_copy(update=more)) as served:
        yield served


@pytest.fixture
def admin(delivering: Served) -> httpx2.Client:
    return delivering.client(Role.ADMIN)


def test_a_webhook_is_made_changed_tried_and_removed(
    delivering: Served, admin: httpx2.Client, receiver: Receiver
) -> None:
    made = admin.post("/webhooks", json={"url": receiver.url, "types": ["model.*"]})
    assert made.status_code == 201
    path = made.headers["location"].removeprefix("/api/v1")
    webhook, secret = made.json()["webhook"], made.json()["secret"]
    read = admin.get(path)
    assert read.json() == webhook
    stale = admin.patch(path, json={"active": False}, headers={"If-Match": '"other"'})
    assert (stale.status_code, stale.json()["current"]) == (412, webhook)
    etag = {"If-Match": read.headers["etag"]}
    assert admin.patch(path, json={"description": "ci"}, headers=etag).json()["description"] == "ci"
    tried = admin.post(f"{path}/test")
    assert tried.json()["status"] == 200
    assert "nobody" not in tried.text
    assert receiver.requests[-1].content(secret)["type"] == "webhook.test"
    rotated = admin.post(f"{path}/secret", json={"keep_s": 60}).json()
    assert rotated["secret"] != secret
    assert webhook["webhook_id"] in [
        one["webhook_id"] for one in admin.get("/webhooks").json()["items"]
    ]
    assert admin.delete(path).status_code == 204
    assert admin.get(path).json()["type"] == "urn:pedigree:error:WebhookNotFoundError"


def test_deliveries_are_listed_and_restarted(
    delivering: Served, admin: httpx2.Client, receiver: Receiver
) -> None:
    made = admin.post("/webhooks", json={"url": receiver.url, "types": ["model.*"]}).json()
    path = f"/webhooks/{made['webhook']['webhook_id']}/deliveries"
    receiver.status = 500
    for _ in range(2):
        admin.post("/models", json={"name": f"new-{uuid4().hex[:8]}"})
    delivering.registry.operations.webhooks.deliver()
    first = admin.get(path, params={"limit": 1, "state": "pending"})
    (one,) = first.json()["items"]
    assert [each["status"] for each in one["attempts"]] == [500]
    (other,) = admin.get(first.links["next"]["url"].removeprefix("/api/v1")).json()["items"]
    assert other["seq"] < one["seq"]
    receiver.status = 200
    again = admin.post(f"{path}/{one['seq']}/redeliver")
    assert (again.status_code, again.json()["failures"]) == (200, 0)
    delivering.registry.operations.webhooks.deliver()
    assert admin.get(f"{path}/{one['seq']}").json()["state"] == "delivered"
    assert admin.post(f"{path}/999999/redeliver").status_code == 404


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/webhooks", {"url": "https://ci.example"}),
        ("/tokens", {"principal": "ci@churn", "roles": ["reader"]}),
    ],
)
def test_a_repeated_request_gets_the_secret_again_which_is_kept_encrypted(
    delivering: Served, admin: httpx2.Client, path: str, body: dict[str, Any]
) -> None:
    headers = {"Idempotency-Key": uuid4().hex}
    first, again = (admin.post(path, json=body, headers=headers) for _ in range(2))
    assert again.headers["idempotency-replayed"] == "true"
    assert first.json() == again.json()
    kept = delivering.registry.database.fetch_all("SELECT body FROM pedigree.kept_answer")
    assert first.json()["secret"].encode() not in b"".join(bytes(row["body"]) for row in kept)


def test_webhooks_are_for_admins_alone(delivering: Served) -> None:
    for role in (Role.READER, Role.CONTRIBUTOR, Role.DEPLOYER):
        assert delivering.client(role).get("/webhooks").status_code == 403


def test_without_a_key_the_service_says_what_it_lacks(served: Served) -> None:
    answer = served.client(Role.ADMIN).post("/webhooks", json={"url": "https://ci.example"})
    assert answer.status_code == 501
    assert "openssl rand" in answer.json()["fix"]


def next_event(lines: Iterator[str]) -> dict[str, str]:
    """The next event of a stream."""
    frame = {}
    for line in lines:
        if not line and frame:
            return frame
        name, _, value = line.partition(": ")
        if name:
            frame[name] = value
    return frame


def test_events_are_streamed_as_they_happen_and_on_from_the_last_one(
    delivering: Served, admin: httpx2.Client
) -> None:
    stream = {"Accept": "text/event-stream"}
    after = delivering.registry.events()[-1].seq
    names = [f"streamed-{uuid4().hex[:8]}" for _ in range(3)]
    admin.post("/models", json={"name": names[0]})
    params = {"after": after, "type": "model.created"}
    with admin.stream("GET", "/events", params=params, headers=stream) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        first = next_event(lines)
        assert (first["event"], json.loads(first["data"])["model"]) == ("model.created", names[0])
        admin.post("/models", json={"name": names[1]})
        second = next_event(lines)
        assert json.loads(second["data"])["seq"] == int(second["id"])
    admin.post("/models", json={"name": names[2]})
    headers = {**stream, "Last-Event-ID": first["id"]}
    with admin.stream("GET", "/events", params=params, headers=headers) as answer:
        lines = answer.iter_lines()
        assert [json.loads(next_event(lines)["data"])["model"] for _ in range(2)] == names[1:]


def test_a_token_for_one_model_follows_that_one_alone(
    delivering: Served, admin: httpx2.Client, name: str
) -> None:
    headers = {"Accept": "text/event-stream"}
    reader = delivering.client(Role.READER, models=(name,))
    admin.post("/models", json={"name": f"another-{name}"})
    admin.post("/models", json={"name": name})
    with reader.stream("GET", "/events", params={"model": name}, headers=headers) as answer:
        assert json.loads(next_event(answer.iter_lines())["data"])["model"] == name
    assert [
        each["model"] for each in reader.get("/events", params={"model": name}).json()["items"]
    ] == [name]
    assert {each["model"] for each in reader.get("/events").json()["items"]} == {name}
    assert reader.get("/events", params={"model": f"another-{name}"}).status_code == 403


def test_a_stream_ends_when_its_token_is_revoked(delivering: Served) -> None:
    reader = delivering.client(Role.READER)
    token_id = delivering.registry.tokens(limit=1000)[-1].token_id
    headers = {"Accept": "text/event-stream"}
    with reader.stream("GET", "/events", headers=headers) as answer:
        lines = answer.iter_lines()
        next_event(lines)
        delivering.registry.revoke_token(token_id)
        other = delivering.client(Role.ADMIN)
        for _ in lines:  # concurrent events may still arrive, and then none
            other.post("/models", json={"name": f"m-{uuid4().hex[:8]}"})
