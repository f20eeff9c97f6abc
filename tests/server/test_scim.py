"""The messages of SCIM, as RFC 7643 and 7644 have them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx2
import pytest
from scim2_models import Context, ListResponse, ResourceType, Schema, ServiceProviderConfig
from scim2_models import Group as StandardGroup
from scim2_models import User as StandardUser

from pedigree.access.records import Role
from pedigree.settings import Settings
from tests.server.conftest import Served, serving
from tests.server.provisioning import (
    GROUP,
    MEDIA_TYPE,
    MESSAGES,
    USER,
    changed,
    created,
    group,
    names,
    provider,
    refusal,
    user,
)


@pytest.fixture(scope="module")
def served(settings: Settings) -> Iterator[Served]:
    """A service with seven users, and groups of some of them."""
    with serving(settings) as served:
        client = provider(served)
        ids = [
            created(client, "/Users", user(f"u{n}@example.com", externalId=f"x{n}"))["id"]
            for n in range(7)
        ]
        created(client, "/Groups", group("Model Risk", *ids[:3]))
        created(client, "/Groups", group("empty"))
        yield served


@pytest.fixture(scope="module")
def client(served: Served) -> httpx2.Client:
    """The client of the provider."""
    return served.clients[0]


def test_what_is_supported_is_said_in_the_words_of_the_standard(client: httpx2.Client) -> None:
    found = client.get("/ServiceProviderConfig")
    assert found.headers["content-type"] == MEDIA_TYPE
    config = ServiceProviderConfig.model_validate(
        found.json(), scim_ctx=Context.RESOURCE_QUERY_RESPONSE
    )
    supported = {
        "patch": config.patch,
        "bulk": config.bulk,
        "filter": config.filter,
        "changePassword": config.change_password,
        "sort": config.sort,
        "etag": config.etag,
    }
    assert {name for name, each in supported.items() if each and each.supported} == {
        "patch",
        "filter",
    }
    (scheme,) = config.authentication_schemes or []
    assert scheme.type == "oauthbearertoken"


def test_types_and_schemas_describe_what_is_served(client: httpx2.Client) -> None:
    types = ListResponse[ResourceType].model_validate(
        client.get("/ResourceTypes").json(), scim_ctx=Context.RESOURCE_QUERY_RESPONSE
    )
    assert [(each.id, str(each.endpoint)) for each in types.resources or []] == [
        ("User", "/Users"),
        ("Group", "/Groups"),
    ]
    schemas = ListResponse[Schema].model_validate(
        client.get("/Schemas").json(), scim_ctx=Context.RESOURCE_QUERY_RESPONSE
    )
    attributes = {
        str(each.id): [attribute.name for attribute in each.attributes or []]
        for each in schemas.resources or []
    }
    assert attributes == {
        USER: ["userName", "active", "emails"],
        GROUP: ["displayName", "members"],
    }
    for path in ("/ResourceTypes/User", f"/Schemas/{GROUP}"):
        one = client.get(path)
        assert one.status_code == 200
        assert one.json()["meta"]["location"].endswith(path.replace(":", "%3A"))
        assert (
            client.get(one.json()["meta"]["location"].removeprefix("/scim/v2")).json() == one.json()
        )
    assert refusal(client.get("/Schemas?filter=id+pr")) == (403, None)
    assert refusal(client.get("/Schemas/urn:none")) == (404, None)


def test_users_and_groups_are_those_of_the_standard(client: httpx2.Client) -> None:
    answer = client.post(
        "/Users", json=user("std@example.com", emails=[{"value": "s@example.com"}])
    )
    assert answer.headers["content-type"] == MEDIA_TYPE
    shown = answer.json()
    assert (
        answer.headers["location"] == shown["meta"]["location"] == f"/scim/v2/Users/{shown['id']}"
    )
    assert shown["emails"] == [{"value": "s@example.com", "type": "work", "primary": True}]
    StandardUser.model_validate(shown, scim_ctx=Context.RESOURCE_CREATION_RESPONSE)
    assert client.get(f"/Users/{shown['id']}").json() == shown
    other = created(client, "/Groups", group("std", shown["id"]))
    StandardGroup.model_validate(other, scim_ctx=Context.RESOURCE_CREATION_RESPONSE)
    assert other["members"] == [{"value": shown["id"], "display": "std@example.com"}]
    for path in (f"/Groups/{other['id']}", f"/Users/{shown['id']}"):
        gone = client.delete(path)
        assert (gone.status_code, gone.content) == (204, b"")
        assert refusal(client.get(path)) == (404, None)
        assert refusal(client.delete(path)) == (404, None)


def test_lists_have_pages_by_place(client: httpx2.Client) -> None:
    whole = client.get("/Users").json()
    assert whole["schemas"] == [f"{MESSAGES}ListResponse"]
    assert (whole["totalResults"], whole["startIndex"], whole["itemsPerPage"]) == (7, 1, 7)
    found = []
    for first in (1, 4, 7):
        page = client.get(f"/Users?startIndex={first}&count=3").json()
        assert (page["totalResults"], page["startIndex"]) == (7, first)
        assert page["itemsPerPage"] == len(page["Resources"])
        found += page["Resources"]
    assert found == whole["Resources"]
    matching = client.get('/Users?filter=externalId sw "x"&startIndex=6&count=5').json()
    assert (matching["totalResults"], len(matching["Resources"])) == (7, 2)
    for query in ("count=0", "startIndex=8", f"startIndex={10**30}"):
        page = client.get(f"/Users?{query}").json()
        assert (page["totalResults"], page["Resources"]) == (7, [])
    assert len(client.get("/Users?count=-1&startIndex=-9").json()["Resources"]) == 0
    assert client.get("/Users?count=100000").json()["itemsPerPage"] == 7


@pytest.mark.parametrize("key", ["count", "startIndex"])
def test_a_place_that_is_no_number_is_refused(client: httpx2.Client, key: str) -> None:
    assert refusal(client.get(f"/Users?{key}=x")) == (400, "invalidValue")


def test_an_order_is_refused_rather_than_left_out(client: httpx2.Client) -> None:
    assert refusal(client.get("/Users?sortBy=userName")) == (400, "invalidValue")


def test_a_request_chooses_the_attributes_of_the_answer(client: httpx2.Client) -> None:
    (first, *_) = client.get("/Groups").json()["Resources"]
    assert len(first["members"]) == 3
    path = f"/Groups/{first['id']}"
    assert client.get(f"{path}?excludedAttributes=members").json() == {
        name: value for name, value in first.items() if name != "members"
    }
    only = client.get(f"{path}?attributes=members").json()
    assert only.keys() == {"schemas", "id", "members"}
    listed = client.get('/Groups?filter=displayName eq "model risk"&attributes=displayName').json()
    assert [each.keys() for each in listed["Resources"]] == [{"schemas", "id", "displayName"}]
    shown = client.get(path).json()
    assert client.get(f"{path}?attributes=unknown").json().keys() == {"schemas", "id"}
    assert shown == first


def test_filters_of_groups_see_their_members(client: httpx2.Client) -> None:
    (risk, empty) = client.get("/Groups").json()["Resources"]
    inside, outside = risk["members"][0]["value"], client.get("/Users").json()["Resources"][6]["id"]
    assert names(client.get(f'/Groups?filter=members eq "{inside}"')) == ["Model Risk"]
    assert names(client.get(f'/Groups?filter=members[value eq "{outside}"]')) == []
    # So Microsoft Entra ID asks whether somebody is a member.
    asked = f'/Groups?filter=id eq "{risk["id"]}" and members eq "{outside}"'
    assert names(client.get(f"{asked}&excludedAttributes=members")) == []
    asked = f'/Groups?filter=id eq "{risk["id"]}" and members eq "{inside}"'
    without = client.get(f"{asked}&excludedAttributes=members").json()["Resources"]
    assert [each.get("members") for each in without] == [None]
    assert names(client.get(f'/Groups?filter=id eq "{empty["id"]}"')) == ["empty"]
    assert names(client.get('/Groups?filter=id eq "none"')) == []


def test_a_replacement_is_what_the_request_says(client: httpx2.Client) -> None:
    made = created(
        client,
        "/Users",
        user("put@example.com", externalId="p1", emails=[{"value": "p@example.com"}]),
    )
    path = f"/Users/{made['id']}"
    put = client.put(path, json={**user("put@example.com"), "id": made["id"], "meta": made["meta"]})
    assert put.status_code == 200, put.text
    assert put.json().keys() == {"schemas", "id", "userName", "active", "meta"}
    same = client.put(path, json=user("put@example.com"))
    assert same.json() == put.json(), "a change of nothing is no change"
    assert refusal(client.put(path, json=user("other@example.com"))) == (400, "mutability")
    box = created(client, "/Groups", group("put", made["id"]))
    kept = client.put(f"/Groups/{box['id']}", json=group("put again"))
    assert kept.json()["members"] == box["members"]
    emptied = client.put(f"/Groups/{box['id']}", json={**group("put again"), "members": []})
    assert "members" not in emptied.json()
    for each in (f"/Groups/{box['id']}", path):
        client.delete(each)


def test_operations_of_a_patch_are_one_change(served: Served, client: httpx2.Client) -> None:
    made = created(client, "/Users", user("all@example.com"))
    path = f"/Users/{made['id']}"
    good = {"op": "replace", "path": "externalId", "value": "new"}
    bad = {"op": "replace", "path": "userName", "value": "other"}
    refused = client.patch(
        path, json={"schemas": [f"{MESSAGES}PatchOp"], "Operations": [good, bad]}
    )
    assert refusal(refused) == (400, "mutability")
    assert client.get(path).json() == made
    events = len(served.registry.events(limit=1000))
    nothing = changed(client, path, {"op": "replace", "path": "active", "value": True})
    assert nothing.json() == made
    assert len(served.registry.events(limit=1000)) == events
    client.delete(path)


def test_changes_of_a_group_at_once_are_all_kept(client: httpx2.Client) -> None:
    ids = [created(client, "/Users", user(f"at-once-{n}@example.com"))["id"] for n in range(6)]
    path = f"/Groups/{created(client, '/Groups', group('at once'))['id']}"

    def add(member: str) -> int:
        operation = {"op": "add", "path": "members", "value": [{"value": member}]}
        return changed(client, path, operation).status_code

    with ThreadPoolExecutor(6) as threads:
        assert set(threads.map(add, ids)) == {204}
    assert {each["value"] for each in client.get(path).json()["members"]} == set(ids)
    for each in (path, *(f"/Users/{one}" for one in ids)):
        assert client.delete(each).status_code == 204


def test_what_is_not_there_is_said_as_scim_says_it(client: httpx2.Client) -> None:
    for path in ("/Users/none", f"/Users/{uuid4()}", f"/Groups/{uuid4()}", "/Bulk", "/Me", "/x/y"):
        assert refusal(client.get(path)) == (404, None), path
    assert refusal(client.post("/Bulk", json={})) == (404, None)
    missing = client.put("/Users", json=user("ann"))
    assert (refusal(missing), missing.headers["allow"]) == ((405, None), "GET, HEAD, POST")
    for method in ("PUT", "PATCH"):
        document = (
            user("ann")
            if method == "PUT"
            else {
                "schemas": [f"{MESSAGES}PatchOp"],
                "Operations": [{"op": "replace", "path": "active", "value": False}],
            }
        )
        assert refusal(client.request(method, f"/Users/{uuid4()}", json=document)) == (404, None)


def test_a_caller_without_a_right_is_refused_as_scim_refuses(served: Served) -> None:
    stranger = httpx2.Client(base_url=f"{served.url}/scim/v2")
    with stranger:
        unknown = stranger.get("/Users")
    assert refusal(unknown) == (401, None)
    assert unknown.headers["www-authenticate"] == "Bearer"
    everything = set(Role) - {Role.ADMIN}
    other = served.client(*everything)
    for path in ("/Users", "/Groups", "/Schemas", "/ServiceProviderConfig", f"/Users/{uuid4()}"):
        assert refusal(other.get(f"{served.url}/scim/v2{path}")) == (403, None)
    assert other.get("/nothing").headers["content-type"] == "application/problem+json"
