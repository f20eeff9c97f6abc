"""Webhooks over TLS: only a receiver with a trusted certificate gets events."""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from pedigree.registry import Registry
from tests.certificates import Authority
from tests.factories import with_secret_key
from tests.receiving import LOOPBACK, Receiver, receiving


@pytest.fixture
def deliver_to(
    registry: Registry, tmp_path: Path
) -> "Callable[..., tuple[Receiver, str | None, str]]":
    """Deliver one event to a receiver; return it, the logged cause, and the secret."""
    authority = Authority(tmp_path)

    def deliver(host: str, *, trusted: bool = True, until: timedelta = timedelta(days=1)):
        ca_file = authority.file if trusted else None
        delivering = with_secret_key(registry, webhook_networks=LOOPBACK, webhook_ca_file=ca_file)
        with ExitStack() as stack:
            receiver = stack.enter_context(receiving(authority.serving(host, until=until)))
            issued = delivering.create_webhook(receiver.url, types=["model.created"])
            delivering.create_model("churn")
            delivering.operations.webhooks.deliver()
            (delivery,) = delivering.deliveries(issued.webhook.webhook_id)
        return receiver, delivery.attempts[0].error, issued.secret

    return deliver


def test_a_receiver_with_a_trusted_certificate_gets_events(deliver_to) -> None:
    receiver, error, secret = deliver_to("localhost")
    assert error is None
    assert receiver.url.startswith("https://")
    (request,) = receiver.requests
    assert request.content(secret)["type"] == "model.created"


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        ({"host": "elsewhere.example"}, "Hostname mismatch"),
        ({"host": "localhost", "trusted": False}, "unable to get local issuer certificate"),
        ({"host": "localhost", "until": timedelta(days=-1)}, "certificate has expired"),
    ],
)
def test_a_receiver_with_a_wrong_certificate_gets_nothing_and_the_log_has_the_reason(
    deliver_to, shown: dict[str, object], said: str
) -> None:
    receiver, error, _ = deliver_to(**shown)
    assert receiver.requests == []
    assert error.startswith("its certificate is not valid: ")
    assert said in error
