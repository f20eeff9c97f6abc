"""What was decided, overridden and asked for recently, with outcomes, of readable models alone."""

from collections.abc import Callable

import httpx2
import pytest

from pedigree.access.records import Role
from pedigree.audit.records import Actor
from tests.server.conftest import Served
from tests.web.reading import main_text, read
from tests.web.test_approving import ANN, asking, page_client

EVE = Actor(name="eve@example.com", source="test")


@pytest.fixture(scope="module")
def admin_page(served: Served) -> httpx2.Client:
    return page_client(served, Role.ADMIN)


@pytest.fixture
def decided(served: Served, version: Callable[..., int], name: str) -> str:
    """A model whose first version is approved, and whose second one is rejected."""
    served.registry.set_policy(name, asking(2))
    for content in ("first", "second"):
        number = version(content)
        served.registry.acting_as(ANN).request_stage(
            f"{name}/{number}", "production", reason="it is better"
        )
    served.registry.acting_as(EVE).approve(f"{name}/1", "production", comment="<i>fine</i>")
    served.registry.acting_as(EVE).reject(f"{name}/2", "production", comment="too early")
    return name


def rows(client: httpx2.Client, show: str, model: str) -> list[list[str]]:
    answer = client.get("/approvals", params={"show": show})
    table = read(answer).one("main").one("table")
    found = [[cell.text for cell in row.all("td")] for row in table.all("tr")[1:]]
    return [row for row in found if row[0].rpartition(" ")[0] == model]


def test_decisions_are_shown_with_who_their_comments_and_the_bytes(
    served: Served, admin_page: httpx2.Client, decided: str
) -> None:
    rejected, approved = rows(admin_page, "decided", decided)
    assert rejected[:2] == [f"{decided} v2", "production, from none"]
    assert rejected[2].startswith("rejected")
    assert rejected[3:5] == ["eve", "too early"]
    assert approved[4] == "<i>fine</i>"
    assert approved[5] == served.registry.get(f"{decided}/1").digest[7:19]


def test_one_sees_what_one_decided_oneself(
    served: Served, admin_page: httpx2.Client, decided: str
) -> None:
    (request,) = served.registry.stage_requests(decided)
    form = (
        read(admin_page.get(f"/approvals/{request.request_id}"))
        .one("main")
        .one("form", method="post")
    )
    fields = {
        each.attributes["name"] or "": each.attributes.get("value") or ""
        for each in form.all("input", type="hidden")
    }
    sent = {**fields, "comment": "good", "verdict": "approve"}
    done = admin_page.post(f"/approvals/{request.request_id}", data=sent)
    assert done.status_code == 303
    (own,) = rows(admin_page, "decided-by-me", decided)
    assert own[4] == "good"
    assert len(rows(admin_page, "decided", decided)) == 3


def test_one_sees_what_became_of_what_one_asked_for(
    served: Served, version: Callable[..., int], name: str
) -> None:
    served.registry.set_policy(name, asking())
    version("first")
    version("second")
    client = page_client(served, Role.DEPLOYER)
    assert "You have asked for no stage" in main_text(client.get("/approvals?show=asked"))
    me = read(client.get("/approvals")).one("span", class_="who").one("bdi").attributes["title"]
    person = Actor(name=me or "", source="token")
    for number in (1, 2):
        served.registry.acting_as(person).request_stage(f"{name}/{number}", "production")
    served.registry.acting_as(EVE).reject(f"{name}/1", "production", comment="no")
    newer, older = rows(client, "asked", name)
    assert newer[0] == f"{name} v2"
    assert newer[4].startswith("waits")
    assert older[4].startswith("rejected")
    assert older[4].endswith("by eve")


def test_overrides_are_shown_with_the_gates_that_were_not_waited_for(
    served: Served, admin_page: httpx2.Client, decided: str
) -> None:
    served.registry.acting_as(EVE).override(f"{decided}/1", "production", reason="at <b>once</b>")
    (row,) = rows(admin_page, "overrides", decided)
    assert row[0] == f"{decided} v1"
    assert row[3:5] == ["eve", "at <b>once</b>"]
    assert row[5].startswith("approvals:")


def test_lists_go_on_where_a_page_ends(
    served: Served, admin_page: httpx2.Client, version: Callable[..., int], name: str
) -> None:
    served.registry.set_policy(name, asking(60))
    version()
    served.registry.acting_as(ANN).request_stage(f"{name}/1", "production")
    for number in range(55):
        person = Actor(name=f"p{number}@example.com", source="test")
        served.registry.acting_as(person).approve(f"{name}/1", "production", comment=f"{number}")
    path, found = "/approvals?show=decided", []
    while path and len(found) < 55:
        page = read(admin_page.get(path)).one("main")
        found += [row.all("td")[4].text for row in page.one("table").all("tr")[1:]]
        further = page.all("a", rel="next")
        path = (further[0].attributes["href"] or "") if further else ""
    assert found[:55] == [str(number) for number in reversed(range(55))]


@pytest.mark.parametrize("show", ["decided", "overrides", "asked"])
def test_a_page_after_the_last_one_says_so(admin_page: httpx2.Client, show: str) -> None:
    text = main_text(admin_page.get(f"/approvals?show={show}&before=1"))
    assert "There are no older ones" in text


@pytest.mark.parametrize("show", ["decided", "overrides"])
def test_what_is_about_foreign_models_is_nowhere(served: Served, decided: str, show: str) -> None:
    served.registry.acting_as(EVE).override(f"{decided}/1", "production", reason="at once")
    limited = page_client(served, Role.APPROVER, models=(f"{decided}-own",))
    answer = limited.get("/approvals", params={"show": show})
    assert answer.status_code == 200
    assert not read(answer).one("main").all("table")
    assert decided not in answer.text


@pytest.mark.parametrize(
    ("show", "kind"),
    [
        ("decided", "version.rejected"),
        ("overrides", "version.overridden"),
        ("asked", "version.stage_requested"),
    ],
)
def test_each_list_links_to_its_events_as_json(
    served: Served, admin_page: httpx2.Client, decided: str, show: str, kind: str
) -> None:
    served.registry.acting_as(EVE).override(f"{decided}/1", "production", reason="at once")
    page = read(admin_page.get("/approvals", params={"show": show}))
    link = page.one("link", rel="alternate").attributes["href"] or ""
    found = served.client(Role.ADMIN).get(f"{served.url}{link}&model={decided}").json()
    assert kind in {each["type"] for each in found["items"]}
