"""The pages of impact, drift and the audit log say what is recorded, and act as REST does."""

from collections.abc import Callable

import httpx2
import psycopg
import pytest

from pedigree.access.records import Role
from pedigree.lineage.records import LineageGraph
from pedigree.registry.log_sealing import LogSealing
from tests.factories import with_secret_key
from tests.server.conftest import Served
from tests.web.reading import main_text, read
from tests.web.test_approving import page_client


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
    (event,) = [each for each in served.registry.events() if each.model == name][-1:]
    page = read(auditor.get("/audit"))
    rows = page.one("div", **{"aria-label": "Events"}).all("tr")[1:]
    numbers = [int(row.all("td")[0].text) for row in rows]
    assert numbers == sorted(numbers, reverse=True)
    assert "<i>tried</i>" in rows[0].text
    shown = main_text(auditor.get("/audit", params={"event": event.seq}))
    assert f"Event {event.seq}" in shown
    assert "alias.set" in shown
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
