"""Webhooks by requests of MLflow's protocol."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from pedigree.access.records import Role
from pedigree.server.mlflow.routes import AJAX, API
from pedigree.settings import Settings
from tests.factories import SECRET_KEY
from tests.receiving import LOOPBACK, Receiver
from tests.server.conftest import Served, serving

CREATED = {"entity": "REGISTERED_MODEL", "action": "CREATED"}
TAGGED = {"entity": "MODEL_VERSION_TAG", "action": "SET"}
URL = "https://ci.example/hook"


@pytest.fixture(scope="module")
def delivering(settings: Settings) -> Iterator[Served]:
    """A service with a secret key that may send to this machine."""
    more = {"secret_key": SECRET_KEY, "webhook_networks": LOOPBACK, "serve_delivers": False}
    with serving(settings.model_copy(update=more)) as served:
        yield served


@pytest.fixture
def hooks(delivering: Served) -> "Hooks":
    return Hooks(delivering.client(Role.ADMIN), f"{delivering.url}{API}/webhooks")


class Hooks:
    """The routes of webhooks."""

    def __init__(self, client: httpx2.Client, url: str) -> None:
        self.client, self.url = client, url

    def __call__(self, method: str, path: str = "", status: int = 200, /, **fields: Any) -> Any:
        given = {"params": fields} if method == "GET" else {"json": fields}
        answer = self.client.request(method, f"{self.url}{path}", **given)
        assert answer.status_code == status, answer.text
        return answer.json()

    def made(self, **fields: Any) -> Any:
        """A new webhook."""
        known = {"name": "ci", "url": URL, "events": [CREATED], **fields}
        return self("POST", **known)["webhook"]


def test_a_webhook_is_created_read_changed_and_deleted(hooks: Hooks, delivering: Served) -> None:
    made = hooks.made(description="tells CI", secret="hidden", events=[CREATED, TAGGED, CREATED])
    path = f"/{made['webhook_id']}"
    assert made == {
        "webhook_id": made["webhook_id"],
        "name": "ci",
        "description": "tells CI",
        "url": URL,
        "events": [CREATED, TAGGED],
        "status": "ACTIVE",
        "creation_timestamp": made["creation_timestamp"],
        "last_updated_timestamp": made["creation_timestamp"],
    }
    assert hooks("GET", path) == {"webhook": made}
    changed = hooks("PATCH", path, name="cd", status="DISABLED", events=[TAGGED], description="")
    assert changed["webhook"] == {
        **{name: value for name, value in made.items() if name != "description"},
        "name": "cd",
        "events": [TAGGED],
        "status": "DISABLED",
        "last_updated_timestamp": changed["webhook"]["last_updated_timestamp"],
    }
    assert hooks("PATCH", path, secret="another", url="") == {
        "webhook": {
            **changed["webhook"],
            "last_updated_timestamp": hooks("GET", path)["webhook"]["last_updated_timestamp"],
        }
    }
    ours = delivering.registry.webhook(int(made["webhook_id"]))
    assert (ours.name, ours.form, ours.active) == ("cd", "mlflow", False)
    assert hooks("DELETE", path) == {}
    for method in ("GET", "PATCH", "DELETE"):
        refused = hooks(method, path, 404)
        assert refused["error_code"] == "RESOURCE_DOES_NOT_EXIST"
        assert refused["message"] == f"Webhook with ID {made['webhook_id']} not found."


def test_its_secret_is_shown_nowhere(
    hooks: Hooks, delivering: Served, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    secret = f"hidden-{uuid4().hex}"
    made = hooks.made(secret=secret)
    path = f"/{made['webhook_id']}"
    shown = [hooks("PATCH", path, secret=f"{secret}2"), hooks("GET", path), hooks("GET")]
    api = delivering.client(Role.ADMIN)
    shown += [api.get("/webhooks").text, api.get("/events", params={"type": "webhook.*"}).text]
    refused = hooks("POST", "", 400, name="ci", url="x", events=[CREATED], secret=secret)
    assert secret not in str([made, *shown, refused]) + caplog.text


def test_webhooks_are_listed_by_pages_the_newest_first(hooks: Hooks, delivering: Served) -> None:
    own = delivering.registry.create_webhook(URL).webhook.webhook_id
    made = [hooks.made(name=f"n{number}")["webhook_id"] for number in range(3)]
    first = hooks("GET", max_results=2)
    assert [each["webhook_id"] for each in first["webhooks"]] == made[:0:-1]
    second = hooks("GET", max_results=2, page_token=first["next_page_token"])
    assert second["webhooks"][0]["webhook_id"] == made[0]
    assert str(own) not in [each["webhook_id"] for each in hooks("GET")["webhooks"]]
    hooks("GET", f"/{own}", 404)
    refused = hooks("GET", "", 400, max_results=1001)
    assert refused["message"] == "max_results must be between 1 and 1000."
    assert hooks("GET", "", 400, page_token="x")["message"].startswith("Invalid page token")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "a b"}, "Webhook name 'a b' is invalid. It must start and end with"),
        ({"name": "-a"}, "Webhook name '-a' is invalid."),
        ({"name": "a" * 64}, "is invalid. It must start"),
        ({"name": None}, "Missing value for required parameter 'name'."),
        ({"url": None}, "Missing value for required parameter 'url'."),
        ({"url": "ftp://ci.example"}, "url: "),
        ({"url": "https://u:p@ci.example"}, "url: "),
        ({"url": "https://" + "x" * 2050}, "url: "),
        ({"events": None}, "Missing value for required parameter 'events'."),
        ({"events": []}, "Webhook events must be a non-empty list of WebhookEvent objects: []."),
        ({"events": "x"}, "Invalid value"),
        ({"events": [{"entity": "MODEL", "action": "CREATED"}]}, "Invalid value"),
        ({"events": [{"entity": "PROMPT"}]}, "Invalid action 'none' for entity 'prompt'."),
        (
            {"events": [{"entity": "REGISTERED_MODEL", "action": "DELETED"}]},
            "Invalid action 'deleted' for entity 'registered_model'. Valid actions are:"
            " ['created']",
        ),
        ({"status": "PAUSED"}, "Invalid value"),
        ({"secret": "s" * 1001}, "'secret' exceeds the maximum length"),
        ({"description": "a\x00b"}, "NUL"),
    ],
)
def test_what_is_not_allowed_is_refused_in_mlflows_words(
    hooks: Hooks, fields: dict[str, Any], message: str
) -> None:
    refused = hooks("POST", "", 400, **{"name": "ci", "url": URL, "events": [CREATED], **fields})
    assert refused["error_code"] == "INVALID_PARAMETER_VALUE"
    assert message in refused["message"]


def test_events_may_be_named_by_their_numbers(hooks: Hooks) -> None:
    made = hooks.made(events=[{"entity": 1, "action": 1}, {"entity": 3, "action": 4}], status=2)
    assert (made["events"], made["status"]) == ([CREATED, TAGGED], "DISABLED")
    hooks("POST", "", 400, name="ci", url=URL, events=[{"entity": 11, "action": 1}])


def test_a_test_says_what_became_of_it_without_the_answer(hooks: Hooks, receiver: Receiver) -> None:
    path = f"/{hooks.made(url=receiver.url)['webhook_id']}/test"
    assert hooks("POST", path) == {"result": {"success": True, "response_status": 200}}
    receiver.status = 500
    tried = hooks("POST", path, event=TAGGED)
    assert tried == {"result": {"success": False, "response_status": 500}}
    sent = [each.body.decode() for each in receiver.requests]
    assert '"entity":"registered_model"' in sent[0]
    assert '"entity":"model_version_tag"' in sent[1]
    refused = hooks("POST", path, 400, event={"entity": "PROMPT", "action": "SET"})
    assert "Invalid action 'set' for entity 'prompt'" in refused["message"]
    for unknown in ("/999999/test", "/none/test", f"/{'9' * 30}/test"):
        hooks("POST", unknown, 404)


@pytest.mark.parametrize(
    "url", ["https://localhost/", "https://127.0.0.1/", "https://[::ffff:7f00:1]/"]
)
def test_a_test_reaches_nothing_that_is_not_public(
    served: Served, settings: Settings, url: str
) -> None:
    with serving(settings.model_copy(update={"secret_key": SECRET_KEY})) as guarded:
        hooks = Hooks(guarded.client(Role.ADMIN), f"{guarded.url}{API}/webhooks")
        tried = hooks("POST", f"/{hooks.made(url=url)['webhook_id']}/test")["result"]
    assert tried["success"] is False
    assert "is not public" in tried["error_message"]


def test_webhooks_are_for_admins_alone(hooks: Hooks, delivering: Served) -> None:
    number = hooks.made()["webhook_id"]
    for role in (Role.READER, Role.CONTRIBUTOR, Role.DEPLOYER):
        client = delivering.client(role)
        for prefix in (API, AJAX):
            some = Hooks(client, f"{delivering.url}{prefix}/webhooks")
            for method, path in (
                ("GET", ""),
                ("POST", ""),
                ("GET", f"/{number}"),
                ("PATCH", f"/{number}"),
                ("DELETE", f"/{number}"),
                ("POST", f"/{number}/test"),
            ):
                refused = some(method, path, 403)
                assert refused["error_code"] == "PERMISSION_DENIED"


def test_without_a_key_the_service_says_what_it_lacks(served: Served) -> None:
    hooks = Hooks(served.client(Role.ADMIN), f"{served.url}{API}/webhooks")
    refused = hooks("POST", "", 501, name="ci", url=URL, events=[CREATED])
    assert "openssl rand" in refused["message"]
