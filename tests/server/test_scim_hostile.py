"""Hostile requests of SCIM: each is refused with SCIM's own error, and writes nothing."""

import json
import logging
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from pedigree.access.records import Role
from pedigree.settings import Settings
from tests.server.conftest import Served, serving
from tests.server.provisioning import (
    GROUP,
    MESSAGES,
    USER,
    created,
    group,
    patch,
    provider,
    refusal,
    user,
    with_token,
)

SECRET = "correct horse battery staple"


@pytest.fixture(scope="module")
def served(settings: Settings) -> Iterator[Served]:
    """A service with a user, a group, and the token of a system."""
    with serving(settings) as served:
        served.registry.create_token("ci@example.com", roles=[Role.ADMIN])
        served.registry.create_group("by-hand")
        yield served


@pytest.fixture(scope="module")
def client(served: Served) -> httpx2.Client:
    """The client of the provider."""
    return provider(served)


@pytest.fixture(scope="module")
def ann(client: httpx2.Client) -> dict[str, Any]:
    """A user."""
    return created(client, "/Users", user("ann@example.com"))


@pytest.fixture(scope="module")
def risk(client: httpx2.Client, ann: dict[str, Any]) -> dict[str, Any]:
    """A group with the user."""
    return created(client, "/Groups", group("risk", ann["id"]))


def deep(levels: int) -> Any:
    """A document that is nested as deep."""
    found: Any = "x"
    for _ in range(levels):
        found = {"a": [found]}
    return found


USERS: dict[str, tuple[Any, tuple[int, str | None]]] = {
    "no name": ({"schemas": [USER]}, (400, "invalidValue")),
    "an empty name": (user(""), (400, "invalidValue")),
    "a null name": (user(None), (400, "invalidValue")),  # type: ignore[arg-type]
    "a number": (user(5), (400, "invalidValue")),  # type: ignore[arg-type]
    "NUL": (user("a\0nn"), (400, "invalidValue")),
    "an invisible letter": (user("ann\u200b@example.com"), (400, "invalidValue")),
    "a line break": (user("ann\n"), (400, "invalidValue")),
    "a long name": (user("a" * 10_000), (400, "invalidValue")),
    "a reserved name": (user("service:cards"), (409, "uniqueness")),
    "a reserved name in disguise": (user("SENSOR\uff1apedigree"), (409, "uniqueness")),
    "a word of policies": (user("role:admin"), (400, "invalidValue")),
    "a name that exists": (user("ANN@example.com"), (409, "uniqueness")),
    "the name of a token": (user("CI@example.com"), (409, "uniqueness")),
    "the e-mail of a token": (
        user("eve", emails=[{"value": "ci@example.com"}]),
        (409, "uniqueness"),
    ),
    "the provider itself": (user("entra"), (409, "uniqueness")),
    "no activity": (user("eve", active="perhaps"), (400, "invalidValue")),
    "activity as a list": (user("eve", active=[True]), (400, "invalidValue")),
    "e-mails as a text": (user("eve", emails="e@example.com"), (400, "invalidValue")),
    "e-mails as numbers": (user("eve", emails=[{"value": 1}]), (400, "invalidValue")),
    "two primary e-mails": (
        user("eve", emails=[{"value": f"{n}@x", "primary": True} for n in "ab"]),
        (400, "invalidValue"),
    ),
    "an e-mail with an invisible letter": (
        user("eve", emails=[{"value": "e\u2060@example.com"}]),
        (400, "invalidValue"),
    ),
    "an id with NUL": (user("eve", externalId="\0"), (400, "invalidValue")),
    "an id as an object": (user("eve", externalId={"a": 1}), (400, "invalidValue")),
    "another schema": ({**user("eve"), "schemas": ["urn:evil"]}, (400, "invalidSyntax")),
    "the schema of a group": ({**user("eve"), "schemas": [GROUP]}, (400, "invalidSyntax")),
    "schemas as a number": ({**user("eve"), "schemas": 7}, (400, "invalidValue")),
    "a list": ([user("eve")], (400, "invalidSyntax")),
    "a text": ("eve", (400, "invalidSyntax")),
    "null": (None, (400, "invalidSyntax")),
    "a deep document": (user("eve", nested=deep(40)), (400, "invalidValue")),
    "many e-mails": (
        user("eve", emails=[{"value": f"{n}@x"} for n in range(101)]),
        (413, None),
    ),
    "a number without end": (user("eve", n=10**400), (400, "invalidValue")),
}


@pytest.mark.parametrize("what", USERS)
def test_a_user_that_cannot_be_is_refused(
    served: Served, client: httpx2.Client, ann: dict[str, Any], what: str
) -> None:
    document, wanted = USERS[what]
    before = len(served.registry.events(limit=1000))
    assert refusal(client.post("/Users", json=document)) == wanted
    assert len(served.registry.events(limit=1000)) == before


BODIES: dict[str, tuple[bytes, tuple[int, str | None]]] = {
    "no JSON": (b"{", (400, "invalidSyntax")),
    "half a character": (b'{"userName": "\\ud800"}', (400, "invalidSyntax")),
    "nothing": (b"", (400, "invalidSyntax")),
    "other bytes": (b"\xff\xfe", (400, "invalidSyntax")),
    "a word that is no number": (b'{"n": NaN}', (400, "invalidSyntax")),
    "very deep": (b"[" * 100_000 + b"]" * 100_000, (400, "invalidSyntax")),
    "too large": (b'{"a": "' + b"x" * (5 << 20) + b'"}', (413, None)),
}


@pytest.mark.parametrize("what", BODIES)
@pytest.mark.parametrize("path", ["/Users", "/Groups"])
def test_a_body_that_cannot_be_read_is_refused(client: httpx2.Client, path: str, what: str) -> None:
    body, wanted = BODIES[what]
    assert refusal(client.post(path, content=body)) == wanted


def test_a_body_of_another_type_is_refused(client: httpx2.Client) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = client.post("/Users", content=b"{}", headers={"Content-Type": kind})
        assert refusal(answer) == (415, None)
    plain = client.post(
        "/Users", json=user(uuid4().hex), headers={"Content-Type": "application/json"}
    )
    assert plain.status_code == 201


GROUPS: dict[str, tuple[Any, tuple[int, str]]] = {
    "no name": ({"schemas": [GROUP]}, (400, "invalidValue")),
    "no letter": (group("…"), (400, "invalidValue")),
    "NUL": (group("a\0"), (400, "invalidValue")),
    "an invisible letter": (group("ris\u200bk2"), (400, "invalidValue")),
    "a group made by hand": (group("By Hand"), (409, "uniqueness")),
    "a group that exists": (group("RISK"), (409, "uniqueness")),
    "a member that is no id": (group("g", "ann"), (400, "invalidValue")),
    "a member that is unknown": (group("g", str(uuid4())), (400, "invalidValue")),
    "members as a text": ({**group("g"), "members": "x"}, (400, "invalidValue")),
    "a member without a value": ({**group("g"), "members": [{}]}, (400, "invalidValue")),
}


@pytest.mark.parametrize("what", GROUPS)
def test_a_group_that_cannot_be_is_refused(
    served: Served, client: httpx2.Client, risk: dict[str, Any], what: str
) -> None:
    document, wanted = GROUPS[what]
    before = len(served.registry.access_groups())
    assert refusal(client.post("/Groups", json=document)) == wanted
    assert len(served.registry.access_groups()) == before


PATCHES: dict[str, tuple[Any, tuple[int, str | None]]] = {
    "no operation": (patch(), (400, "invalidValue")),
    "no operations": ({"schemas": [f"{MESSAGES}PatchOp"]}, (400, "invalidValue")),
    "operations as a text": ({**patch(), "Operations": "x"}, (400, "invalidValue")),
    "operations as numbers": ({**patch(), "Operations": [1]}, (400, "invalidValue")),
    "another message": (
        {**patch({"op": "remove", "path": "emails"}), "schemas": [f"{MESSAGES}Error"]},
        (400, "invalidSyntax"),
    ),
    "an unknown operation": (patch({"op": "move", "path": "emails"}), (400, "invalidValue")),
    "a removal of everything": (patch({"op": "remove"}), (400, "noTarget")),
    "a path without sense": (patch({"op": "add", "path": "((", "value": 1}), (400, "invalidPath")),
    "a path as a number": (patch({"op": "add", "path": 1, "value": 1}), (400, "invalidValue")),
    "a deep path": (
        patch(
            {
                "op": "add",
                "path": "emails[" + "not (" * 90 + "type pr" + ")" * 90 + "]",
                "value": {},
            }
        ),
        (400, "invalidPath"),
    ),
    "a long path": (
        patch({"op": "remove", "path": "emails[type pr" + " or type pr" * 200 + "]"}),
        (400, "invalidPath"),
    ),
    "the id": (patch({"op": "replace", "path": "id", "value": "x"}), (400, "mutability")),
    "the name": (patch({"op": "replace", "path": "userName", "value": "x"}), (400, "mutability")),
    "no name": (patch({"op": "remove", "path": "userName"}), (400, "mutability")),
    "no value": (patch({"op": "replace", "path": "active"}), (400, "invalidValue")),
    "another kind of value": (
        patch({"op": "replace", "path": "active", "value": {"a": 1}}),
        (400, "invalidValue"),
    ),
    "a value that is no object": (patch({"op": "replace", "value": 7}), (400, "invalidValue")),
    "an e-mail of a token": (
        patch({"op": "add", "path": 'emails[type eq "work"].value', "value": "ci@example.com"}),
        (409, "uniqueness"),
    ),
    "many e-mails": (
        patch({"op": "add", "path": "emails", "value": [{"value": f"{n}@x"} for n in range(101)]}),
        (413, None),
    ),
    "many e-mails without a path": (
        patch(*[{"op": "add", "value": {"emails": [{"value": f"{n}@x"}]}} for n in range(3)] * 34),
        (413, None),
    ),
    "too many operations": (
        patch(*[{"op": "replace", "path": "active", "value": True}] * 101),
        (413, None),
    ),
}


@pytest.mark.parametrize("what", PATCHES)
def test_a_patch_that_cannot_be_is_refused(
    served: Served, client: httpx2.Client, ann: dict[str, Any], what: str
) -> None:
    document, wanted = PATCHES[what]
    answer = client.patch(f"/Users/{ann['id']}", json=document)
    assert refusal(answer) == wanted
    assert client.get(f"/Users/{ann['id']}").json() == ann


def test_a_patch_of_members_that_select_nobody_changes_nothing(
    client: httpx2.Client, risk: dict[str, Any]
) -> None:
    path = f"/Groups/{risk['id']}"
    for operation in (
        {"op": "remove", "path": f'members[value eq "{uuid4()}"]'},
        {"op": "remove", "path": 'members[value eq "\' OR 1=1 --"]'},
        {"op": "remove", "path": "members", "value": []},
    ):
        assert client.patch(path, json=patch(operation)).status_code == 204
        assert client.get(path).json() == risk
    bad = {"op": "add", "path": "members", "value": [{"value": "x' OR 1=1"}]}
    assert refusal(client.patch(path, json=patch(bad))) == (400, "invalidValue")


def test_members_are_found_by_any_path_in_a_small_group_alone(
    client: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pedigree.server.scim import groups

    ids = [created(client, "/Users", user(f"{n}-{uuid4().hex}"))["id"] for n in range(3)]
    path = f"/Groups/{created(client, '/Groups', group(uuid4().hex, *ids))['id']}"
    ended = {"op": "remove", "path": 'members[display sw "0-" or display sw "1-"]'}
    assert client.patch(path, json=patch(ended)).status_code == 204
    assert [each["value"] for each in client.get(path).json()["members"]] == [ids[2]]
    monkeypatch.setattr(groups, "_MOST_LOOKS", 3)
    whole = {"op": "replace", "path": "members", "value": [{"value": each} for each in ids]}
    assert client.patch(path, json=patch(whole)).status_code == 204
    before = client.get(path).json()
    refused = client.patch(path, json=patch(ended, {"op": "remove", "path": "externalId"}))
    assert refusal(refused) == (413, None)
    assert client.get(path).json() == before
    everything = [
        {"op": "remove", "path": f'members[value eq "{ids[0]}"]'},
        {
            "op": "Add",
            "path": "urn:ietf:params:scim:schemas:core:2.0:Group:members",
            "value": {"value": ids[0]},
        },
        {"op": "replace", "value": {"externalId": "7", "Members": [{"Value": ids[1]}]}},
        {"op": "add", "path": "members", "value": [{"value": ids[2], "type": "User"}]},
    ]
    assert client.patch(path, json=patch(*everything)).status_code == 204
    after = client.get(path).json()
    assert [each["value"] for each in after["members"]] == ids[1:]
    assert after["externalId"] == "7"
    assert client.patch(path, json=patch({"op": "remove", "path": "members"})).status_code == 204
    assert "members" not in client.get(path).json()


def test_paths_of_other_bytes_and_ids_of_other_forms_are_refused(
    client: httpx2.Client, ann: dict[str, Any]
) -> None:
    for path in (
        ann["id"].upper(),
        ann["id"].replace("-", ""),
        f"{{{ann['id']}}}",
        "1",
        "..%2fGroups",
        "%00",
        "' OR 1=1",
    ):
        assert refusal(client.get(f"/Users/{path}"))[0] == 404, path
    assert refusal(client.get("/Users/%ff"))[0] == 400
    assert refusal(client.get("/Users?filter=%ff"))[0] == 400


def test_a_password_is_never_kept_nor_logged(
    served: Served, client: httpx2.Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        made = created(client, "/Users", user("pw@example.com", password=SECRET))
        path = f"/Users/{made['id']}"
        for operation in (
            {"op": "replace", "path": "password", "value": SECRET},
            {"op": "add", "value": {"password": SECRET}},
        ):
            assert SECRET not in client.patch(path, json=patch(operation)).text
        assert SECRET not in client.put(path, json=user("pw@example.com", password=SECRET)).text
        assert SECRET not in client.put(path, json=user(SECRET, password=SECRET, active=[])).text
        odd = client.post("/Users", json=user("pw2", password={"a": [SECRET]}))
        assert SECRET not in odd.text
        asked = client.get("/Users", params={"filter": f'password eq "{SECRET}"'})
        assert refusal(asked) == (400, "invalidFilter")
        assert SECRET not in asked.text
    assert SECRET not in caplog.text
    assert SECRET not in json.dumps(
        [each.model_dump(mode="json") for each in served.registry.events(limit=1000)]
    )
    dumped = served.registry.database.read(
        lambda transaction: transaction.execute(
            "SELECT count(*) AS found FROM ("
            " SELECT to_jsonb(u)::text AS row FROM pedigree.provisioned_user u"
            " UNION ALL SELECT to_jsonb(i)::text FROM pedigree.identity i"
            " UNION ALL SELECT to_jsonb(p)::text FROM pedigree.principal p"
            ") AS kept WHERE row LIKE '%correct horse%'"
        ).fetchone()
    )
    assert dumped == {"found": 0}


def test_somebody_of_the_provider_does_not_provision_themselves(served: Served) -> None:
    registry = served.registry
    registry.grant_access("provisioner", "group:by-hand")
    registry.add_member("by-hand", "mallory")
    own = with_token(served, registry.create_token("mallory", roles=[]).secret)
    assert refusal(own.post("/Users", json=user("Mallory"))) == (409, "uniqueness")
    made = created(own, "/Users", user("accomplice"))
    box = created(own, "/Groups", group("friends", made["id"]))
    mine = patch({"op": "add", "path": "members", "value": [{"value": str(uuid4())}]})
    assert refusal(own.patch(f"/Groups/{box['id']}", json=mine)) == (400, "invalidValue")
    grant = served.client()
    grant.headers["Authorization"] = own.headers["Authorization"]
    refused = grant.post("/access/grants", json={"role": "admin", "to": "group:friends"})
    assert refused.status_code == 403
