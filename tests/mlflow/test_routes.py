"""The life of models, versions, stages, aliases and tags, by requests of MLflow's protocol."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from pedigree.access.records import Role
from pedigree.audit.event_types import EventType
from pedigree.lifecycle.policy import open_policy
from pedigree.server.mlflow.routes import API
from tests.maintenance.collecting import require_sound
from tests.server.conftest import Served

Send = Callable[..., Any]


@pytest.fixture
def admin(served: Served) -> httpx2.Client:
    client = served.client(Role.ADMIN)
    client.base_url = f"{served.url}{API}"
    return client


@pytest.fixture
def send(admin: httpx2.Client) -> Send:
    def sent(method: str, path: str, status: int = 200, **fields: Any) -> Any:
        given = {"params": fields} if method == "GET" else {"json": fields}
        answer = admin.request(method, path, **given)
        assert answer.status_code == status, answer.text
        return answer.json()

    return sent


def test_a_model_is_created_with_the_open_policy_and_read(
    served: Served, send: Send, name: str
) -> None:
    tags = [{"key": "team", "value": "risk"}]
    made = send("POST", "/registered-models/create", name=name, description="d", tags=tags)
    model = made["registered_model"]
    assert model == {
        "name": name,
        "creation_timestamp": model["creation_timestamp"],
        "last_updated_timestamp": model["creation_timestamp"],
        "description": "d",
        "tags": tags,
    }
    assert send("GET", "/registered-models/get", name=name) == made
    assert served.registry.policy(name) == open_policy()
    again = send("POST", "/registered-models/create", 400, name=name)
    assert again["error_code"] == "RESOURCE_ALREADY_EXISTS"
    assert again["message"] == f"Registered Model (name={name}) already exists."


def test_a_description_and_tags_are_changed_one_event_each(
    served: Served, send: Send, name: str
) -> None:
    send("POST", "/registered-models/create", name=name)
    send("PATCH", "/registered-models/update", name=name, description="new")
    send("POST", "/registered-models/set-tag", name=name, key="a/b", value="")
    send("POST", "/registered-models/set-tag", name=name, key="c", value="1")
    model = send("GET", "/registered-models/get", name=name)["registered_model"]
    assert model["description"] == "new"
    assert model["tags"] == [{"key": "a/b", "value": ""}, {"key": "c", "value": "1"}]
    for _ in range(2):
        send("DELETE", "/registered-models/delete-tag", name=name, key="c")
    assert served.registry.model(name).tags == {"a/b": ""}
    changes = [each for each in served.registry.events(limit=1000) if each.model == name]
    assert len([each for each in changes if each.type is EventType.MODEL_UPDATED]) == 5


@pytest.mark.parametrize("number", ["0", "-1", "9"])
def test_a_number_that_no_version_has_is_not_found_by_any_route(
    send: Send, name: str, version: Callable[..., int], number: str
) -> None:
    version("a")
    wanted = {"name": name, "version": number}
    moved = {"stage": "Staging", "archive_existing_versions": False}
    for method, path, fields in (
        ("GET", "/model-versions/get", {}),
        ("GET", "/model-versions/get-download-uri", {}),
        ("PATCH", "/model-versions/update", {"description": "x"}),
        ("DELETE", "/model-versions/delete", {}),
        ("POST", "/model-versions/set-tag", {"key": "a", "value": "b"}),
        ("POST", "/model-versions/transition-stage", moved),
        ("POST", "/registered-models/alias", {"alias": "champion"}),
    ):
        refused = send(method, path, 404, **wanted, **fields)
        assert refused["message"] == f"Model Version (name={name}, version={number}) not found"


def test_a_copy_of_a_missing_model_names_that_model(send: Send, name: str) -> None:
    send("POST", "/registered-models/create", name=name)
    refused = send("POST", "/model-versions/create", 404, name=name, source="models:/nowhere/1")
    assert refused["message"] == "Registered Model with name=nowhere not found"


def test_versions_are_read_described_tagged_and_deleted(
    served: Served, send: Send, name: str, version: Callable[..., int]
) -> None:
    number = str(version("a"))
    version("b")
    read = send("GET", "/model-versions/get", name=name, version=number)["model_version"]
    assert (read["version"], read["status"], read["current_stage"]) == ("1", "READY", "None")
    assert read["source"] == served.registry.get(f"{name}/1").artifact_uri
    described = send("PATCH", "/model-versions/update", name=name, version=number, description="x")
    assert described["model_version"]["description"] == "x"
    send("POST", "/model-versions/set-tag", name=name, version=number, key="k", value="v")
    tags = send("GET", "/model-versions/get", name=name, version=number)["model_version"]["tags"]
    assert {"key": "k", "value": "v"} in tags
    for _ in range(2):
        send("DELETE", "/model-versions/delete-tag", name=name, version=number, key="k")
    assert "k" not in served.registry.get(f"{name}/1").tags
    send("DELETE", "/model-versions/delete", name=name, version=number)
    lost = send("GET", "/model-versions/get", 404, name=name, version=number)
    assert lost["message"] == f"Model Version (name={name}, version=1) not found"
    for odd in ("0", "-1", "9" * 30):
        send("GET", "/model-versions/get", 404, name=name, version=odd)


def test_stages_move_by_the_open_policy_and_newest_versions_are_found(
    send: Send, name: str, version: Callable[..., int]
) -> None:
    send("POST", "/registered-models/create", name=name)
    for content in "abc":
        version(content)

    def move(number: int, stage: str, *, archive: bool = False) -> Any:
        return send(
            "POST",
            "/model-versions/transition-stage",
            name=name,
            version=str(number),
            stage=stage,
            archive_existing_versions=archive,
        )["model_version"]

    def newest(**stages: Any) -> dict[str, str]:
        path = "/registered-models/get-latest-versions"
        found = send("POST", path, name=name, **stages).get("model_versions", [])
        return {each["current_stage"]: each["version"] for each in found}

    assert move(1, "production")["current_stage"] == "Production"
    assert move(2, "Production")["current_stage"] == "Production"
    assert newest() == {"None": "3", "Production": "2"}
    assert newest(stages=["production"]) == {"Production": "2"}
    assert newest(stages=["Staging"]) == {}
    assert move(3, "Production", archive=True)["current_stage"] == "Production"
    assert newest() == {"Production": "3", "Archived": "2"}
    assert move(1, "None")["current_stage"] == "None"
    model = send("GET", "/registered-models/get", name=name)["registered_model"]
    shown = {each["current_stage"]: each["version"] for each in model["latest_versions"]}
    assert shown == {"Production": "3", "Archived": "2", "None": "1"}


@pytest.mark.parametrize(("stage", "event"), [("None", "none"), ("Production", "production")])
def test_a_stage_that_a_version_has_is_an_update_of_it_and_its_model_with_an_event(
    served: Served, send: Send, name: str, version: Callable[..., int], stage: str, event: str
) -> None:
    send("POST", "/registered-models/create", name=name)
    version()
    asked = {"name": name, "version": "1", "stage": stage, "archive_existing_versions": False}
    send("POST", "/model-versions/transition-stage", **asked)
    before, tenures = served.registry.get(f"{name}/1"), served.registry.timeline(name)
    send("POST", "/model-versions/transition-stage", **asked)
    after, model = served.registry.get(f"{name}/1"), served.registry.model(name)
    assert after.updated_at > before.updated_at
    assert after.updated_at == model.last_updated_at
    assert served.registry.timeline(name) == tenures
    newest = served.registry.events(model=name)[-1]
    assert (newest.type, newest.body) == (EventType.VERSION_UPDATED, {"stage_confirmed": event})
    require_sound(served.registry)


def test_a_stage_that_is_not_active_archives_nobody(
    send: Send, name: str, version: Callable[..., int]
) -> None:
    version()
    refused = send(
        "POST",
        "/model-versions/transition-stage",
        400,
        name=name,
        version="1",
        stage="archived",
        archive_existing_versions=True,
    )
    assert refused["message"] == (
        "Model version transition cannot archive existing model versions because 'archived' is not"
        " an Active stage. Valid stages are ['Staging', 'Production']"
    )


def test_a_gate_refuses_with_its_reasons_where_the_policy_has_gates(
    served: Served, send: Send, name: str, version: Callable[..., int]
) -> None:
    version()
    refused = send(
        "POST",
        "/model-versions/transition-stage",
        400,
        name=name,
        version="1",
        stage="Production",
        archive_existing_versions=False,
    )
    assert refused["error_code"] == "INVALID_PARAMETER_VALUE"
    assert served.registry.get(f"{name}/1").stage != "production"
    assert served.registry.stage_requests(name) == ()


def test_an_alias_is_set_read_and_moved_and_latest_is_the_highest(
    send: Send, name: str, version: Callable[..., int]
) -> None:
    send("POST", "/registered-models/create", name=name)
    nobody = send("GET", "/registered-models/alias", 404, name=name, alias="latest")
    assert nobody["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    assert nobody["message"] == f"Latest version not found for model {name}."
    version("a")
    version("b")
    for number in ("1", "2"):
        send("POST", "/registered-models/alias", name=name, alias="champion", version=number)
        read = send("GET", "/registered-models/alias", name=name, alias="champion")
        assert read["model_version"]["version"] == number
        assert read["model_version"]["aliases"] == ["champion"]
    model = send("GET", "/registered-models/get", name=name)["registered_model"]
    assert model["aliases"] == [{"alias": "champion", "version": "2"}]
    latest = send("GET", "/registered-models/alias", name=name, alias="latest")
    assert latest["model_version"]["version"] == "2"
    missing = send("GET", "/registered-models/alias", 400, name=name, alias="zzz")
    assert missing["message"] == "Registered model alias zzz not found."


def test_an_alias_with_the_name_of_a_stage_asks_for_the_stage(
    served: Served, send: Send, name: str, version: Callable[..., int]
) -> None:
    send("POST", "/registered-models/create", name=name)
    version()
    send("POST", "/registered-models/alias", name=name, alias="Production", version="1")
    assert served.registry.get(f"{name}/1").stage == "production"
    read = send("GET", "/registered-models/alias", name=name, alias="Production")
    assert read["model_version"]["version"] == "1"


def test_an_alias_of_a_prompt_may_have_the_name_of_a_stage(
    served: Served, send: Send, name: str, version: Callable[..., int]
) -> None:
    tags = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
    send("POST", "/registered-models/create", name=name, tags=tags)
    version()
    send("POST", "/registered-models/alias", name=name, alias="production", version="1")
    assert served.registry.get(f"{name}/1").stage == "none"
    read = send("GET", "/registered-models/alias", name=name, alias="production")
    assert read["model_version"]["version"] == "1"


def test_a_copy_of_a_version_whose_files_only_a_client_finds_is_in_the_same_place(
    send: Send, name: str
) -> None:
    send("POST", "/registered-models/create", name=name)
    for source in ("runs:/r1/model", f"models:/{name}/1"):
        send("POST", "/model-versions/create", name=name, source=source, run_id="r1")
    copied = send("GET", "/model-versions/get-download-uri", name=name, version="2")
    assert copied == {"artifact_uri": "runs:/r1/model"}
