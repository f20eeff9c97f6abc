"""What Microsoft Entra ID and Okta send, in their order and spelling, and what it does here."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from pedigree.access.records import Role
from pedigree.settings import Settings
from tests.issuing import Issuer, issuing
from tests.lifecycle.deciding import candidate, policy_of, waits_for
from tests.server.conftest import NO_AUTHORITIES, READY_S, Served
from tests.server.oidc import people, served_with
from tests.server.provisioning import (
    ENTERPRISE,
    GROUP,
    OPERATOR,
    USER,
    changed,
    created,
    group,
    names,
    patch,
    provider,
    refusal,
    user,
)


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    """The module's issuer."""
    with issuing() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def served(
    settings: Settings, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A service to which people log in by their e-mail."""
    text = people(issuer).replace("{sub}@sso", "{email}")
    with served_with(settings, tmp_path_factory.mktemp("oidc"), text) as served:
        yield served


@pytest.fixture(scope="module")
def entra(served: Served) -> httpx2.Client:
    """The provider's client."""
    return provider(served)


@pytest.fixture
def email() -> str:
    """The e-mail of somebody whom no other test knows."""
    return f"ann-{uuid4().hex[:8]}@example.com"


@pytest.fixture
def asked(served: Served) -> Iterator[Callable[[str], int]]:
    """Ask who the bearer of a token is, and return the status."""
    with httpx2.Client(base_url=f"{served.url}/api/v1", verify=NO_AUTHORITIES) as client:
        yield (
            lambda token: (
                client.get("/whoami", headers={"Authorization": f"Bearer {token}"}).status_code
            )
        )


def becomes(ask: Callable[[], object], wanted: object) -> None:
    """Wait until the service answers something: for as long as it trusts a token."""
    deadline = time.monotonic() + READY_S
    while ask() != wanted:
        assert time.monotonic() < deadline


def entra_user(name: str, external: str) -> dict[str, Any]:
    """Return a user as Microsoft Entra ID creates one."""
    return {
        "schemas": [USER, ENTERPRISE],
        "externalId": external,
        "userName": name,
        "active": True,
        "displayName": "Ann Example",
        "emails": [{"primary": True, "type": "work", "value": name}],
        "meta": {"resourceType": "User"},
        "name": {"formatted": "Ann Example", "familyName": "Example", "givenName": "Ann"},
        "roles": [],
        ENTERPRISE: {"department": "risk"},
    }


def okta_user(name: str, external: str, *, active: bool = True) -> dict[str, Any]:
    """Return a user as Okta creates one."""
    return {
        "schemas": [USER],
        "userName": name,
        "name": {"givenName": "Ann", "familyName": "Example"},
        "emails": [{"primary": True, "value": name, "type": "work"}],
        "displayName": "Ann Example",
        "locale": "en-US",
        "externalId": external,
        "groups": [],
        "password": "1mz050nq",
        "active": active,
    }


def test_entra_provisions_somebody_and_ends_their_access(
    served: Served,
    entra: httpx2.Client,
    issuer: Issuer,
    email: str,
    asked: Callable[[str], int],
) -> None:
    # The test of the connection, and the look before the creation.
    assert names(entra.get(f'/Users?filter=userName eq "{uuid4()}"')) == []
    assert names(entra.get(f'/Users?filter=externalId eq "{email}"&startIndex=1&count=1')) == []
    made = created(entra, "/Users", entra_user(email, "58342554-38d6-4ec8-948c-50044d0a33fd"))
    assert made["active"] is True
    path = f"/Users/{made['id']}"
    assert names(entra.get(f'/Users?filter=userName eq "{email.upper()}"')) == [email]
    assert entra.get(path).json() == made
    # A change of attributes, with those that are not kept.
    changed(
        entra,
        path,
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": f"new-{email}"},
        {"op": "Add", "path": "name.familyName", "value": "Muster"},
        {"op": "Replace", "path": f"{ENTERPRISE}:department", "value": "fraud"},
    )
    assert entra.get(path).json()["emails"][0]["value"] == f"new-{email}"
    own = served.registry.create_token(email, roles=[Role.READER]).secret
    login = issuer.token(sub=email, email=email, email_verified=True)
    assert (asked(own), asked(login)) == (200, 200)
    # Disabled: the text "False" is what the provider sends.
    off = changed(entra, path, {"op": "Replace", "path": "active", "value": "False"})
    assert off.json()["active"] is False
    for token in (own, login):
        becomes(lambda token=token: asked(token), 401)
    again = issuer.token(sub=email, email=email, email_verified=True)
    assert asked(again) == 401
    assert names(entra.get(f'/Users?filter=userName eq "{email}"')) == [email]
    # Enabled again: a new token works, and the old one stays revoked.
    changed(entra, path, {"op": "Replace", "path": "active", "value": "True"})
    fresh = served.registry.create_token(email, roles=[Role.READER]).secret
    assert (asked(fresh), asked(own)) == (200, 401)
    # Removed.
    assert entra.delete(path).status_code == 204
    becomes(lambda: asked(fresh), 401)
    assert names(entra.get(f'/Users?filter=userName eq "{email}"')) == []


def test_okta_provisions_somebody_and_ends_their_access(
    served: Served, issuer: Issuer, email: str, asked: Callable[[str], int]
) -> None:
    okta = provider(served, "okta")
    search = f'/Users?filter=userName eq "{email}"&startIndex=1&count=100'
    assert names(okta.get(search)) == []
    made = created(okta, "/Users", okta_user(email, "00ujl29u0le5T6Aj10h7"))
    assert "password" not in made
    path = f"/Users/{made['id']}"
    login = issuer.token(sub=email, email=email, email_verified=True)
    assert asked(login) == 200
    # A changed profile is a whole document; deactivation has a patch without a path.
    profile = {**okta_user(email, "00ujl29u0le5T6Aj10h7"), "id": made["id"]}
    assert okta.put(path, json=profile).json() == made
    changed(okta, path, {"op": "replace", "value": {"active": False}})
    becomes(lambda: asked(login), 401)
    assert okta.get(path).json()["active"] is False
    assert okta.put(path, json=profile).json()["active"] is True
    assert okta.put(path, json={**profile, "active": False}).json()["active"] is False
    # Who is assigned again after a removal is a new user of the same person.
    assert okta.delete(path).status_code == 204
    back = created(okta, "/Users", okta_user(email, "00ujl29u0le5T6Aj10h7"))
    assert (back["active"], back["id"] == made["id"]) == (True, False)
    (known,) = served.registry.principals(name=email)
    assert (known.kind, known.deactivated_at) == ("person", None)
    log = str([each.model_dump() for each in served.registry.events(limit=1000)])
    assert "1mz050nq" not in log, "a password is neither kept nor logged"
    assert "00ujl29u0le5T6Aj10h7" not in log


def test_entra_fills_and_empties_a_group(served: Served, entra: httpx2.Client, email: str) -> None:
    first = created(entra, "/Users", entra_user(email, f"1{email}"))["id"]
    second = created(entra, "/Users", entra_user(f"b{email}", f"2{email}"))["id"]
    title = f"Risk {email.partition('@')[0]}"
    search = f'/Groups?excludedAttributes=members&filter=displayName eq "{title}"'
    assert names(entra.get(search)) == []
    document = {"schemas": [GROUP], "externalId": "8aa1a0c0", "displayName": title}
    made = created(entra, "/Groups", {**document, "meta": {"resourceType": "Group"}})
    path = f"/Groups/{made['id']}"
    assert names(entra.get(search)) == [title]
    listed = [{"$ref": None, "value": first}, {"$ref": None, "value": second}]
    answer = changed(entra, path, {"op": "Add", "path": "members", "value": listed})
    assert (answer.status_code, answer.content) == (204, b"")
    name = title.lower().replace(" ", "-")

    def members() -> tuple[str, ...]:
        (found,) = (each for each in served.registry.access_groups() if each.name == name)
        return found.members

    assert members() == (email, f"b{email}")
    once = {"op": "Add", "path": "members", "value": [{"value": first}]}
    changed(entra, path, once)
    assert len(entra.get(path).json()["members"]) == 2
    changed(entra, path, {"op": "Remove", "path": "members", "value": [{"value": first}]})
    assert members() == (f"b{email}",)
    changed(entra, path, {"op": "Remove", "path": f'members[value eq "{second}"]'})
    assert members() == ()
    changed(entra, path, {"op": "Replace", "path": "displayName", "value": "Renamed"})
    assert entra.get(path).json()["displayName"] == "Renamed"
    assert members() == (), "the group keeps its name, which policies and grants have"
    assert entra.delete(path).status_code == 204
    kinds = {each.type for each in served.registry.events(limit=1000)}
    assert {"group.provisioned", "group.member_added", "group.member_removed"} <= kinds


def test_okta_pushes_a_group(served: Served, email: str) -> None:
    okta = provider(served, "okta")
    ids = [created(okta, "/Users", okta_user(f"{n}{email}", f"{n}{email}"))["id"] for n in range(3)]
    title = f"push-{email.partition('@')[0]}"
    made = created(okta, "/Groups", {"schemas": [GROUP], "displayName": title, "members": []})
    path = f"/Groups/{made['id']}"
    pushed = [{"value": each, "display": f"{n}{email}"} for n, each in enumerate(ids)]
    changed(okta, path, {"op": "replace", "value": {"id": made["id"], "displayName": title}})
    changed(okta, path, {"op": "replace", "path": "members", "value": pushed[:2]})
    changed(
        okta,
        path,
        {"op": "remove", "path": f'members[value eq "{ids[0]}"]'},
        {"op": "add", "path": "members", "value": pushed[2:]},
    )
    shown = okta.get(path).json()["members"]
    assert [each["display"] for each in shown] == [f"1{email}", f"2{email}"]
    # A user who is removed leaves the groups, and one who is disabled stays.
    changed(okta, f"/Users/{ids[1]}", {"op": "replace", "value": {"active": False}})
    assert len(okta.get(path).json()["members"]) == 2
    assert okta.delete(f"/Users/{ids[1]}").status_code == 204
    assert [each["value"] for each in okta.get(path).json()["members"]] == [ids[2]]
    nested = {"op": "add", "path": "members", "value": [{"value": made["id"], "type": "Group"}]}
    assert refusal(okta.patch(path, json=patch(nested))) == (400, "invalidValue")


def test_a_member_decides_at_once_and_a_removal_voids_the_approval(
    served: Served, entra: httpx2.Client, email: str, tmp_path: Path
) -> None:
    registry = served.registry
    made = created(entra, "/Users", entra_user(email, email))
    title = f"deciders-{email.partition('@')[0]}"
    box = created(entra, "/Groups", group(title))
    model = f"model-{uuid4().hex[:8]}"
    registry.create_model(model)
    registry.set_policy(model, policy_of(approvals={"needed": 1, "by": [f"group:{title}"]}))
    registry.grant_access("approver", f"group:{title}")
    version = candidate(registry, tmp_path, uuid4().hex, name=model)
    # Not by the author of the version.
    token = registry.acting_as(OPERATOR).create_token(email, roles=[])
    headers = {"Authorization": f"Bearer {token.secret}"}
    url = f"/models/{model}/versions/1/approvals"
    decision = {"stage": "production", "approved": True, "comment": "good"}
    with httpx2.Client(
        base_url=f"{served.url}/api/v1", headers=headers, verify=NO_AUTHORITIES
    ) as ann:
        assert ann.post(url, json=decision).status_code == 403
        changed(
            entra,
            f"/Groups/{box['id']}",
            {"op": "Add", "path": "members", "value": [{"value": made["id"]}]},
        )
        becomes(lambda: ann.post(url, json=decision).status_code in (200, 201), True)
        assert waits_for(registry, version) == ()
        changed(
            entra,
            f"/Groups/{box['id']}",
            {"op": "Remove", "path": f'members[value eq "{made["id"]}"]'},
        )
        (missing,) = waits_for(registry, version)
        assert missing.endswith(f"void since they may no longer decide: {email}")
        becomes(lambda: ann.post(url, json=decision).status_code, 403)


def test_a_group_that_a_policy_names_is_not_deleted(
    served: Served, entra: httpx2.Client, email: str
) -> None:
    title = f"named-{email.partition('@')[0]}"
    made = created(entra, "/Groups", group(title))
    model = f"model-{uuid4().hex[:8]}"
    served.registry.create_model(model)
    served.registry.set_policy(model, policy_of(approvals={"by": [f"group:{title}"]}))
    assert refusal(entra.delete(f"/Groups/{made['id']}")) == (409, None)
    assert names(entra.get(f'/Groups?filter=id eq "{made["id"]}"')) == [title]


def test_a_person_who_logged_in_before_is_the_same_person(
    served: Served, entra: httpx2.Client, issuer: Issuer, email: str, asked: Callable[[str], int]
) -> None:
    login = issuer.token(sub=email, email=email, email_verified=True)
    assert asked(login) == 200
    made = created(entra, "/Users", user(email))
    assert len(served.registry.principals(name=email)) == 1
    assert asked(login) == 200
    assert entra.delete(f"/Users/{made['id']}").status_code == 204
    becomes(lambda: asked(login), 401)
