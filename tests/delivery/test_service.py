"""`pedigree serve` delivers, unless it is told not to."""

from pedigree.registry import Registry
from tests.api.conftest import serving
from tests.receiving import Receiver


def test_a_service_delivers_and_one_that_is_told_not_to_does_not(
    telling: Registry, receiver: Receiver, database_url: str
) -> None:
    settings = telling.settings.model_copy(update={"database_url": database_url})
    webhook_id = telling.create_webhook(receiver.url, types=["model.*"]).webhook.webhook_id
    telling.create_model("churn")
    with serving(settings.model_copy(update={"serve_delivers": False})):
        assert telling.deliveries(webhook_id) == ()
    assert receiver.requests == []
    with serving(settings):
        while not receiver.requests:
            pass
    # What was under way when it was told to stop has ended.
    assert [each.state for each in telling.deliveries(webhook_id)] == ["delivered"]
