"""A token for some models lists and searches, and sees those."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pedigree.access.patterns import is_one_of
from pedigree.access.records import Role
from pedigree.catalog.lookups import names_among
from pedigree.contract.paths import PREFIX
from pedigree.lifecycle.records import ApprovalRule, Policy
from tests.factories import free_policy, register
from tests.server.conftest import Served
from tests.server.routes import protected

NAMES = ("churn", "Churn-EU", "churn_uk", "churnxuk", "spam", "straße")


@pytest.fixture(scope="module", autouse=True)
def models(served: Served, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Models with versions and open requests."""
    folder: Path = tmp_path_factory.mktemp("models")
    stages = tuple(
        each.model_copy(update={"approvals": ApprovalRule()} if each.name == "staging" else {})
        for each in free_policy().stages
    )
    for name in NAMES:
        reference = register(served.registry, folder, name, name, tags={"team": "x"})
        served.registry.set_policy(name, Policy(stages=stages))
        served.registry.request_stage(reference, "staging")


@pytest.fixture
def limited(served: Served) -> Callable[..., httpx2.Client]:
    """Make clients with a token for some models."""
    return lambda *patterns: served.client(Role.READER, models=patterns)


PATTERNS = [
    ("churn",),
    ("CHURN*",),
    ("churn_*",),
    ("%",),
    ("*",),
    ("STRASSE",),
    ("nobody",),
    ("spam", "*-eu"),
]


def seen(client: httpx2.Client, patterns: tuple[str, ...]) -> set[str]:
    """The models of every list of the service, which all have the same ones."""
    expected = {name for name in NAMES if is_one_of(name, patterns)}
    listed = {each["name"] for each in client.get("/models").json()["items"]}
    found = client.get("/search", params={"count": True, "facets": "tag"}).json()
    asked = {each["model_name"] for each in client.get("/requests").json()["items"]}
    in_feed = {each["model"] for each in client.get("/events?limit=1000").json()["items"]}
    assert {each["model_name"] for each in found["records"]} == listed
    assert found["total"] == len(listed)
    assert sum(each["count"] for each in found["facets"]["tag"]) == len(listed)
    assert asked == listed
    assert in_feed == listed
    assert listed == expected
    return listed


@pytest.mark.parametrize("patterns", PATTERNS)
def test_every_list_has_the_models_of_the_token(
    limited: Callable[..., httpx2.Client], patterns: tuple[str, ...]
) -> None:
    client = limited(*patterns)
    for name in seen(client, patterns):
        assert client.get(f"/models/{name}").status_code == 200


def test_a_filter_and_a_page_keep_to_the_models_of_the_token(
    limited: Callable[..., httpx2.Client],
) -> None:
    client = limited("churn*")
    for wanted in ("name = 'spam'", "name = 'spam' OR tags.team = 'x'", "text MATCH 'x'"):
        found = client.get("/search", params={"filter": wanted}).json()["records"]
        assert all(each["model_name"].lower().startswith("churn") for each in found), wanted
    names: list[str] = []
    url = "/models?limit=1"
    while url:
        page = client.get(url)
        names += [each["name"] for each in page.json()["items"]]
        link = page.headers.get("link", "")
        url = link[1 : link.index(">")].removeprefix("/api/v1") if link else ""
    assert sorted(names) == ["Churn-EU", "churn", "churn_uk", "churnxuk"]


def test_a_stream_has_the_events_of_the_models_of_the_token(
    limited: Callable[..., httpx2.Client],
) -> None:
    client = limited("spam")
    accept = {"Accept": "text/event-stream"}
    expected = [each["seq"] for each in client.get("/events").json()["items"]]
    found: list[int] = []
    with client.stream("GET", "/events", headers=accept) as stream:
        for line in stream.iter_lines():
            if line.startswith("data: "):
                event = json.loads(line.removeprefix("data: "))
                assert event["model"] == "spam"
                found.append(event["seq"])
            if len(found) == len(expected):
                break
    assert found == expected


def test_the_statistics_are_those_of_the_models_of_the_token(
    served: Served, limited: Callable[..., httpx2.Client]
) -> None:
    whole = limited("*").get("/stats").json()
    found = limited("spam", "churn").get("/stats").json()
    assert (found["models"], found["versions"], found["artifacts"], found["blobs"]) == (2, 2, 2, 2)
    assert found["logical_bytes"] == len("spam") + len("churn") == found["stored_bytes"]
    assert (found["uploads"], found["orphans"]) == (None, None)
    every = served.client(Role.READER).get("/stats").json()
    assert whole["versions"] == every["versions"] == len(NAMES)
    assert every["uploads"] is not None
    none = limited("nobody").get("/stats").json()
    assert {none[name] for name in ("models", "versions", "blobs", "stored_bytes")} == {0}


def test_no_read_of_the_service_is_refused_because_the_token_is_for_some_models(
    limited: Callable[..., httpx2.Client],
) -> None:
    client, refused = limited("churn"), {}
    for target in protected("GET"):
        query = {name: "churn/1" if name in "ab" else value for name, value in target.query.items()}
        answer = client.get(target.path.removeprefix(PREFIX), params=query)
        if answer.status_code == 403 and "some models" in answer.json()["detail"]:
            refused[target.route.name] = answer.json()["detail"]
    assert refused == {}


def test_what_is_about_another_model_is_refused(limited: Callable[..., httpx2.Client]) -> None:
    client = limited("churn")
    for path in ("/models/spam", "/models/spam/requests", "/events?model=spam"):
        assert client.get(path).status_code == 403, path


PATTERN = st.text("aAsSßchurn*%_\\.-\N{LATIN SMALL LETTER LONG S}", min_size=1, max_size=6)


@settings(deadline=None)
@given(patterns=st.lists(PATTERN, min_size=1, max_size=3))
def test_the_database_finds_the_names_that_the_one_function_accepts(
    served: Served, patterns: list[str]
) -> None:
    found = served.registry.database.read(
        lambda t: names_among(t, patterns, lambda name: is_one_of(name, patterns))
    )
    assert sorted(found) == sorted(name for name in NAMES if is_one_of(name, patterns))
