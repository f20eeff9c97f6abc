"""Moves by clients of MLflow that are kept as stage requests, where a setting says so."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pedigree.access.records import Role
from pedigree.audit.event_types import EventType
from pedigree.lifecycle.policy import open_policy
from pedigree.lifecycle.records import Policy
from pedigree.server.mlflow.routes import API
from pedigree.settings import Settings
from tests.server.conftest import Served, serving

GATED = Policy(
    stages=tuple(
        each.model_copy(update={"metadata": ("tags.reviewed",)})
        if each.name == "production"
        else each
        for each in open_policy().stages
    )
)
"""Production asks for a tag."""

Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def served(settings: Settings) -> Iterator[Served]:
    with serving(settings.model_copy(update={"mlflow_requests": True})) as served:
        yield served


def asking(served: Served, name: str, *roles: Role) -> Ask:
    client = served.client(*roles)

    def ask(path: str, status: int, **fields: Any) -> Any:
        body = {"name": name, "version": "1", **fields}
        answer = client.post(f"{served.url}{API}/{path}", json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    return ask


@pytest.fixture
def ask(served: Served, name: str, version: Callable[..., int]) -> Ask:
    """Requests about a version whose way into production asks for a tag."""
    version()
    served.registry.set_policy(name, GATED)
    return asking(served, name, Role.ADMIN)


TRANSITION = ("model-versions/transition-stage", {"stage": "Production"})
ALIAS = ("registered-models/alias", {"alias": "Production"})
KEEP = {"archive_existing_versions": False}
ARCHIVE = {"archive_existing_versions": True}


@pytest.mark.parametrize(("path", "fields"), [TRANSITION, ALIAS])
def test_a_move_waits_as_a_request_that_is_made_when_its_gates_pass(
    served: Served, ask: Ask, name: str, path: str, fields: dict[str, str]
) -> None:
    registry = served.registry
    refused = [ask(path, 400, **fields, **KEEP) for _ in range(2)]
    (request,) = registry.stage_requests(name)
    assert refused[0] == refused[1]
    assert refused[0]["error_code"] == "INVALID_PARAMETER_VALUE"
    assert f"kept as stage request {request.request_id}," in refused[0]["message"]
    lines = refused[0]["message"].split("\n- ")
    assert lines[1].startswith(request.waits_for[0])
    assert "archive" not in refused[0]["message"]
    assert (request.stage, request.only_asks) == ("production", False)
    kinds = [each.type for each in registry.events(limit=1000, model=name)]
    assert kinds.count(EventType.VERSION_STAGE_REQUESTED) == 1
    registry.set_tag(f"{name}/1", "reviewed", "yes")
    registry.operations.stage_requests.perform_requests(name)
    assert registry.get(f"{name}/1").stage == "production"
    assert registry.stage_requests(name) == ()


def test_a_kept_move_says_that_it_will_archive_nothing(
    served: Served, ask: Ask, name: str, version: Callable[..., int]
) -> None:
    registry = served.registry
    version("other")
    registry.set_tag(f"{name}/2", "reviewed", "yes")
    registry.promote(f"{name}/2", "production")
    path, fields = TRANSITION
    refused = ask(path, 400, **fields, **ARCHIVE)
    assert "a request cannot carry archive_existing_versions" in refused["message"]
    registry.set_tag(f"{name}/1", "reviewed", "yes")
    registry.operations.stage_requests.perform_requests(name)
    assert [registry.get(f"{name}/{each}").stage for each in (1, 2)] == ["production"] * 2


def test_a_move_whose_gates_are_passed_is_made_at_once_and_archives(
    served: Served, ask: Ask, name: str, version: Callable[..., int]
) -> None:
    registry = served.registry
    version("other")
    for number in (1, 2):
        registry.set_tag(f"{name}/{number}", "reviewed", "yes")
    registry.promote(f"{name}/2", "production")
    path, fields = TRANSITION
    moved = ask(path, 200, **fields, **ARCHIVE)
    assert moved["model_version"]["current_stage"] == "Production"
    assert registry.get(f"{name}/2").stage == "archived"
    assert registry.stage_requests(name) == ()
    again = ask(path, 200, **fields, **KEEP)
    assert again["model_version"]["current_stage"] == "Production"


def test_what_the_policy_has_no_way_for_and_what_one_may_not_do_is_not_kept(
    served: Served, ask: Ask, name: str
) -> None:
    one_way = tuple(
        each.model_copy(update={"after": ("staging",)}) if each.name == "production" else each
        for each in GATED.stages
    )
    served.registry.set_policy(name, Policy(stages=one_way))
    path, fields = TRANSITION
    assert "kept" not in ask(path, 400, **fields, **KEEP)["message"]
    ask(path, 404, **fields, **KEEP, version="9")
    contributor = asking(served, name, Role.CONTRIBUTOR)
    assert contributor(path, 403, **fields, **KEEP)["error_code"] == "PERMISSION_DENIED"
    assert served.registry.stage_requests(name) == ()
