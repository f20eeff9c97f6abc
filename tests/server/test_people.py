"""People of OIDC providers at a service: their first token, their last one, and their end."""

import time
from collections.abc import Iterator
from datetime import datetime

import httpx2
import pytest

from pedigree.access.records import Role
from pedigree.settings import Settings
from tests.issuing import Issuer, issuing
from tests.server.conftest import READY_S, Served
from tests.server.oidc import people, served_with

NAMED = 'groups = "groups"\nfirst_admin = { email = "root@example.com" }'


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    """The module's issuer."""
    with issuing() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def served(
    settings: Settings, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A service that accepts the tokens of the module's issuer."""
    text = people(issuer, NAMED).replace("{sub}@sso", "{preferred_username}")
    with served_with(settings, tmp_path_factory.mktemp("oidc"), text) as served:
        yield served


def whoami(served: Served, token: str) -> httpx2.Response:
    """Ask who the bearer of a token is, over one connection: an address has few of them."""
    client = served.clients[0] if served.clients else served.client()
    return client.get("/whoami", headers={"Authorization": f"Bearer {token}"})


def test_later_requests_write_nothing(served: Served, issuer: Issuer) -> None:
    tokens = [issuer.token(sub="1", preferred_username="ann") for _ in range(3)]
    found = whoami(served, tokens[0]).json()
    assert (found["principal"], found["source"]) == ("ann", "oidc sso")
    events = len(served.registry.events())
    (known,) = served.registry.principals(name="ann")
    for token in tokens:
        assert whoami(served, token).status_code == 200
    assert served.registry.principals(name="ann") == (known,)
    assert len(served.registry.events()) == events


def test_roles_from_a_claim_are_shown_with_the_time_when_they_were_last_seen(
    served: Served, issuer: Issuer
) -> None:
    subject = {"sub": "8", "preferred_username": "fay"}
    found = whoami(served, issuer.token(**subject, groups=["deployers", "x"])).json()
    (known,) = served.registry.principals(name="fay")
    (seen,) = found["last_seen"]
    (identity,) = known.identities
    assert (seen["issuer"], seen["roles"], seen["groups"]) == (
        *(issuer.url, ["deployer"]),
        ["deployers", "x"],
    )
    assert datetime.fromisoformat(seen["seen_at"]) == identity.seen_at
    own = served.registry.create_token("fay", roles=[Role.READER]).secret
    assert whoami(served, own).json()["last_seen"] == [seen], "also to another token of theirs"
    served.registry.end_sessions("fay")
    other = served.registry.create_token("fay", roles=[Role.READER]).secret
    assert whoami(served, other).json()["last_seen"] == []


def test_another_subject_with_the_name_is_refused_until_it_is_linked(
    served: Served, issuer: Issuer
) -> None:
    assert whoami(served, issuer.token(sub="2", preferred_username="ben")).status_code == 200
    other = issuer.token(sub="3", preferred_username="Ben")
    refused = whoami(served, other)
    assert (refused.status_code, "pedigree access link" in refused.text) == (401, True)
    served.registry.link_person("ben", issuer=issuer.url, subject="3")
    assert whoami(served, other).json()["principal"] == "ben"


def test_an_older_token_has_only_the_roles_of_the_newest(served: Served, issuer: Issuer) -> None:
    now = int(time.time())
    older = {"iat": now - 60, "groups": ["deployers"]}
    before = issuer.token(sub="4", preferred_username="cy", **older)
    assert whoami(served, before).json()["roles"] == ["deployer"]
    after = issuer.token(sub="4", preferred_username="cy", groups=["ml"])
    assert whoami(served, after).json()["roles"] == ["reader"]
    again = issuer.token(sub="4", preferred_username="cy", **older)
    assert whoami(served, again).status_code == 403


def test_deactivation_refuses_tokens_and_logins(served: Served, issuer: Issuer) -> None:
    login = issuer.token(sub="5", preferred_username="dee")
    own = served.registry.create_token("Dee", roles=[Role.READER])
    for token in (login, own.secret):
        assert whoami(served, token).status_code in (200, 401)
    assert whoami(served, issuer.token(sub="5", preferred_username="dee")).status_code == 401
    served.registry.link_person("Dee", issuer=issuer.url, subject="5")
    assert [whoami(served, token).status_code for token in (login, own.secret)] == [200, 200]
    served.registry.set_person_active("dee", active=False)
    deadline = time.monotonic() + READY_S
    for token in (login, own.secret):
        while whoami(served, token).status_code == 200:  # as long as the service trusts it
            assert time.monotonic() < deadline
    assert whoami(served, issuer.token(sub="5", preferred_username="dee")).status_code == 401


def test_the_first_admin_needs_the_named_claim_and_a_verified_e_mail(
    served: Served, issuer: Issuer
) -> None:
    claims = {"preferred_username": "root", "email": "root@example.com"}
    plain = whoami(served, issuer.token(sub="6", **claims, email_verified=False)).json()
    assert plain["roles"] == ["reader"]
    admin = whoami(served, issuer.token(sub="6", **claims, email_verified=True)).json()
    assert admin["roles"] == ["reader", "admin"]
    other = {**claims, "preferred_username": "eve"}
    assert "admin" not in whoami(served, issuer.token(sub="7", **other, email_verified=True)).text
