"""Requests above the limit are refused, and nothing of them is done."""

import threading

import httpx2

from pedigree.access.records import Role
from pedigree.registry import Registry
from pedigree.settings import Settings
from tests.factories import in_one_transaction
from tests.server.conftest import serving

AT_ONCE = 16


def test_what_is_too_much_is_429_with_retry_after_and_the_rest_is_done(
    settings: Settings, database_url: str
) -> None:
    # One request of a principal runs, and the others of its share wait.
    limits = {"database_connections": 1, "serve_requests_per_principal": AT_ONCE - 1}
    small = settings.model_copy(update={"database_url": database_url, **limits})
    with serving(small) as served, Registry.connect(settings=small) as other:
        # Of one principal, fewer are at work, see `test_fair_use`.
        clients = [served.client(Role.ADMIN) for _ in range(AT_ONCE + 4)]
        served.registry.create_model("held")
        answers: list[httpx2.Response] = []

        def send(client: httpx2.Client) -> None:
            answers.append(client.patch("/models/held", json={"description": "x"}))

        def hold(joined: Registry) -> None:
            joined.update_model("held", owners=["ann"])
            threads.extend(threading.Thread(target=send, args=(client,)) for client in clients)
            for thread in threads:
                thread.start()
            while len(answers) < 4:
                assert any(thread.is_alive() for thread in threads)
            assert {answer.status_code for answer in answers} == {429}

        threads: list[threading.Thread] = []
        in_one_transaction(other, hold)
        for thread in threads:
            thread.join(30)
        refused = [answer for answer in answers if answer.status_code == 429]
        assert len(refused) == 4
        assert all(answer.headers["retry-after"] == "1" for answer in refused)
        assert refused[0].json()["type"] == "urn:pedigree:error:ServiceBusyError"
        assert [answer.status_code for answer in answers].count(200) == AT_ONCE
        assert clients[0].get("/models/held").json()["description"] == "x"
