"""Models over HTTP: the same verbs, with pages, ETags and problems."""

from pathlib import Path

import httpx2
import pytest

from tests.factories import register
from tests.server.conftest import Served


def test_a_model_is_made_read_changed_and_deleted(admin: httpx2.Client, name: str) -> None:
    made = admin.post("/models", json={"name": name, "owners": ["ann"], "tags": {"a": "b"}})
    assert made.status_code == 201
    assert made.headers["location"] == f"/api/v1/models/{name}"
    assert admin.get(f"/models/{name}").json() == made.json()
    changed = admin.patch(f"/models/{name}", json={"description": "who leaves"})
    assert (changed.json()["description"], changed.json()["owners"]) == ("who leaves", ["ann"])
    gone = admin.delete(f"/models/{name}", params={"reason": "test"})
    assert (gone.status_code, gone.content) == (204, b"")
    assert admin.get(f"/models/{name}").status_code == 404


def test_the_answer_is_what_the_registry_says(
    admin: httpx2.Client, served: Served, name: str
) -> None:
    served.registry.create_model(name, description="Kündigung ✓", owners=["ann"])
    answer = admin.get(f"/models/{name}")
    assert answer.text == served.registry.model(name).model_dump_json()
    assert answer.headers["content-type"] == "application/json"


def test_pages_follow_their_links_to_the_end(admin: httpx2.Client, served: Served) -> None:
    for place in range(5):
        served.registry.create_model(f"page {place} ü&?")
    found, target = [], "/models?limit=2"
    while target:
        answer = admin.get(target.removeprefix("/api/v1"))
        found += [model["name"] for model in answer.json()["items"]]
        target = answer.links.get("next", {}).get("url", "")
        assert bool(target) == (answer.json()["next"] is not None)
    assert found == [model.name for model in served.registry.each_model()]
    assert len(found) >= 5


def test_an_unchanged_record_is_answered_304(
    admin: httpx2.Client, served: Served, name: str
) -> None:
    served.registry.create_model(name)
    etag = admin.get(f"/models/{name}").headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = admin.get(f"/models/{name}", headers={"If-None-Match": known})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == etag
    served.registry.update_model(name, description="new")
    assert admin.get(f"/models/{name}", headers={"If-None-Match": etag}).status_code == 200


def test_a_change_of_a_changed_resource_is_412_with_its_current_state(
    admin: httpx2.Client, served: Served, name: str
) -> None:
    served.registry.create_model(name)
    seen = admin.get(f"/models/{name}").headers["etag"]
    theirs = admin.patch(
        f"/models/{name}", json={"description": "theirs"}, headers={"If-Match": seen}
    )
    assert theirs.status_code == 200
    ours = admin.patch(f"/models/{name}", json={"description": "ours"}, headers={"If-Match": seen})
    assert ours.status_code == 412
    assert ours.json()["current"] == theirs.json()
    assert ours.headers["etag"] == theirs.headers["etag"]
    assert served.registry.model(name).description == "theirs"
    again = {"If-Match": ours.headers["etag"]}
    assert admin.delete(f"/models/{name}?reason=x", headers=again).status_code == 204
    gone = admin.patch(f"/models/{name}", json={}, headers={"If-Match": "*"})
    assert (gone.status_code, gone.json().get("current")) == (412, None)


def test_a_name_of_any_script_is_led_to_by_location_and_link(
    admin: httpx2.Client, served: Served, name: str, tmp_path: Path
) -> None:
    odd = f"отток ü? & {name}"
    made = admin.post("/models", json={"name": odd})
    there = made.headers["location"].removeprefix("/api/v1")
    assert admin.get(there).json() == made.json()
    for content in ("a", "b"):
        register(served.registry, tmp_path, content, odd)
    first = admin.get(f"{there}/versions?limit=1")
    second = admin.get(first.links["next"]["url"].removeprefix("/api/v1"))
    assert [each["version_id"] for each in second.json()["items"]] == [2]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "field"),
    [
        ("POST", "/models", {"name": "a/b"}, 422, "name"),
        ("POST", "/models", {}, 400, "name"),
        ("POST", "/models", {"name": "x", "colour": "red"}, 400, "colour"),
        ("POST", "/models", {"name": "nul\u0000"}, 422, "name"),
        ("POST", "/models", {"name": "nul in a tag", "tags": {"a": "\u0000"}}, 422, "tags.a"),
        ("POST", "/models", ["x"], 400, "body"),
        ("GET", "/models?limit=0", None, 400, "limit"),
        ("GET", "/models?limit=1001", None, 400, "limit"),
        ("GET", "/models/nobody", None, 404, "name"),
        ("DELETE", "/models/nobody", None, 400, "reason"),
        ("GET", "/nothing", None, 404, None),
        ("PUT", "/models", {}, 405, None),
    ],
)
def test_a_problem_names_the_field_and_the_fix(
    admin: httpx2.Client, method: str, path: str, body: object, status: int, field: str | None
) -> None:
    answer = admin.request(method, path, json=body)
    problem = answer.json()
    assert (answer.status_code, problem["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem.get("field") == field, problem
    assert problem["detail"]
    assert field is None or problem["fix"]


def test_a_name_that_is_taken_is_a_conflict(admin: httpx2.Client, name: str) -> None:
    assert admin.post("/models", json={"name": name}).status_code == 201
    taken = admin.post("/models", json={"name": name.upper()})
    assert taken.status_code == 409
    assert taken.json()["type"] == "urn:pedigree:error:NameTakenError"
    assert taken.json()["value"] == repr(name.upper())


def test_a_body_that_is_no_json_or_too_large_is_refused(admin: httpx2.Client) -> None:
    typed = {"Content-Type": "application/json"}
    assert admin.post("/models", content=b"{", headers=typed).status_code == 400
    large = b'{"name": "' + b"x" * (5 << 20) + b'"}'
    assert admin.post("/models", content=large, headers=typed).status_code == 413
    pieces = (large[at : at + 65536] for at in range(0, len(large), 65536))
    assert admin.post("/models", content=pieces, headers=typed).status_code == 413
    untyped = admin.post("/models", content=b'{"name": "x"}')
    assert (untyped.status_code, untyped.json()["field"]) == (415, "Content-Type")


def test_a_path_says_which_methods_it_has(admin: httpx2.Client) -> None:
    assert admin.put("/models").headers["allow"] == "GET, HEAD, POST"
    assert admin.post("/models/x").headers["allow"] == "DELETE, GET, HEAD, PATCH"
