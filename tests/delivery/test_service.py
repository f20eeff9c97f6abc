"""`pedigree serve` delivers, unless it is disabled."""

import httpx2
import uvicorn

from pedigree.access.records import Role
from pedigree.registry import Registry
from pedigree.server.app import create_app
from pedigree.server.serve import PROTOCOL
from tests.receiving import Receiver
from tests.server.conftest import running, serving


def test_a_service_delivers_unless_it_is_disabled(
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
    # The deliveries in progress at the stop have finished.
    assert [each.state for each in telling.deliveries(webhook_id)] == ["delivered"]


def test_a_stopping_service_finishes_its_deliveries_and_starts_no_more(
    telling: Registry, receiver: Receiver, database_url: str
) -> None:
    settings = telling.settings.model_copy(update={"database_url": database_url})
    webhook_id = telling.create_webhook(receiver.url, types=["model.*"]).webhook.webhook_id
    telling.create_model("under-way")
    secret = telling.create_token("follower", roles=[Role.READER]).secret
    following = {"Authorization": f"Bearer {secret}", "Accept": "text/event-stream"}
    receiver.answers.clear()
    app = create_app(settings)
    with running(uvicorn.Config(app, port=0, **PROTOCOL)) as url:
        while not receiver.requests:
            pass
        with httpx2.Client(base_url=url) as client:
            assert "connection" not in client.get("/readyz").headers
            with client.stream("GET", "/api/v1/events", headers=following) as events:
                lines = events.iter_lines()
                next(lines)
                app.state.drain.begin()
                assert all(line.startswith(("id:", "event:", "data:", "")) for line in lines)
            answer = client.get("/readyz")
            assert (answer.status_code, answer.headers["connection"]) == (503, "close")
            assert answer.json()["parts"] == {"process": "is about to end"}
            assert client.get("/livez").status_code == 200
        telling.create_model("too-late")
        receiver.answers.set()
    assert [each.state for each in telling.deliveries(webhook_id)] == ["delivered"]
    leased = telling.database.fetch_all(
        "SELECT model FROM pedigree.webhook_line WHERE lease IS NOT NULL OR due_at IS NOT NULL"
    )
    assert leased == []
