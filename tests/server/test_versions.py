"""Versions over HTTP: read, described, deleted, found, and where they come from."""

from collections.abc import Callable

import httpx2
import pytest

from pedigree.cards.records import CardNotes
from pedigree.catalog.records import ModelVersion
from tests.lineage.graphs import graph, node
from tests.server.conftest import Served

Version = Callable[..., int]


def test_a_version_is_what_the_registry_says(
    admin: httpx2.Client, served: Served, name: str, version: Version
) -> None:
    number = version(metrics={"auc": 0.9}, tags={"team": "x"})
    answer = admin.get(f"/models/{name}/versions/{number}")
    assert ModelVersion.model_validate_json(answer.content) == served.registry.get(
        f"{name}/{number}"
    )
    etag = {"If-None-Match": answer.headers["etag"]}
    assert admin.get(f"/models/{name}/versions/{number}", headers=etag).status_code == 304


def test_versions_come_in_pages_both_ways(
    admin: httpx2.Client, name: str, version: Version
) -> None:
    for content in ("a", "b", "c"):
        version(content)
    for query, numbers in (("", [1, 2, 3]), ("&newest_first=true", [3, 2, 1])):
        first = admin.get(f"/models/{name}/versions?limit=2{query}")
        second = admin.get(first.links["next"]["url"].removeprefix("/api/v1"))
        found = first.json()["items"] + second.json()["items"]
        assert [each["version_id"] for each in found] == numbers
        assert "next" not in second.links


def test_a_version_is_described_and_deleted(
    admin: httpx2.Client, name: str, version: Version
) -> None:
    path = f"/models/{name}/versions/{version()}"
    etag = admin.get(path).headers["etag"]
    changed = admin.patch(path, json={"tags": {"a": "b"}}, headers={"If-Match": etag})
    assert changed.json()["tags"] == {"a": "b"}
    stale = admin.delete(path, params={"reason": "x"}, headers={"If-Match": etag})
    drawn_meanwhile = {"model_card_uri": None}
    assert stale.status_code == 412
    assert stale.json()["current"] | drawn_meanwhile == changed.json() | drawn_meanwhile
    assert admin.delete(path, params={"reason": "x"}).status_code == 204
    assert admin.get(path).status_code == 404


def test_a_card_that_is_drawn_after_a_version_was_read_is_no_change_of_the_version(
    admin: httpx2.Client, served: Served, name: str, version: Version
) -> None:
    path = f"/models/{name}/versions/{version()}"
    for number in range(3):
        seen = {"If-Match": admin.get(path).headers["etag"]}
        for contact in ("ann", "ben"):
            served.registry.write_card(f"{name}/1", CardNotes(contact=f"{contact} {number}"))
        assert admin.get(path).headers["etag"] != seen["If-Match"]
        changed = admin.patch(path, json={"owners": [f"team {number}"]}, headers=seen)
        assert changed.status_code == 200, changed.text
        assert admin.patch(path, json={"owners": ["late"]}, headers=seen).status_code == 412


def test_files_card_and_lineage_are_listed(
    admin: httpx2.Client, name: str, version: Version
) -> None:
    number = version("weights", lineage=graph(node(1, f"raw/{name}")))
    path = f"/models/{name}/versions/{number}"
    (file,) = admin.get(f"{path}/files").json()["files"]
    assert (file["path"], file["size"]) == ("model.bin", len("weights"))
    assert admin.get(f"{path}0/card").status_code == 404
    card = admin.get(f"{path}/card").json()
    assert name in card["markdown"]
    assert card["location"] is None
    assert admin.get(f"{path}/lineage").json()["nodes"][1]["asset"] == f"raw/{name}"
    assert f"raw/{name}" in admin.get(f"{path}/upstream").text
    impact = admin.get("/impact", params={"asset": f"raw/{name}"}).json()
    assert [one["model_name"] for one in impact["certain"]] == [name]
    assert impact["certain"][0]["certainty"] == "read"
    assert impact["possible"] == []
    upstream = admin.get(f"{path}/upstream").json()
    assert (upstream["not_ruled_out"], upstream["recorded"]) == ([], True)
    assert admin.get("/impact", params={"asset": "x", "since": "2026-01-01"}).status_code == 400


def test_search_finds_pages_and_points_at_what_it_cannot_read(
    admin: httpx2.Client, name: str, version: Version
) -> None:
    for content in ("a", "b", "c"):
        version(content, tags={"of": name})
    query = {"filter": f"tags.of = '{name}'", "order_by": "version", "limit": 2, "count": True}
    first = admin.get("/search", params=query)
    assert (len(first.json()["records"]), first.json()["total"]) == (2, 3)
    second = admin.get(first.links["next"]["url"].removeprefix("/api/v1"))
    assert [each["version_id"] for each in second.json()["records"]] == [3]
    wrong = admin.get("/search", params={"filter": "colour = 'red'"})
    assert wrong.status_code == 422
    assert wrong.json()["field"] == "filter"
    assert "^" in wrong.json()["detail"]
    assert admin.get("/search", params={"filter": "x" * 10_001}).status_code == 400


def test_events_are_read_on_from_their_cursor(
    admin: httpx2.Client, name: str, version: Version
) -> None:
    start = admin.get("/events?limit=1000").json()["next"]
    kinds = "&type=model.created&type=version.created"  # the service draws cards at the same time
    version("a")
    version("b")
    first = admin.get(f"/events?after={start}&limit=2{kinds}")
    assert [each["type"] for each in first.json()["items"]] == ["model.created", "version.created"]
    second = admin.get(first.links["next"]["url"].removeprefix("/api/v1"))
    assert [each["version"] for each in second.json()["items"]] == [2]
    end = second.json()["next"]
    nothing = admin.get(f"/events?after={end}{kinds}")
    assert nothing.json() == {"items": [], "next": end}
    chosen = admin.get(f"/events?after={start}&type=version.created&type=alias.set").json()
    assert [each["version"] for each in chosen["items"]] == [1, 2]


def test_the_registry_is_counted(admin: httpx2.Client, served: Served) -> None:
    stats = admin.get("/stats").json()
    assert stats["models"] == len(served.registry.models())


@pytest.mark.parametrize(
    "path", ["/models/x/versions/0", "/models/x/versions/latest", "/models/x/versions/9999999999"]
)
def test_what_is_no_number_of_a_version_is_named(admin: httpx2.Client, path: str) -> None:
    answer = admin.get(path)
    assert (answer.status_code, answer.json()["field"]) == (400, "version")
