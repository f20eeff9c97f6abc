"""``pedigree webhook``: create, list, change, test, and list deliveries."""

import pytest

from tests.cli.conftest import Cli
from tests.receiving import Receiver


@pytest.fixture(autouse=True)
def _may_send_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEDIGREE_SECRET_KEY", "A" * 43 + "=")
    monkeypatch.setenv("PEDIGREE_WEBHOOK_NETWORKS", "127.0.0.0/8")


def test_a_webhook_is_created_listed_changed_and_deleted(cli: Cli) -> None:
    made = cli("webhook", "create", "https://ci.example", "--type", "version.*", "--json").json
    assert made["secret"].startswith("whsec_")
    assert cli("webhook", "list", "--json").items == [made["webhook"]]
    changed = cli("webhook", "update", 1, "--inactive", "--model", "churn*", "--json").json
    assert (changed["active"], changed["models"]) == (False, ["churn*"])
    rotated = cli("webhook", "rotate", 1, "--keep", "12h", "--json").json
    assert rotated["webhook"]["old_secret_until"]
    shown = cli("webhook", "list").out
    assert "ci.example" in shown
    assert rotated["secret"] not in shown
    assert cli("webhook", "delete", 1).code == 0
    assert cli("webhook", "delete", 1, "--json").error["type"] == "WebhookNotFoundError"


def test_people_see_the_secret_once(cli: Cli) -> None:
    assert cli("webhook", "create", "https://ci.example").out.startswith("whsec_")
    assert cli("webhook", "rotate", 1).out.startswith("whsec_")


def test_a_try_that_does_not_arrive_exits_with_one(cli: Cli, receiver: Receiver) -> None:
    cli("webhook", "create", receiver.url)
    done = cli("webhook", "test", 1)
    assert (done.code, "answered 200" in done.out) == (0, True)
    receiver.status = 404
    failed = cli("webhook", "test", 1, "--json")
    assert (failed.code, failed.json["status"]) == (1, 404)


def test_deliveries_are_listed_and_restarted(cli: Cli, receiver: Receiver) -> None:
    from pedigree.registry import Registry

    cli("webhook", "create", receiver.url, "--type", "model.*")
    with Registry.connect() as registry:
        registry.create_model("churn")
        registry.operations.webhooks.deliver()
    (one,) = cli("webhook", "deliveries", 1, "--state", "delivered", "--json").items
    assert "answered 200" in cli("webhook", "deliveries", 1).out
    assert cli("webhook", "redeliver", 1, one["seq"], "--json").json["state"] == "pending"
    assert cli("webhook", "deliveries", 1, "--state", "lost").code == 2
