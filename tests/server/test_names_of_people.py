"""The service takes and shows names of people, keeps pseudonyms, and erases a person."""

import time
from collections.abc import Iterator

import httpx2
import pytest

from pedigree.access.records import Role
from pedigree.access.reserved import is_pseudonym
from pedigree.audit.records import Actor
from tests.server.conftest import READY_S, Served

ANN = 'ann "the <b>" o\'neil@risk.example'


@pytest.fixture
def ann(served: Served) -> Iterator[httpx2.Client]:
    """A client with a token of ann, whose name needs escapes."""
    operator = served.registry.acting_as(Actor(name="operator", source="test"))
    issued = operator.create_token(ANN, roles=[Role.CONTRIBUTOR, Role.DEPLOYER])
    client = served.client(Authorization=f"Bearer {issued.secret}")
    yield client
    client.close()


def test_answers_show_the_name_until_it_is_erased(served: Served, ann: httpx2.Client) -> None:
    admin = served.client(Role.ADMIN)
    model = {"name": "named", "owners": ["ben", ANN]}
    made = ann.post("/models", json=model, headers={"Idempotency-Key": "once"})
    assert made.status_code == 201
    assert (made.json()["created_by"], made.json()["owners"]) == (ANN, ["ben", ANN])
    assert ann.get("/whoami").json()["principal"] == ANN
    (kept,) = served.registry.database.fetch_all(
        "SELECT convert_from(body, 'UTF8') AS body FROM pedigree.kept_answer WHERE key = 'once'"
    )
    assert "ann" not in kept["body"]
    before = admin.get("/models/named")
    assert before.headers["etag"] == made.headers["etag"]
    assert (
        admin.get("/models/named", headers={"If-None-Match": before.headers["etag"]}).status_code
        == 304
    )
    matching = {"If-Match": before.headers["etag"]}
    changed = ann.patch("/models/named", json={"description": "x"}, headers=matching)
    assert changed.status_code == 200
    events = admin.get("/events", params={"model": "named"}).json()["items"]
    assert {each["actor"]["name"] for each in events} == {ANN}

    erased = admin.delete("/access/names", params={"principal": ANN.upper()})
    assert erased.status_code == 200
    (pseudonym,) = erased.json()["pseudonyms"]
    assert is_pseudonym(pseudonym)
    after = admin.get("/models/named", headers={"If-None-Match": changed.headers["etag"]})
    assert (after.status_code, after.json()["created_by"]) == (200, pseudonym)
    assert after.json()["owners"] == ["ben", pseudonym]
    assert ANN not in admin.get("/events", params={"model": "named"}).text


def test_problems_name_people_and_an_unknown_one_is_not_found(served: Served) -> None:
    admin = served.client(Role.ADMIN)
    refused = admin.delete("/access/names", params={"principal": "nobody@risk.example"})
    assert (refused.status_code, refused.json()["value"]) == (404, "'nobody@risk.example'")
    own = admin.get("/whoami").json()["principal"]
    oneself = admin.delete("/access/names", params={"principal": own})
    assert (oneself.status_code, oneself.json()["value"]) == (403, repr(own))


def test_an_erased_person_is_out(served: Served, ann: httpx2.Client) -> None:
    assert ann.get("/models").status_code == 200
    erased = served.client(Role.ADMIN).delete("/access/names", params={"principal": ANN})
    assert erased.status_code == 200
    deadline = time.monotonic() + READY_S
    while ann.get("/models").status_code == 200:  # as long as the service trusts the token
        assert time.monotonic() < deadline
    assert ann.get("/models").status_code == 401
