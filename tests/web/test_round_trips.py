"""How often each page asks the database: a bounded number of times, whatever there is."""

from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from pedigree.access.records import Role
from tests.factories import free_policy, register
from tests.server.conftest import Served
from tests.web.asked import OF_BAR, round_trips

FEW, MANY = "few", "many"
VERSIONS = {FEW: 2, MANY: 12}

# The path of a page, and how many round trips it may take: one for each step in which what is
# read depends on what was read before.
ALLOWED = {
    "/": 1,
    "/?sort=newest": 1,
    "/?team=risk": 1,
    "/?q=many": 1,
    "/?attention=drifted": 1,
    "/drift": 1,
    "/models/NAME": 6,
    "/models/NAME/versions/1": 2,
    "/models/NAME/policy": 6,
    "/models/NAME/versions/1/history": 3,
    "/models/NAME/versions/1/checks/artifact_intact": 3,
    "/models/NAME/versions/1/files": 2,
    "/models/NAME/versions/1/promote": 6,
    "/models/NAME/versions/1/quarantine": 3,
    "/compare?a=NAME/1&b=NAME/2": 9,
    "/approvals": 3,
    "/impact?asset=raw": 3,
    "/models/NAME/versions/1/evidence": 11,
    "/audit": 8,
    "/admin": 9,
}


@pytest.fixture(scope="module")
def reader(served: Served, tmp_path_factory: pytest.TempPathFactory) -> httpx2.Client:
    """A client that reads pages of two models, of few and of many versions."""
    for name, count in VERSIONS.items():
        for number in range(count):
            folder = tmp_path_factory.mktemp(name)
            register(served.registry, folder, f"{name} {number}", name, metrics={"auc": 0.9})
        served.registry.set_policy(name, free_policy())
        for number in range(1, count + 1):
            served.registry.promote(f"{name}/{number}", "production", reason=f"move {number}")
    client = served.client(Role.ADMIN, accept="text/html")
    client.base_url = httpx2.URL(served.url)
    return client


def asked(reader: httpx2.Client, path: str) -> list[tuple[str, ...]]:
    """What a page asks that was opened before."""
    assert reader.get(path).status_code == 200, path
    with round_trips() as found:
        assert reader.get(path).status_code == 200, path
    return without_bar(found)


def without_bar(found: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Leave out how many requests wait for the visitor, for which every page asks.

    A page asks again if events had no place in the log yet.
    """
    assert 1 <= found.count((OF_BAR,)) <= 2
    return [each for each in found if each != (OF_BAR,)]


@pytest.mark.parametrize("path", ALLOWED)
def test_a_page_asks_no_more_often_than_it_may_and_not_more_of_a_large_model(
    reader: httpx2.Client, path: str
) -> None:
    few, many = (asked(reader, path.replace("NAME", name)) for name in (FEW, MANY))
    assert len(many) <= ALLOWED[path], many
    assert len(few) <= ALLOWED[path], few
    assert set(many) <= set(few)


def test_a_version_is_read_with_all_that_its_page_shows(reader: httpx2.Client) -> None:
    first, second = asked(reader, f"/models/{MANY}/versions/3")
    assert {"find_versions", "model_state", "find_holder", "graph", "trainings"} <= set(first)
    assert {"verdicts_of_versions", "open_requests", "get_manifest"} <= set(second)


def test_counts_are_read_again_after_a_change_and_only_then(
    served: Served, reader: httpx2.Client, name: str, tmp_path: Path
) -> None:
    assert len(asked(reader, "/")) == 1
    register(served.registry, tmp_path, "first", name)
    with round_trips() as found:
        text = reader.get("/").text
    found = without_bar(found)
    assert len(found) == 2, found
    assert name in text
    assert len(asked(reader, "/")) == 1


def test_a_list_says_what_a_change_made_true(
    served: Served, reader: httpx2.Client, version: Callable[..., int], name: str
) -> None:
    version()
    for team in ("risk", "growth"):
        served.registry.update_model(name, tags={"team": team})
        assert name in reader.get(f"/?team={team}").text
    assert name not in reader.get("/?team=risk").text
    served.registry.delete_model(name, reason="it was a try")
    assert name not in reader.get("/?team=growth").text
