"""Activity and the audit log: the events that are asked for, newest first, and nobody else's."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import httpx2
import pytest
from starlette.datastructures import QueryParams

from pedigree.access.records import Role
from pedigree.audit import log_search
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.errors import InvalidInputError
from pedigree.server.web.event_lists import EventQuestion, moment_in
from tests.factories import free_policy
from tests.server.conftest import Served
from tests.web.reading import Element, main_text, read
from tests.web.test_approving import page_client

ANN = Actor(name="ann@example.com", source="test")
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def auditor(served: Served) -> httpx2.Client:
    return page_client(served, Role.AUDITOR)


@pytest.fixture(scope="module")
def reader(served: Served) -> httpx2.Client:
    return page_client(served, Role.READER)


@pytest.fixture
def moved(served: Served, version: Callable[..., int], name: str) -> str:
    """A model that Ann moved to production, with an alias that this process set."""
    served.registry.set_policy(name, free_policy())
    version()
    served.registry.acting_as(ANN).promote(f"{name}/1", "production", reason="it is <b>better</b>")
    served.registry.set_alias(name, "best", 1)
    return name


def rows(answer: httpx2.Response) -> list[list[str]]:
    """What the rows of the list of events say."""
    found = read(answer).one("main").all("table")
    return [[cell.text for cell in row.all("td")] for row in found[0].all("tr")[1:]]


def test_the_front_page_leads_to_the_last_day_in_one_click(
    reader: httpx2.Client, moved: str
) -> None:
    links = [each.attributes["href"] for each in read(reader.get("/")).one("main").all("a")]
    assert "/activity?last=24h" in links
    answer = reader.get("/activity?last=24h")
    assert moved in main_text(answer)
    chosen = read(answer).one("p", class_="sorts").one("a", **{"aria-current": "true"})
    assert chosen.text == "Last 24 hours"


def test_the_front_page_leads_an_auditor_to_the_webhooks_and_nobody_else(
    auditor: httpx2.Client, reader: httpx2.Client, moved: str
) -> None:
    def links(client: httpx2.Client) -> list[str | None]:
        return [each.attributes["href"] for each in read(client.get("/")).one("main").all("a")]

    assert moved
    assert "/admin/webhooks" in links(auditor)
    assert "/admin/webhooks" not in links(reader)


def test_activity_says_who_did_what_and_why_newest_first(reader: httpx2.Client, moved: str) -> None:
    found = rows(reader.get(f"/models/{moved}/activity"))
    assert found[0][2:6] == ["v1", "became @best alias.set", found[0][4], "no reason given"]
    assert found[1][2:4] == ["v1", "moved from none to production version.stage_changed"]
    assert found[1][4:] == ["ann test", "it is <b>better</b>"]
    assert "created" in found[-1][3]
    numbers = [int(row[0]) for row in found]
    assert numbers == sorted(numbers, reverse=True)


def test_activity_leaves_out_checks_and_reads_unless_they_are_asked_for(
    served: Served, reader: httpx2.Client, moved: str
) -> None:
    served.registry.run_check(f"{moved}/1", "metadata_complete")
    plain = main_text(reader.get(f"/models/{moved}/activity"))
    assert "check metadata complete" not in plain
    asked = rows(reader.get(f"/models/{moved}/activity?type=version.check_recorded"))
    assert len(asked) == 1
    assert asked[0][3].startswith("check metadata complete")


@pytest.mark.parametrize("path", ["/activity", "/audit"])
def test_events_are_chosen_by_who_what_and_when(
    served: Served, auditor: httpx2.Client, moved: str, path: str
) -> None:
    def found(**query: str) -> list[str]:
        said = [row[3].partition(" version.")[0] for row in rows(auditor.get(path, params=query))]
        # The service draws the card meanwhile.
        return [each for each in said if each != "model card drawn"]

    assert found(model=moved, who=ANN.name) == ["moved from none to production"]
    assert found(model=moved, who="ANN@EXAMPLE.COM") == ["moved from none to production"]
    assert found(model=moved, type="alias.set") == ["became @best alias.set"]
    (event,) = [each for each in served.registry.events(model=moved) if each.actor.name == ANN.name]
    instant = timedelta(microseconds=1)
    at, after = event.at.isoformat(), (event.at + instant).isoformat()
    assert found(**{"model": moved, "from": at, "to": after}) == ["moved from none to production"]
    day = event.at.date().isoformat()
    everything = found(model=moved)
    assert found(**{"model": moved, "from": day, "to": day}) == everything
    assert found(model=moved, last="1h") == everything
    fits_none = {"model": moved, "from": "2020-01-01", "to": "2020-12-31"}
    assert "fits" in main_text(auditor.get(path, params=fits_none))


@pytest.mark.parametrize("path", ["/activity", "/audit"])
@pytest.mark.parametrize(
    ("field", "typed", "says"),
    [
        ("from", "2026-11-01T12:00", "has no time zone"),
        ("to", "yesterday", "is not a time"),
        ("to", "9999-12-31", "is later than any time of a log"),
        ("from", "0001-01-01T00:00+14:00", "is not a time"),
        ("type", "version.sold", "is not a type of events"),
        ("last", "5m", "is not a period of this list"),
        ("who", "x" * 257, "has 257 characters"),
    ],
)
def test_a_question_that_cannot_be_read_is_kept_with_the_reason_and_the_remedy(
    auditor: httpx2.Client, path: str, field: str, typed: str, says: str
) -> None:
    answer = auditor.get(path, params={field: typed, "model": "kept"})
    assert answer.status_code == 422
    page = read(answer).one("main")
    problem = page.one("div", role="alert").text
    assert f"{field}: {says}" in problem
    assert page.one("input", name="model").attributes["value"] == "kept"
    if field in ("from", "to"):
        assert page.one("input", name=field).attributes["value"] == typed
        assert page.one("input", name=field).attributes["aria-invalid"] == "true"
        assert "Write a day, such as 2026-11-01, or a time with its offset" in problem


def test_the_end_of_a_period_is_after_its_beginning(auditor: httpx2.Client) -> None:
    answer = auditor.get("/activity", params={"from": "2026-11-02", "to": "2026-11-01"})
    assert answer.status_code == 422
    assert "to: is not after the beginning of the period" in main_text(answer)


def test_a_day_is_that_of_utc_and_its_end_is_included() -> None:
    asked = EventQuestion.of(QueryParams({"from": "2026-11-01", "to": "2026-11-02"}), NOW)
    assert asked.wanted.since == datetime(2026, 11, 1, tzinfo=UTC)
    assert asked.wanted.until == datetime(2026, 11, 3, tzinfo=UTC)
    given = moment_in("from", "2026-11-01T02:00+02:00")
    assert given == datetime(2026, 11, 1, tzinfo=UTC)
    with pytest.raises(InvalidInputError, match="has no time zone"):
        moment_in("from", "2026-11-01T02:00")


def test_pages_go_on_without_gaps_also_when_they_are_filtered(
    served: Served, auditor: httpx2.Client, moved: str
) -> None:
    for number in range(60):
        served.registry.set_alias(moved, f"a{number}", 1)
    path, found = f"/audit?model={moved}&type=alias.set", []
    while path:
        page = auditor.get(path)
        found += [row[3] for row in rows(page)]
        further = read(page).all("a", rel="next")
        path = further[0].attributes["href"] or "" if further else ""
        assert not path or "type=alias.set" in path
    expected = [f"became @a{number} alias.set" for number in reversed(range(60))]
    assert found == [*expected, "became @best alias.set"]


def test_a_page_that_reads_many_events_of_which_none_fits_says_that_there_are_older_ones(
    auditor: httpx2.Client, moved: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound = {**log_search.newest.__kwdefaults__, "most_read": 2}
    monkeypatch.setattr(log_search.newest, "__kwdefaults__", bound)
    answer = auditor.get("/audit", params={"model": moved, "who": "nobody"})
    assert "None of the events that were read fits. There are older ones." in main_text(answer)
    (further,) = read(answer).all("a", rel="next")
    assert "who=nobody" in (further.attributes["href"] or "")


def test_only_who_may_audit_is_led_to_proofs(
    auditor: httpx2.Client, reader: httpx2.Client, moved: str
) -> None:
    def proofs(client: httpx2.Client, path: str) -> list[Element]:
        links = read(client.get(path)).one("main").all("a")
        return [each for each in links if "/audit?event=" in (each.attributes["href"] or "")]

    for path in ("/activity", f"/models/{moved}/activity", f"/models/{moved}"):
        assert proofs(auditor, path)
        assert not proofs(reader, path)


def test_events_of_foreign_models_are_nowhere(served: Served, moved: str) -> None:
    other = f"{moved}-own"
    served.registry.create_model(other)
    limited = page_client(served, Role.READER, models=(other,))
    answer = limited.get("/activity")
    assert {row[2] for row in rows(answer)} == {other}
    assert moved not in answer.text.replace(other, "")
    by_name = limited.get("/activity", params={"model": moved})
    assert by_name.status_code == limited.get("/activity?model=unknown").status_code == 403
    assert limited.get(f"/models/{moved}/activity").status_code == 403
    for query in ("who=ann@example.com", "type=version.stage_changed"):
        assert "Nothing else happened that fits" in main_text(limited.get(f"/activity?{query}"))


def test_a_model_that_does_not_exist_has_no_activity(reader: httpx2.Client, name: str) -> None:
    assert reader.get(f"/models/{name}/activity").status_code == 404


def test_every_type_can_be_asked_for(auditor: httpx2.Client) -> None:
    for kind in EventType:
        answer = auditor.get(f"/activity?type={quote(kind.value)}")
        assert answer.status_code == 200
        chosen = [each for each in read(answer).all("option") if "selected" in each.attributes]
        assert [each.text for each in chosen] == [kind.value]
