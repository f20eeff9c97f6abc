"""Aliases, a day, checks, data and what can be done: the further parts of a model's page."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from pedigree.access.records import Role
from pedigree.audit.records import Actor
from pedigree.datasets.records import Datasheet
from pedigree.lineage.records import Certainty, LineageGraph
from tests.factories import free_policy
from tests.lineage.graphs import STEP, edge, node
from tests.server.conftest import Served
from tests.web.reading import Element, main_text, read
from tests.web.test_approving import ANN, asking, fields_of, page_client

BEN = Actor(name="ben@example.com", source="test")


@pytest.fixture(scope="module")
def admin_page(served: Served) -> httpx2.Client:
    return page_client(served, Role.ADMIN)


@pytest.fixture(scope="module")
def reader(served: Served) -> httpx2.Client:
    return page_client(served, Role.READER)


def graph_of(near: str, far: str) -> LineageGraph:
    """The graph of a training that read one asset, which was made of another one."""
    return LineageGraph(
        nodes=(STEP, node(1, near), node(2, far, "2013-01")),
        edges=(edge(0, 1, Certainty.READ), edge(1, 2, Certainty.PROVED)),
    )


def section(answer: httpx2.Response, name: str) -> Element:
    return read(answer).one("main").one("section", id=name)


def links_of(element: Element) -> list[str]:
    return [each.attributes["href"] or "" for each in element.all("a")]


def test_aliases_say_who_set_them_and_why_and_lead_to_their_forms(
    served: Served, admin_page: httpx2.Client, reader: httpx2.Client, version: Any, name: str
) -> None:
    version()
    path = f"/models/{name}"
    assert f"pedigree alias set {name} best 1" in section(reader.get(path), "aliases").text
    served.registry.acting_as(ANN).set_alias(name, "best", 1, reason="<i>tried</i>")
    shown = section(reader.get(path), "aliases")
    (row,) = shown.one("tbody").all("tr")
    cells = [cell.text for cell in row.all("td")]
    assert [cells[0], cells[1], cells[3], cells[4]] == ["@best", "v1", "ann", "<i>tried</i>"]
    assert links_of(shown) == [f"{path}/versions/1"]
    assert links_of(section(admin_page.get(path), "aliases")) == [
        f"{path}/versions/1",
        f"{path}/alias?alias=best",
        f"{path}/versions/1/unalias?alias=best",
    ]


def test_an_alias_is_pointed_to_another_version_once_and_removed(
    served: Served, admin_page: httpx2.Client, version: Callable[..., int], name: str
) -> None:
    version("first")
    version("second")
    served.registry.set_alias(name, "best", 1)
    path = f"/models/{name}/alias"
    page = read(admin_page.get(path, params={"alias": "best"}))
    assert "@best points to v1 now, and no longer afterwards." in page.one("main").text
    sent = fields_of(page, alias="best", version="v2", reason="newer")
    for _ in range(2):
        assert admin_page.post(path, data=sent).status_code == 303
    assert served.registry.model(name).aliases == {"best": 2}
    assert sum(each.type == "alias.set" for each in served.registry.events(model=name)) == 2
    old = sent["generation"]
    late = fields_of(read(admin_page.get(path)), alias="best", version="1", reason="typed")
    stale = admin_page.post(path, data={**late, "generation": old})
    assert stale.status_code == 409
    assert "moved in the meantime" in main_text(stale)
    assert read(stale).one("textarea", name="reason").text == "typed"
    assert served.registry.model(name).aliases == {"best": 2}
    remove = f"/models/{name}/versions/2/unalias"
    page = read(admin_page.get(remove, params={"alias": "best"}))
    assert admin_page.post(remove, data=fields_of(page, alias="best")).status_code == 303
    assert served.registry.model(name).aliases == {}


@pytest.mark.parametrize("typed", ["x", "0", "-1", "2147483648", "99", ""])
def test_an_alias_needs_the_number_of_a_version(
    admin_page: httpx2.Client, version: Callable[..., int], name: str, typed: str
) -> None:
    version()
    path = f"/models/{name}/alias"
    sent = fields_of(read(admin_page.get(path)), alias="best", version=typed, reason="kept")
    answer = admin_page.post(path, data=sent)
    assert answer.status_code in (404, 422)
    assert "It was not done:" in main_text(answer)
    assert "kept" in answer.text


def test_a_model_is_described_with_owners_and_tags(
    served: Served, admin_page: httpx2.Client, name: str
) -> None:
    served.registry.create_model(name, description="old", owners=["ann"], tags={"tier": "1"})
    path = f"/models/{name}/describe"
    page = read(admin_page.get(path))
    assert page.one("textarea", name="tags").text == "tier=1"
    sent = fields_of(page, description="new", owners="ann, ben", tags="team=risk\n\nuse = a=b")
    assert admin_page.post(path, data=sent).status_code == 303
    found = served.registry.model(name)
    assert (found.description, found.owners) == ("new", ("ann", "ben"))
    assert found.tags == {"team": "risk", "use": "a=b"}


def test_a_model_that_was_described_meanwhile_is_not_overwritten(
    served: Served, admin_page: httpx2.Client, name: str
) -> None:
    served.registry.create_model(name, description="old")
    path = f"/models/{name}/describe"
    page = read(admin_page.get(path))
    served.registry.update_model(name, description="by somebody else")
    answer = admin_page.post(path, data=fields_of(page, description="mine", owners="", tags=""))
    assert answer.status_code == 412
    text = main_text(answer)
    assert "somebody described the model since you opened this form" in text
    assert "Its description is now: by somebody else." in text
    assert read(answer).one("textarea", name="description").text == "mine"
    assert served.registry.model(name).description == "by somebody else"
    again = fields_of(read(answer), description="mine", owners="", tags="")
    assert admin_page.post(path, data=again).status_code == 303
    assert served.registry.model(name).description == "mine"


def test_of_descriptions_that_are_sent_at_once_one_is_kept_and_the_others_are_refused(
    served: Served, admin_page: httpx2.Client, name: str
) -> None:
    served.registry.create_model(name, description="old")
    path = f"/models/{name}/describe"
    forms = [
        fields_of(read(admin_page.get(path)), description=f"number {number}", owners="", tags="")
        for number in range(6)
    ]
    with ThreadPoolExecutor(len(forms)) as threads:
        statuses = list(
            threads.map(lambda form: admin_page.post(path, data=form).status_code, forms)
        )
    assert sorted(statuses) == [303, *[412] * 5]
    kept = statuses.index(303)
    assert served.registry.model(name).description == f"number {kept}"


@pytest.mark.parametrize(
    ("tags", "says"),
    [
        ("risk", "has a line that is not a tag"),
        ("a=1\na=2", "has a tag twice"),
        ("=x", "not a tag"),
    ],
)
def test_tags_that_cannot_be_read_are_kept_with_the_reason(
    served: Served, admin_page: httpx2.Client, name: str, tags: str, says: str
) -> None:
    served.registry.create_model(name)
    path = f"/models/{name}/describe"
    sent = fields_of(read(admin_page.get(path)), description="", owners="", tags=tags)
    answer = admin_page.post(path, data=sent)
    assert answer.status_code == 422
    assert says in main_text(answer)
    assert read(answer).one("textarea", name="tags").text == " ".join(tags.split())


def test_a_deleted_model_says_so_and_is_restored_by_who_may(
    served: Served, admin_page: httpx2.Client, reader: httpx2.Client, version: Any, name: str
) -> None:
    version("first")
    version("second")
    served.registry.delete_model(name, reason="not used")
    for client, offered in ((admin_page, True), (reader, False)):
        answer = client.get(f"/models/{name}")
        assert answer.status_code == 404
        assert f"{name} was deleted" in main_text(answer)
        assert "The bytes of 2 versions still exist" in main_text(answer)
        assert (f"/models/{name}/restore" in links_of(read(answer))) == offered
    path = f"/models/{name}/restore"
    page = read(admin_page.get(path))
    assert "It returns with 2 versions" in page.one("main").text
    assert admin_page.post(path, data=fields_of(page, reason="used")).status_code == 303
    assert served.registry.model(name).latest_version == 2
    assert "This is not possible in the present state" in main_text(admin_page.get(path))


def test_a_program_and_a_model_that_never_was_get_what_they_got_before(
    served: Served, reader: httpx2.Client, version: Callable[..., int], name: str
) -> None:
    version()
    served.registry.delete_model(name, reason="not used")
    program = reader.get(f"/models/{name}", headers={"accept": "application/json"})
    assert program.status_code == 404
    assert program.headers["content-type"] == "application/problem+json"
    assert "was deleted" not in reader.get(f"/models/{uuid4().hex}").text
    foreign = page_client(served, Role.READER, models=("other",))
    assert foreign.get(f"/models/{name}").status_code == 403


def test_a_day_shows_what_was_held_moved_by_whom_and_why(
    served: Served, reader: httpx2.Client, version: Callable[..., int], name: str
) -> None:
    served.registry.set_policy(name, free_policy())
    version()
    served.registry.acting_as(BEN).promote(f"{name}/1", "production", reason="it is better")
    served.registry.set_alias(name, "best", 1)
    (held, best) = served.registry.timeline(name)
    day = held.since.astimezone(UTC).date()
    path = f"/models/{name}"
    plain = read(reader.get(path)).one("main").one("div", id="day")
    assert not plain.all("table")
    shown = read(reader.get(path, params={"on": day.isoformat()})).one("main").one("div", id="day")
    found = [[cell.text for cell in row.all("td")] for row in shown.one("tbody").all("tr")]
    assert [row[0] for row in found] == ["production", "@best"]
    assert found[0][1] == "v1"
    assert found[0][3:] == ["now", "ben", "it is better"]
    before = (day - timedelta(days=1)).isoformat()
    assert "No version held a stage or an alias on" in main_text(reader.get(path + f"?on={before}"))
    assert best.since >= held.since
    at = datetime.combine(day, datetime.min.time(), UTC).isoformat()
    assert reader.get(path, params={"on": at}).status_code == 200


@pytest.mark.parametrize("typed", ["yesterday", "2026-13-01", "2026-11-01T12:00", "9999-12-31"])
def test_a_day_that_cannot_be_read_is_refused_with_the_remedy(
    reader: httpx2.Client, version: Callable[..., int], name: str, typed: str
) -> None:
    version()
    answer = reader.get(f"/models/{name}", params={"on": typed})
    assert answer.status_code == 200
    shown = read(answer).one("main").one("div", id="day")
    assert "That day cannot be shown: on:" in shown.one("div", role="alert").text
    assert shown.one("input", name="on").attributes["value"] == typed


def test_the_list_of_versions_says_how_the_checks_ended(
    served: Served, reader: httpx2.Client, version: Callable[..., int], name: str
) -> None:
    version("first")
    version("second")
    for check in served.registry.registration_checks(name):
        served.registry.run_check(f"{name}/2", check)
    verdicts = served.registry.verdicts(f"{name}/2")
    passed = sum(each.passed for each in verdicts)
    path = f"/models/{name}"
    shown = [cell.text for cell in read(reader.get(path)).all("td", **{"data-l": "Checks"})]
    assert shown[0].startswith(f"{passed} of {len(verdicts)} passed")
    assert shown[1].endswith("not given")
    assert not read(reader.get(path, params={"column": "by"})).all("td", **{"data-l": "Checks"})


def test_what_one_may_not_do_is_said_with_who_may(
    served: Served, admin_page: httpx2.Client, reader: httpx2.Client, version: Any, name: str
) -> None:
    served.registry.set_policy(name, free_policy())
    version()
    served.registry.promote(f"{name}/1", "production")
    path = f"/models/{name}"
    forms = {f"{path}/describe", f"{path}/alias", f"{path}/rollback"}
    assert forms <= {*links_of(read(admin_page.get(path)))}
    page = read(reader.get(path))
    assert not forms & {*links_of(page)}
    assert "Roll back: it needs the permission move." in page.one("main").text


def test_data_is_shown_with_its_datasheets_and_what_has_none(
    served: Served, reader: httpx2.Client, version: Callable[..., int], name: str
) -> None:
    described, other = f"{name}/raw", f"{name}/features"
    version(lineage=graph_of(described, other))
    served.registry.set_datasheet(described, Datasheet(uses="Not for <b>pricing</b>"))
    answer = reader.get(f"/models/{name}/data")
    page = read(answer).one("main")
    assert "what v1 was trained on" in page.text
    own = page.one("section", **{"aria-label": described})
    assert "Not for <b>pricing</b>" in own.text
    assert "not provided" in own.text
    assert f"/impact?asset={described.replace('/', '%2F')}" in links_of(own)
    missing = page.one("section", **{"aria-label": other})
    assert f"pedigree datasheet {other} --set uses=TEXT" in missing.text
    assert f"/models/{name}/data" in links_of(read(reader.get(f"/models/{name}")))


def test_data_that_is_not_known_is_said(
    served: Served, reader: httpx2.Client, version: Callable[..., int], name: str
) -> None:
    served.registry.create_model(name)
    assert "No version is registered yet" in main_text(reader.get(f"/models/{name}/data"))
    version(lineage=LineageGraph())
    text = main_text(reader.get(f"/models/{name}/data"))
    assert "what it was trained on is not known" in text
    assert reader.get(f"/models/{name}/data?version=x").status_code == 404
    assert reader.get(f"/models/{name}/data?version=7").status_code == 404


def test_a_models_page_without_open_requests_says_nothing_of_them(
    served: Served, reader: httpx2.Client, version: Callable[..., int], name: str
) -> None:
    served.registry.set_policy(name, asking())
    version()
    text = main_text(reader.get(f"/models/{name}"))
    assert "registered" in text
    assert "asks for production" not in text


def test_other_metrics_are_drawn_by_choice_which_is_in_the_address(
    served: Served, reader: httpx2.Client, version: Callable[..., int], name: str
) -> None:
    metrics = {f"m{number}": 0.1 * number for number in range(6)}
    version("first", metrics=metrics)
    version("second", metrics=metrics)
    path = f"/models/{name}"

    def drawn(*chosen: str) -> list[str]:
        page = read(reader.get(path, params={"chart": chosen})).one("main")
        return [each.text for each in page.all("figcaption")]

    assert drawn() == ["m0", "m1", "m2", "m3"]
    assert drawn("m5", "m4") == ["m5", "m4"]
    for chosen, says in (
        ({"chart": "m9"}, "is not a metric of these versions"),
        ({"chart": [*metrics]}, "names 6 metrics, but a page draws at most 4"),
    ):
        answer = reader.get(path, params=chosen)
        assert answer.status_code == 422
        assert says in main_text(answer)


def test_comparisons_are_one_click_from_a_models_page(
    served: Served, reader: httpx2.Client, version: Callable[..., int], name: str
) -> None:
    served.registry.set_policy(name, free_policy())
    path = f"/models/{name}"
    version("0")
    assert "/compare?v=" not in reader.get(path).text
    for number in range(1, 7):
        version(str(number))
    served.registry.promote(f"{name}/2", "production")
    page = read(reader.get(path)).one("main")
    links = [link for link in links_of(page) if link.startswith("/compare?")]
    named = [httpx2.QueryParams(link.partition("?")[2]).get_list("v") for link in links]
    newest = [f"{name}/{number}" for number in (7, 6, 5, 4, 3)]
    assert named == [[f"{name}/2", f"{name}/7"], [f"{name}/6", f"{name}/7"], newest]
    for link in links:
        assert reader.get(link).status_code == 200
