"""Searches by clients of MLflow: pages, refusals, limits and rights, over HTTP."""

import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pedigree.access.records import Role
from pedigree.registry import Registry
from pedigree.server.mlflow.routes import API
from pedigree.settings import Settings
from tests.factories import register
from tests.server.conftest import Served, serving

MODELS = "registered-models/search"
VERSIONS = "model-versions/search"


def searching(served: Served, *roles: Role, models: tuple[str, ...] = ()) -> httpx2.Client:
    client = served.client(*(roles or (Role.READER,)), models=models)
    client.base_url = f"{served.url}{API}"
    return client


def found(client: httpx2.Client, path: str, **query: Any) -> dict[str, Any]:
    answer = client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def refused(client: httpx2.Client, path: str, **query: Any) -> str:
    answer = client.get(path, params=query)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"
    return str(answer.json()["message"])


def names(client: httpx2.Client, filter: str = "", **query: Any) -> list[str]:
    body = found(client, VERSIONS, filter=filter, **query)
    return [f"{each['name']}/{each['version']}" for each in body.get("model_versions", [])]


@pytest.fixture(scope="module")
def filled(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """Six versions of three models, the newest last."""
    folder = tmp_path_factory.mktemp("versions")
    for number in range(6):
        register(
            served.registry,
            folder,
            f"v{number}",
            name=("churn", "fraud", "risk")[number % 3],
            tags={"team": ("growth", "safety")[number % 2], "number": str(number)},
            run_id=f"run-{number}",
        )
    served.registry.update("churn/1", description="the first")
    served.registry.update_model("churn", description="who leaves", tags={"team": "growth"})
    served.registry.set_alias("churn", "best", 1)
    return served.registry


def test_a_version_is_shown_as_it_is_when_it_is_read(served: Served, filled: Registry) -> None:
    (shown,) = found(searching(served), VERSIONS, filter="run_id = 'run-0'")["model_versions"]
    version = filled.get("churn/1")

    assert shown == {
        "name": "churn",
        "version": "1",
        "creation_timestamp": int(version.created_at.timestamp() * 1000),
        "last_updated_timestamp": shown["last_updated_timestamp"],
        "description": "the first",
        "current_stage": "None",
        "source": f"pedigree://artifacts/{version.digest}",
        "run_id": "run-0",
        "status": "READY",
        "tags": [{"key": "team", "value": "growth"}, {"key": "number", "value": "0"}],
    } | {"tags": shown["tags"]}
    assert sorted(each["key"] for each in shown["tags"]) == ["number", "team"]


def test_a_page_leads_to_the_next_one_until_all_were_found(
    served: Served, filled: Registry
) -> None:
    client = searching(served)
    seen: list[str] = []
    query: dict[str, Any] = {
        "filter": "name IN ('churn', 'fraud', 'risk')",
        "max_results": 2,
        "order_by": ["name", "version_number ASC"],
    }
    while True:
        body = found(client, VERSIONS, **query)
        seen += [f"{each['name']}/{each['version']}" for each in body["model_versions"]]
        if "next_page_token" not in body:
            break
        query["page_token"] = body["next_page_token"]

    assert seen == ["churn/1", "churn/2", "fraud/1", "fraud/2", "risk/1", "risk/2"]


def test_versions_that_appear_between_two_pages_move_nothing(
    served: Served, name: str, tmp_path: Path
) -> None:
    client = searching(served)
    for content in ("a", "b"):
        register(served.registry, tmp_path, f"{name}{content}", name=name)
    query = {"filter": f"name = '{name}'", "max_results": 1}
    first = found(client, VERSIONS, **query)
    register(served.registry, tmp_path, f"{name}c", name=name)
    second = found(client, VERSIONS, **query, page_token=first["next_page_token"])

    both = [*first["model_versions"], *second["model_versions"]]
    assert [each["version"] for each in both] == ["2", "1"]
    assert "next_page_token" not in second


def test_models_are_shown_with_their_newest_versions_and_aliases(
    served: Served, filled: Registry
) -> None:
    body = found(searching(served), MODELS, filter="name LIKE 'ch%' AND tags.team = 'growth'")

    (model,) = body["registered_models"]
    assert (model["name"], model["description"]) == ("churn", "who leaves")
    assert model["aliases"] == [{"alias": "best", "version": "1"}]
    assert [each["version"] for each in model["latest_versions"]] == ["2"]
    assert "next_page_token" not in body


def test_an_empty_page_is_an_empty_object(served: Served, filled: Registry) -> None:
    client = searching(served)

    assert found(client, MODELS, filter="name = 'none'") == {}
    assert found(client, VERSIONS, filter="name = 'none'") == {}


def test_deleted_versions_and_models_are_not_found(
    served: Served, name: str, tmp_path: Path
) -> None:
    registry, client = served.registry, searching(served)
    for content in ("a", "b"):
        register(registry, tmp_path, f"{name}{content}", name=name)
    registry.delete(f"{name}/1", reason="test")
    assert names(client, f"name = '{name}'") == [f"{name}/2"]

    registry.delete_model(name, reason="test")
    assert names(client, f"name = '{name}'") == []
    assert found(client, MODELS, filter=f"name = '{name}'") == {}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"filter": "foo = 'a'"}, "Invalid attribute key 'foo' specified."),
        ({"filter": "name = 'a' OR name = 'b'"}, "Invalid clause(s) in filter string: OR"),
        ({"filter": "name RLIKE 'a'"}, "Invalid comparator for attribute: RLIKE"),
        ({"filter": "tags.a = 1"}, "Expected a quoted string value for tag"),
        ({"order_by": ["foo"]}, "Invalid attribute key 'foo' specified."),
        ({"order_by": ["name", "name DESC"]}, "`order_by` contains duplicate fields: ['name', "),
        ({"max_results": 0}, "Invalid value for max_results. It must be a positive integer, but"),
        ({"max_results": 200_001}, "Invalid value \"200001\" for parameter 'max_results' supplied"),
        ({"page_token": "x"}, "Invalid page token, could not base64-decode"),
        ({"page_token": "!!!!"}, "Invalid page token, decoded value=b''"),
    ],
)
def test_a_search_is_refused_in_the_words_of_mlflow(
    served: Served, query: dict[str, Any], message: str
) -> None:
    assert refused(searching(served), VERSIONS, **query).startswith(message)


def forged(*after: Any, seal: str = "x") -> str:
    return base64.b64encode(json.dumps({"after": after, "seal": seal}).encode()).decode()


def test_a_token_is_valid_for_its_own_search_only(served: Served, filled: Registry) -> None:
    client = searching(served)
    token = found(client, VERSIONS, max_results=1)["next_page_token"]

    for query in (
        {"filter": "name = 'churn'"},
        {"order_by": ["name"]},
        {"page_token": token[:-8]},
        {"page_token": forged(1, "churn", 1)},
        {"page_token": forged(["a"], {"b": 1}, None)},
        {"page_token": base64.b64encode(b'{"offset": 2}').decode()},
        {"page_token": base64.b64encode(b"[1]").decode()},
    ):
        message = refused(client, VERSIONS, **{"page_token": token, **query})
        assert message.startswith("Invalid page token, ")


def test_nobody_finds_or_counts_what_they_may_not_read(served: Served, filled: Registry) -> None:
    client = searching(served, models=("churn", "fr*"))

    assert sorted(names(client)) == ["churn/1", "churn/2", "fraud/1", "fraud/2"]
    assert names(client, "name = 'risk'") == []
    assert names(client, "run_id = 'run-2'") == []
    assert [each["name"] for each in found(client, MODELS)["registered_models"]] == [
        "churn",
        "fraud",
    ]
    # The page has as many as were asked for, as if the others did not exist.
    page = found(client, VERSIONS, max_results=4, order_by=["name"])
    assert len(page["model_versions"]) == 4
    assert "next_page_token" not in page


def test_a_search_that_takes_too_long_is_refused(settings: Settings, tmp_path: Path) -> None:
    short = settings.model_copy(update={"search_timeout": timedelta(microseconds=1)})
    with serving(short) as served:
        register(served.registry, tmp_path)
        message = refused(searching(served), VERSIONS, filter="tags.a LIKE '%x%'")

    assert "takes longer" in message


HOSTILE = st.one_of(
    st.sampled_from(
        [
            "name = ''; DROP TABLE pedigree.event; --'",
            "name = 'x' UNION SELECT secret FROM pedigree.webhook",
            "name = 'x' AND 1 = 1",
            "name = 'x') OR (1 = 1",
            "tags.`a' OR 'b` = 'c'",
            'tags."a""b" LIKE \'%(p0)s\'',
            "tags.`%(x)s` = '%s'",
            "name LIKE '%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%'",
            "name IN ('a', 'b'); SELECT pg_sleep(10)",
            "name IN (__import__('os').getpid())",
            "version_number = 1e999",
            "source_path LIKE '{{}}{0}'",
            "run_id = '" + "x" * 7_000 + "'",
            "(" * 900 + "name = 'a'" + ")" * 900,
        ]
    ),
    st.text(alphabet="'\"`;-()/*\\%_{}= name.tgs12\n\x00\ud800", max_size=40),
)


def test_no_filter_becomes_sql(served: Served, filled: Registry) -> None:
    client = searching(served)
    before = names(client)

    @hypothesis_settings(
        max_examples=150,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(filter=HOSTILE, path=st.sampled_from([MODELS, VERSIONS]))
    def check(filter: str, path: str) -> None:
        raw = filter.encode("utf-8", "surrogatepass")
        answer = client.get(path, params={"filter": raw})
        assert answer.status_code in {200, 400}, (filter, answer.text)

    check()
    assert names(client) == before
