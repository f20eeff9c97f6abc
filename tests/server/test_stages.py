"""Stages, aliases, approvals and quarantines over HTTP, with the same gates."""

from collections.abc import Callable

import httpx2
import pytest

from pedigree.access.records import Role
from pedigree.catalog.records import ModelVersion
from pedigree.lifecycle.policy import open_policy
from pedigree.lifecycle.records import Policy
from pedigree.registry import Registry
from tests.factories import free_policy
from tests.lineage.graphs import graph, node
from tests.server.conftest import Served

Version = Callable[..., int]


@pytest.fixture
def free(served: Served, name: str) -> Registry:
    """The registry, whose model has stages without checks."""
    served.registry.set_policy(name, free_policy())
    return served.registry


def test_an_alias_is_set_read_moved_and_deleted(
    admin: httpx2.Client, served: Served, name: str, version: Version
) -> None:
    version("a")
    version("b")
    path = f"/models/{name}/aliases/champion"
    assert admin.get(path).status_code == 404
    first = {"If-None-Match": "*"}
    assert admin.put(path, json={"version": 1}, headers=first).json()["version_id"] == 1
    assert admin.put(path, json={"version": 2}, headers=first).status_code == 412
    seen = admin.get(path)
    champion = served.registry.get(f"{name}@champion")
    assert ModelVersion.model_validate_json(seen.content) == champion
    seen_by_us = {"If-Match": seen.headers["etag"]}
    assert admin.put(path, json={"version": 2}, headers=seen_by_us).json()["version_id"] == 2
    assert admin.put(path, json={"version": 1}, headers=seen_by_us).status_code == 412
    conflict = admin.put(path, json={"version": 1, "expected_generation": 0})
    assert conflict.status_code == 409
    assert admin.get(f"/models/{name}/aliases").json() == {"aliases": {"champion": 2}}
    assert admin.delete(path).status_code == 204
    assert admin.delete(path).status_code == 404


def test_a_move_waits_for_its_gates_as_everywhere(
    admin: httpx2.Client, name: str, version: Version
) -> None:
    path = f"/models/{name}/versions/{version()}"
    refused = admin.post(f"{path}/stage", json={"stage": "production"})
    assert refused.status_code == 409
    assert refused.json()["type"].rpartition(":")[2] == "TransitionNotAllowedError"
    explained = admin.get(f"{path}/explain", params={"to": "staging"}).json()
    assert explained["may_enter"] is False
    assert explained["waits_for"]
    assert admin.get(f"{path}/verdicts").json() == {"items": [], "next": None}


def test_a_version_is_moved_and_rolled_back(
    admin: httpx2.Client, free: Registry, name: str, version: Version
) -> None:
    for content in ("a", "b"):
        path = f"/models/{name}/versions/{version(content)}/stage"
        for stage in ("staging", "production"):
            move = admin.post(path, json={"stage": stage, "reason": "test"})
            assert (move.status_code, move.json()["moved"]) == (200, True), move.text
    assert admin.get(f"/models/{name}/aliases/production").json()["version_id"] == 2
    back = admin.post(f"/models/{name}/rollback", json={"reason": "worse"})
    assert back.json()["version_id"] == 1
    held = admin.get(f"/models/{name}/timeline?pointer=stage:production")
    assert [each["version_id"] for each in held.json()["items"]] == [1, 2, 1]
    last = admin.get(f"/models/{name}/timeline?pointer=stage:production&limit=2")
    before = admin.get(last.links["next"]["url"].removeprefix("/api/v1"))
    assert before.json()["items"] + last.json()["items"] == held.json()["items"]
    assert "next" not in before.links


def test_a_promotion_sent_twice_with_a_key_is_one(
    admin: httpx2.Client, free: Registry, name: str, version: Version
) -> None:
    path = f"/models/{name}/versions/{version()}/stage"
    free.write_card(f"{name}/1")
    before = free.card(f"{name}/1").revision
    for _ in range(2):
        move = admin.post(path, json={"stage": "staging"}, headers={"Idempotency-Key": name})
        assert move.json()["moved"] is True
    assert len(free.timeline(name, "stage:staging")) == 1
    assert free.card(f"{name}/1").revision == before + 1


def test_a_version_is_approved_by_another_than_its_author(
    served: Served, free: Registry, name: str, version: Version
) -> None:
    deployer = served.client(Role.DEPLOYER)
    path = f"/models/{name}/versions/{version()}/approvals"
    decision = {"stage": "staging", "approved": True, "comment": "looks right"}
    made = deployer.post(path, json=decision)
    assert (made.status_code, made.json()["approved"]) == (201, True)
    rejected = deployer.post(path, json={**decision, "approved": False})
    listed = deployer.get(path).json()["items"]
    assert listed == [made.json(), rejected.json()]
    own = served.registry.acting_as(served.registry.actor().model_copy(update={"name": "x"}))
    assert own.get(f"{name}/1").approval_status == "rejected"


def test_a_contributor_requests_and_a_deployer_decides(
    served: Served, free: Registry, name: str, version: Version
) -> None:
    contributor, deployer = served.client(Role.CONTRIBUTOR), served.client(Role.DEPLOYER)
    path = f"/models/{name}/versions/{version()}"
    wanted = {"stage": "staging", "reason": "try it"}
    assert contributor.post(f"{path}/stage", json=wanted).status_code == 403
    wanted["request"] = True
    for _ in range(2):
        key = {"Idempotency-Key": f"ask-{name}"}
        asked = contributor.post(f"{path}/stage", json=wanted, headers=key)
        assert (asked.status_code, asked.json()["outcome"]) == (202, None), asked.text
    assert any("may only request" in each for each in asked.json()["waits_for"])
    explained = deployer.get(f"{path}/explain?to=staging").json()["explanation"]
    assert explained["requests"] == [asked.json()]
    second = contributor.post(f"{path}/stage", json={**wanted, "stage": "production"})
    listed = deployer.get(f"/models/{name}/requests?limit=1")
    assert listed.json()["items"] == [asked.json()]
    rest = deployer.get(listed.links["next"]["url"].removeprefix("/api/v1"))
    assert rest.json() == {"items": [second.json()], "next": None}
    assert second.json() in deployer.get("/requests?limit=1000").json()["items"]
    stranger = served.client(Role.CONTRIBUTOR)
    assert stranger.delete(f"{path}/requests/production").status_code == 403
    withdrawn = contributor.delete(f"{path}/requests/production?reason=later")
    assert withdrawn.json()[0]["outcome"] == "withdrawn"
    assert contributor.delete(f"{path}/requests/production").status_code == 404
    decision = {"stage": "staging", "approved": True, "comment": "looks right"}
    assert contributor.post(f"{path}/approvals", json=decision).status_code == 403
    assert deployer.post(f"{path}/approvals", json=decision).status_code == 201
    assert deployer.get(path).json()["stage"] == "staging"
    at_once = deployer.post(f"{path}/stage", json={"stage": "production", "request": True})
    assert (at_once.status_code, at_once.json()["moved"]) == (200, True)


def test_a_given_up_promotion_is_retried_with_permission_to_move(
    served: Served, name: str, version: Version
) -> None:
    stages = [
        {"name": "candidate", "after": ["none"]},
        {"name": "production", "after": ["candidate"], "automatic": True},
    ]
    served.registry.set_policy(name, Policy.model_validate({"stages": stages}))
    number = version()
    path = f"/models/{name}/versions/{number}"
    served.registry.promote(f"{name}/{number}", "candidate")
    due = served.registry.operations.promotions.evaluate_candidates(name).due
    assert due is not None
    served.registry.operations.promotions.give_up_promotion(
        due, attempts=3, run_id="run-3", problem="no luck"
    )
    contributor, deployer = served.client(Role.CONTRIBUTOR), served.client(Role.DEPLOYER)
    explained = contributor.get(f"{path}/explain?to=production&automatic=true").json()
    assert explained["may_enter"] is False
    assert explained["explanation"]["given_up"]["problem"] == "no luck"
    wanted = {"stage": "production", "reason": "it is up again"}
    assert contributor.post(f"{path}/retries", json=wanted).status_code == 403
    done = deployer.post(f"{path}/retries", json=wanted)
    assert (done.status_code, done.json()["attempts"]) == (200, 3)
    assert deployer.post(f"{path}/retries", json=wanted).status_code == 404


def test_a_service_performs_a_request_once_the_metadata_is_complete(
    served: Served, name: str, version: Version
) -> None:
    stage = {"name": "production", "after": ["none"], "metadata": ["owners"]}
    served.registry.set_policy(name, Policy.model_validate({"stages": [stage]}))
    path = f"/models/{name}/versions/{version()}"
    admin = served.client(Role.ADMIN)
    wanted = {"stage": "production", "request": True}
    asked = admin.post(f"{path}/stage", json=wanted)
    assert (asked.status_code, asked.json()["waits_for"]) == (202, ["metadata owners"])
    assert admin.patch(path, json={"owners": ["ann"]}).status_code == 200
    while served.registry.get(f"{name}/1").stage != "production":
        pass
    moved = served.registry.timeline(name, "stage:production")[0]
    assert moved.moved_by == asked.json()["requested_by"]


def test_data_and_versions_are_kept_out_until_they_are_released(
    admin: httpx2.Client, free: Registry, name: str, version: Version
) -> None:
    asset = f"raw/{name}"
    path = f"/models/{name}/versions/{version(lineage=graph(node(1, asset)))}"
    made = admin.post("/quarantines", json={"asset": asset, "reason": "wrong prices"})
    assert (made.status_code, made.json()["versions"]) == (201, [f"{name}/1"])
    said = made.json()
    for unmarked in ("spared", "unknown", "without_lineage"):
        said.pop(unmarked)
    assert said in admin.get("/quarantines").json()["items"]
    refused = admin.post(f"{path}/stage", json={"stage": "staging"})
    assert refused.status_code == 409
    assert "quarantine" in refused.json()["detail"]
    vague = admin.delete("/quarantines", params={"asset": asset, "reason": "corrected"})
    assert (vague.status_code, vague.json()["field"]) == (422, "partition")
    whole = {"asset": asset, "whole_asset": True}
    ended = admin.delete("/quarantines", params={**whole, "reason": "corrected"})
    assert ended.json()["quarantines"][0]["versions"] == [f"{name}/1"]
    assert admin.delete("/quarantines", params=whole).status_code == 404
    marked = admin.put(f"{path}/quarantine", json={"reason": "unfair"})
    assert marked.json()["quarantine_reason"] == "unfair"
    assert admin.delete(f"{path}/quarantine").json()["quarantine_reason"] is None
    assert admin.post(f"{path}/stage", json={"stage": "staging"}).status_code == 200


def test_a_moment_of_any_offset_is_kept_as_the_same_moment(
    admin: httpx2.Client, served: Served, name: str
) -> None:
    far = {"asset": f"raw/{name}", "reason": "x", "since": "3982-05-10T18:36:32+22:57"}
    made = admin.post("/quarantines", json=far)
    assert made.json()["since"] == "3982-05-09T19:39:32Z"
    assert served.registry.fsck().ok
    before_all = admin.post("/quarantines", json={**far, "since": "0001-01-01T00:00:00+05:00"})
    assert (before_all.status_code, before_all.json()["field"]) == (422, "since")


def test_other_holders_are_archived_and_a_version_goes_back_to_no_stage(
    admin: httpx2.Client, served: Served, name: str, version: Version
) -> None:
    served.registry.set_policy(name, open_policy())
    for content in ("a", "b"):
        number = version(content)
        served.registry.promote(f"{name}/{number}", "production")
    path = f"/models/{name}/versions/1/stage"
    both = {"stage": "production", "archive_existing": True, "request": True}
    assert admin.post(path, json=both).status_code == 422
    moved = admin.post(path, json={"stage": "production", "archive_existing": True}).json()
    assert (moved["moved"], moved["archived"]) == (False, 1)
    assert admin.delete(path, params={"expected_generation": 0}).status_code == 409
    left = admin.delete(path, params={"reason": "too early"}).json()
    assert (left["stage"], left["moved"]) == ("none", True)
    assert admin.delete(path).json()["moved"] is False
    assert served.registry.get(f"{name}/2").stage == "archived"


def test_policies_of_new_models_are_set_listed_and_deleted(
    admin: httpx2.Client, served: Served, name: str
) -> None:
    policy = open_policy().model_dump(mode="json")
    path = f"/policy-defaults/{name}-*"
    made = admin.put(path, json={"policy": policy, "reason": "audit 12"}).json()
    assert (made["pattern"], made["reason"]) == (f"{name}-*".casefold(), "audit 12")
    listed = admin.get("/policy-defaults", params={"limit": 100}).json()["items"]
    assert made in listed
    created = admin.post("/models", json={"name": f"{name}-eu"})
    assert created.status_code == 201
    assert served.registry.policy(f"{name}-eu") == open_policy()
    assert admin.delete(path).status_code == 204
    assert admin.delete(path).status_code == 404
