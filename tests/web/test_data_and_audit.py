"""The pages of impact, drift and the audit log say what is recorded, and act as REST does."""

from collections.abc import Callable

import httpx2
import pandas as pd
import psycopg
import pytest

from pedigree.access.records import Role
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor, Event
from pedigree.lineage.records import LineageGraph
from pedigree.monitoring.profile import profile
from pedigree.registry.log_sealing import LogSealing
from tests.factories import with_secret_key
from tests.server.conftest import Served
from tests.web.reading import main_text, read
from tests.web.test_approving import page_client
from tests.web.test_model_parts import graph_of


@pytest.fixture(scope="module")
def auditor(served: Served) -> httpx2.Client:
    return page_client(served, Role.AUDITOR)


@pytest.fixture(scope="module")
def deployer(served: Served) -> httpx2.Client:
    return page_client(served, Role.ADMIN)


def test_data_that_nobody_read_is_known_to_have_no_impact_only_with_lineage(
    served: Served, auditor: httpx2.Client, version: Callable[..., int], name: str
) -> None:
    assert "Name an asset of your graph" in main_text(auditor.get("/impact"))
    version(lineage=LineageGraph())
    text = main_text(auditor.get("/impact", params={"asset": f"raw/{name}"}))
    assert "without recorded lineage, so nothing is known about them" in text
    assert "No version depends on it" not in text


def test_a_partition_is_quarantined_and_released_by_forms(
    served: Served, deployer: httpx2.Client, name: str
) -> None:
    asset = f"raw/{name}"
    where = {"asset": asset, "partition": "2013-03"}

    def fields(action: str) -> dict[str, str]:
        page = read(deployer.get("/impact", params=where)).one("main")
        form = page.one("form", action=f"/impact/{action}")
        return {
            each.attributes["name"] or "": each.attributes.get("value") or ""
            for each in form.all("input", type="hidden")
        }

    refused = deployer.post("/impact/quarantine", data={**fields("quarantine"), "reason": " "})
    assert refused.status_code == 422
    assert "It was not done:" in main_text(refused)
    done = deployer.post("/impact/quarantine", data={**fields("quarantine"), "reason": "bad rows"})
    assert done.status_code == 303
    (kept,) = [each for each in served.registry.quarantines() if each.asset == asset]
    assert (kept.partition, kept.reason) == ("2013-03", "bad rows")
    assert deployer.post("/impact/release", data=fields("release")).status_code == 303
    assert [each for each in served.registry.quarantines() if each.asset == asset] == []


def test_only_who_may_is_offered_a_quarantine(auditor: httpx2.Client) -> None:
    page = read(auditor.get("/impact", params={"asset": "customers"})).one("main")
    assert not page.all("form", method="post")


def test_drift_says_that_nothing_was_compared(
    auditor: httpx2.Client, version: Callable[..., int], name: str
) -> None:
    version()
    assert "No model has drifted, as far as comparisons were made" in main_text(
        auditor.get("/drift")
    )
    text = main_text(auditor.get("/drift", params={"version": f"{name}/1"}))
    assert "No data was compared with this version" in text


def test_the_newest_events_come_first_and_lead_to_their_contents(
    served: Served, auditor: httpx2.Client, version: Callable[..., int], name: str
) -> None:
    version()
    served.registry.set_alias(name, "best", 1, reason="<i>tried</i>")
    (event,) = served.registry.events(types=[EventType.ALIAS_SET], model=name)
    page = read(auditor.get("/audit"))
    rows = page.one("div", **{"aria-label": "Events"}).all("tr")[1:]
    numbers = [int(row.all("td")[0].text) for row in rows]
    assert numbers == sorted(numbers, reverse=True)
    (row,) = [each for each in rows if each.all("td")[0].text == str(event.seq)]
    assert "<i>tried</i>" in row.text
    shown = main_text(auditor.get("/audit", params={"event": event.seq}))
    assert f"Event {event.seq}" in shown
    assert "alias.set" in shown
    alternate = read(auditor.get("/audit", params={"event": event.seq})).one(
        "link", rel="alternate"
    )
    assert alternate.attributes["href"] == f"/api/v1/events?after={event.seq - 1}&limit=1"
    assert "No key seals the log" in page.one("main").text  # of this registry


def test_events_are_chosen_by_model_and_type(
    auditor: httpx2.Client, version: Callable[..., int], name: str
) -> None:
    version()
    page = read(auditor.get("/audit", params={"model": name, "type": "version.created"}))
    rows = page.one("div", **{"aria-label": "Events"}).all("tr")[1:]
    assert len(rows) == 1
    assert f"{name} v1" in rows[0].text


def test_a_log_that_was_never_sealed_is_not_called_altered(auditor: httpx2.Client) -> None:
    text = main_text(auditor.get("/audit/verify"))
    assert "Not known: nothing of it is sealed" in text
    assert "altered" not in text.removeprefix("Audit/ Is the log unaltered?")


def test_a_sealed_log_is_unaltered_until_an_event_is_edited(
    served: Served, auditor: httpx2.Client, version: Callable[..., int], name: str
) -> None:
    version()
    LogSealing(with_secret_key(served.registry, audit_key="database")).attempt()
    assert "Nothing was altered, as far as it was checked" in main_text(
        auditor.get("/audit/verify")
    )
    # Of the sealed events: one of a card that is drawn later has no proof yet.
    event = next(each for each in served.registry.events() if each.model == name)
    proof = main_text(auditor.get("/audit", params={"event": event.seq}))
    assert "c2sp.org/tlog-proof@v1" in proof
    with psycopg.connect(**served.registry.database.source.options()) as owner:
        owner.execute("ALTER TABLE pedigree.event DISABLE TRIGGER ALL")
        owner.execute(
            "UPDATE pedigree.event SET canonical = canonical || ' '::bytea WHERE event_id = %s",
            [event.event_id],
        )
    assert "It was altered" in main_text(auditor.get("/audit/verify"))


@pytest.mark.parametrize(
    "query", [{"event": "0"}, {"event": "x"}, {"event": "999999999"}, {"type": "version.sold"}]
)
def test_a_bad_question_to_the_log_is_answered_in_words(
    auditor: httpx2.Client, query: dict[str, str]
) -> None:
    answer = auditor.get("/audit", params=query)
    assert answer.status_code in (404, 422)
    assert read(answer).one("h1").text


def test_a_reader_sees_no_log(served: Served) -> None:
    reader = page_client(served, Role.READER)
    assert reader.get("/audit").status_code == 403


def test_open_quarantines_of_an_asset_are_shown_with_who_and_why(
    served: Served, auditor: httpx2.Client, deployer: httpx2.Client, name: str
) -> None:
    asset, partition = f"raw/{name}", "2013-03"
    assert "In quarantine now" not in main_text(auditor.get("/impact", params={"asset": asset}))
    ann = served.registry.acting_as(Actor(name="ann@example.com", source="test"))
    ann.quarantine(asset, partition, reason="<i>bad</i> rows", only_certain=True)
    ann.quarantine(asset, "2013-04", reason="other rows")
    own = {"asset": asset, "partition": partition}
    shown = read(auditor.get("/impact", params=own)).one("main")
    (row,) = shown.one("div", **{"aria-label": "Open quarantines"}).one("tbody").all("tr")
    cells = [cell.text for cell in row.all("td")]
    assert [cells[0], *cells[2:]] == [
        partition,
        "ann",
        "<i>bad</i> rows",
        "versions that certainly depend on it",
    ]
    assert not shown.all("form", method="post")
    assert "People with the role" in shown.text
    everything = read(deployer.get("/impact", params={"asset": asset})).one("main")
    assert len(everything.one("div", **{"aria-label": "Open quarantines"}).all("tr")) == 3
    # The whole asset is not in quarantine, so there is nothing of it to end.
    assert not everything.all("form", action="/impact/release")
    assert (
        read(deployer.get("/impact", params=own)).one("main").one("form", action="/impact/release")
    )


def test_a_quarantine_that_marks_no_readable_version_is_nowhere(
    served: Served, version: Callable[..., int], name: str
) -> None:
    asset = f"raw/{name}"
    version(lineage=graph_of(asset, f"{asset}/far"))
    served.registry.create_model(f"{name}-own")
    served.registry.quarantine(asset, reason="bad rows")
    foreign = page_client(served, Role.READER, models=(f"{name}-own",))
    assert "bad rows" not in foreign.get("/impact", params={"asset": asset}).text
    own = page_client(served, Role.READER, models=(name,))
    assert "bad rows" in own.get("/impact", params={"asset": asset}).text


def test_the_lineage_of_a_version_leads_to_the_quarantine_of_its_data(
    auditor: httpx2.Client, version: Callable[..., int], name: str
) -> None:
    asset, far = f"raw/{name}", f"far/{name}"
    version(lineage=graph_of(asset, far))
    page = read(auditor.get(f"/models/{name}/versions/1")).one("main")
    links = [each.attributes["href"] or "" for each in page.one("section", id="lineage").all("a")]
    assert f"/impact?asset=raw%2F{name}#quarantine" in links
    assert f"/impact?asset=far%2F{name}&partition=2013-01#quarantine" in links


def download(client: httpx2.Client, path: str, **typed: str) -> httpx2.Response:
    """Send the form for a download that a page of the log has."""
    form = read(client.get(path)).one("main").one("form", action="/audit/download")
    fields = {
        each.attributes["name"] or "": each.attributes.get("value") or ""
        for each in form.all("input", type="hidden")
    }
    return client.post("/audit/download", data={**fields, **typed})


def test_the_events_of_a_list_are_downloaded_as_json_lines(
    served: Served, auditor: httpx2.Client, version: Callable[..., int], name: str
) -> None:
    version()
    served.registry.set_alias(name, "best", 1)
    answer = download(auditor, f"/audit?model={name}")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == 'attachment; filename="events.jsonl"'
    assert answer.headers["cache-control"] == "no-store"
    found = [Event.model_validate_json(line) for line in answer.text.splitlines()]
    known = served.registry.events(model=name)
    assert len(found) >= 3
    # The service may have drawn the card after the download.
    assert found == [each for each in reversed(known) if each.seq <= found[0].seq]
    kind = download(auditor, f"/audit?model={name}&type=alias.set")
    assert len(kind.text.splitlines()) == 1


def test_the_proof_of_an_event_is_downloaded(
    served: Served, auditor: httpx2.Client, version: Callable[..., int], name: str
) -> None:
    version()
    LogSealing(with_secret_key(served.registry, audit_key="database")).attempt()
    (event,) = served.registry.events(model=name)[-1:]
    answer = download(auditor, f"/audit?event={event.seq}")
    assert answer.text.startswith("c2sp.org/tlog-proof@v1")
    assert f"event-{event.seq}.tlog-proof" in answer.headers["content-disposition"]


@pytest.mark.parametrize("typed", [{"from": "yesterday"}, {"event": "999999999"}, {"event": "x"}])
def test_a_download_that_is_refused_says_why(
    auditor: httpx2.Client, version: Callable[..., int], name: str, typed: dict[str, str]
) -> None:
    version()
    answer = download(auditor, f"/audit?model={name}", **typed)
    assert answer.status_code in (404, 422)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert read(answer).one("main").one("div", role="alert").text


def test_drift_shows_its_trend_its_columns_and_its_reports(
    served: Served, auditor: httpx2.Client, version: Callable[..., int], name: str
) -> None:
    registry = served.registry
    version()
    ages = pd.DataFrame({"age": range(200), "tenure": [each % 7 for each in range(200)]})
    registry.keep_profile(f"{name}/1", profile(ages))
    for month, moved in enumerate((0, 40, 90), start=1):
        later = ages.assign(age=ages["age"] + moved)
        registry.measure_drift(f"{name}/1", later, asset=f"raw/{name}", partition=f"2026-{month}")
    path = f"/drift?version={name}%2F1"
    page = read(auditor.get(path)).one("main")
    (row,) = page.one("div", **{"aria-label": "Trend as a table"}).one("tbody").all("tr")
    cells = [cell.text for cell in row.all("td")]
    assert cells[:3] == [f"raw/{name}", "3", "2"]
    assert row.all("svg", role="img")
    sections = [each for each in page.all("section") if each.all("details")]
    assert ["no drift" in each.text for each in sections] == [False, False, True]
    first = sections[0].one("tbody").all("tr")[0].all("td")
    assert [first[0].text, first[1].text] == ["age", "yes"]
    report = next(a for a in sections[0].all("a") if a.text == "Report").attributes["href"] or ""
    shown = main_text(auditor.get(report))
    assert f"Report of raw/{name}" in shown
    assert "age" in shown
    assert auditor.get("/drift?result=999999").status_code == 404
    foreign = page_client(served, Role.READER, models=("other",))
    assert foreign.get(report).status_code == 403
