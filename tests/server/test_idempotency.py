"""A repeated request is done once, and answered alike."""

import threading

import httpx2

from pedigree.access.records import Role
from tests.factories import in_one_transaction
from tests.server.conftest import Served


def test_a_repeated_write_is_done_once_and_answered_alike(
    admin: httpx2.Client, served: Served, name: str
) -> None:
    key = {"Idempotency-Key": name}
    first = admin.post("/models", json={"name": name}, headers=key)
    again = admin.post("/models", json={"name": name}, headers=key)
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert first.headers["etag"] == again.headers["etag"]
    assert first.headers["location"] == again.headers["location"]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    types = [event.type for event in served.registry.events() if event.model == name]
    assert types == ["model.created"]


def test_a_key_with_another_request_is_refused(admin: httpx2.Client, name: str) -> None:
    key = {"Idempotency-Key": name}
    assert admin.post("/models", json={"name": name}, headers=key).status_code == 201
    other = admin.post("/models", json={"name": f"{name}-b"}, headers=key)
    assert other.status_code == 422
    assert other.json()["field"] == "Idempotency-Key"
    assert admin.patch(f"/models/{name}", json={}, headers=key).status_code == 422


def test_keys_of_two_principals_have_nothing_to_do_with_each_other(
    served: Served, name: str
) -> None:
    key = {"Idempotency-Key": name}
    for suffix in ("a", "b"):
        client = served.client(Role.CONTRIBUTOR)
        made = client.post("/models", json={"name": name + suffix}, headers=key)
        assert made.status_code == 201


def test_a_refused_request_is_processed_again(
    admin: httpx2.Client, served: Served, name: str
) -> None:
    key = {"Idempotency-Key": name}
    change = {"description": "new"}
    assert admin.patch(f"/models/{name}", json=change, headers=key).status_code == 404
    served.registry.create_model(name)
    assert admin.patch(f"/models/{name}", json=change, headers=key).status_code == 200


def test_a_key_in_flight_is_a_conflict_and_its_answer_comes_later(
    admin: httpx2.Client, served: Served, name: str
) -> None:
    key = {"Idempotency-Key": name}
    served.registry.create_model(name)
    answers: list[httpx2.Response] = []

    def send() -> None:
        answers.append(admin.patch(f"/models/{name}", json={"description": "x"}, headers=key))

    def hold_the_model(joined: object) -> None:
        """Keep the first request in progress until a second one is answered."""
        served.registry.database.fetch_all("SELECT 1")
        transaction = joined.database  # type: ignore[attr-defined]
        transaction.read(
            lambda t: t.execute(
                "SELECT FROM pedigree.registered_model WHERE name = %s FOR UPDATE", [name]
            )
        )
        first = threading.Thread(target=send)
        first.start()
        held = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND database ="
        held += " (SELECT oid FROM pg_database WHERE datname = current_database())"
        while not served.registry.database.fetch_all(held):
            assert first.is_alive()
        second = admin.patch(f"/models/{name}", json={"description": "x"}, headers=key)
        assert second.status_code == 409
        assert second.json()["type"] == "urn:pedigree:error:RequestInFlightError"
        threads.append(first)

    threads: list[threading.Thread] = []
    in_one_transaction(served.registry, hold_the_model)
    threads[0].join(30)
    assert answers[0].status_code == 200
    replayed = admin.patch(f"/models/{name}", json={"description": "x"}, headers=key)
    assert replayed.headers["idempotency-replayed"] == "true"
    assert replayed.content == answers[0].content


def test_answers_are_forgotten_after_a_day(admin: httpx2.Client, served: Served, name: str) -> None:
    key = {"Idempotency-Key": name}
    assert admin.post("/models", json={"name": name}, headers=key).status_code == 201
    age = "UPDATE pedigree.kept_answer SET answered_at = answered_at - interval '25 hours'"
    served.registry.database.transaction(lambda transaction: transaction.execute(age))
    other = {"Idempotency-Key": f"{name}-other"}
    assert admin.post("/models", json={"name": f"{name}-b"}, headers=other).status_code == 201
    kept = served.registry.database.fetch_all("SELECT key FROM pedigree.kept_answer")
    assert name not in {row["key"] for row in kept}
