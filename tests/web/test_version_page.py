"""The page of a version over HTTP: every state is said, and every bad address is answered."""

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from pedigree.access.pseudonyms import SIGN
from pedigree.access.records import Role
from pedigree.audit.records import Actor
from pedigree.catalog.records import TrainingOrigin
from pedigree.evaluation.records import Evaluation, GroupResult, Slice, Task
from pedigree.lifecycle.approval_rules import ApprovalRule
from pedigree.lifecycle.policy import default_policy
from pedigree.lifecycle.records import MetricRule, Policy, Severity, StageRule, Verdict
from pedigree.lineage.records import Certainty, LineageGraph
from pedigree.lineage.staleness import InputNow
from pedigree.lineage.usages import NewUsage
from tests.factories import free_policy
from tests.lineage.graphs import STEP, edge, graph, missing, node
from tests.server.conftest import Served
from tests.web.reading import Element, main_text, read

Version = Callable[..., int]

ASKS_FOR_TWO = Policy(
    stages=(
        StageRule(name="staging", after=("none",)),
        StageRule(name="production", after=("staging",), approvals=ApprovalRule(needed=2)),
        StageRule(name="archived", after=("none", "staging", "production")),
    )
)


@pytest.fixture(scope="module")
def reader(served: Served) -> httpx2.Client:
    client = served.client(Role.READER, accept="text/html")
    client.base_url = httpx2.URL(served.url)
    return client


@pytest.fixture
def shown(reader: httpx2.Client, name: str) -> Callable[..., Element]:
    """Read the page of a version of this test's model."""

    def of(number: object = 1, rest: str = "") -> Element:
        answer = reader.get(f"/models/{name}/versions/{number}{rest}")
        assert answer.status_code == 200, answer.text
        return read(answer)

    return of


def section(page: Element, name: str) -> str:
    """The text of one section of a page."""
    return page.one("section", id=name).text


def verdict(page: Element) -> Element:
    return page.one("section", class_="verdict")


def test_a_version_without_anything_says_so_everywhere(
    version: Version, shown: Callable[..., Element], name: str
) -> None:
    version()
    page = shown()
    assert page.one("h1").text == f"{name} v1"
    assert "It has no description." in page.one("main").text
    for part, said in {
        "lineage": "No data is recorded for this version",
        "checks": "No check has run on this version",
        "metrics": "No metric is recorded",
        "slices": "No results by group are stored",
        "card": "No model card is drawn yet",
        "environment": "Not known",
        "security": "the check artifact scan has not run",
        "files": "model.bin",
        "trainings": "outside an asset graph",
        "use": "registry.load",
        "history": "was registered",
    }.items():
        assert said in section(page, part), part
    facts = page.one("aside").text
    assert "Owner nobody" in facts
    assert "Risk class not known" in facts
    assert "Training data not known" in facts
    assert page.all("section", id="overrides") == []


def test_every_link_of_the_jump_list_leads_to_a_section(
    version: Version, shown: Callable[..., Element]
) -> None:
    version()
    page = shown()
    jumps = page.one("nav", **{"aria-label": "On this page"}).all("a")
    assert len(jumps) > 10
    for each in jumps:
        page.one("section", id=(each.attributes["href"] or "").removeprefix("#"))


def test_a_page_links_its_json(version: Version, shown: Callable[..., Element], name: str) -> None:
    version()
    link = shown().one("link", rel="alternate").attributes
    assert link["href"] == f"/api/v1/models/{name}/versions/1"


def test_in_production_and_in_quarantine_are_one_sentence(
    served: Served, version: Version, shown: Callable[..., Element], name: str
) -> None:
    served.registry.set_policy(name, free_policy())
    version()
    served.registry.promote(f"{name}/1", "production")
    served.registry.quarantine_version(f"{name}/1", reason="labels <b>wrong</b>")
    part = verdict(shown())
    assert part.one("h2").text == "In production for a moment, and in quarantine"
    assert part.has(class_="bad")
    assert "Quarantine: labels <b>wrong</b>" in part.text
    assert part.all("b", class_="wrong") == []


def test_who_asked_and_why_and_what_it_waits_for_are_said(
    served: Served, version: Version, shown: Callable[..., Element], name: str
) -> None:
    served.registry.set_policy(name, ASKS_FOR_TWO)
    version()
    served.registry.promote(f"{name}/1", "staging")
    asker = served.registry.acting_as(Actor(name="ann@risk.example", source="token"))
    asker.request_stage(f"{name}/1", "production", reason="better in spring")
    part = verdict(shown())
    assert part.one("h2").text.endswith("asks for production: 0 of 2 approvals given")
    assert "ann asked for production" in part.text
    assert "“better in spring”" in part.text
    (link,) = [each for each in part.all("a") if each.text == "Review"]
    assert (link.attributes["href"] or "").startswith("/approvals/")
    waiting = part.one("ul", **{"aria-label": "Gates of production that are not passed"})
    assert "approvals, waits 2 approvals" in waiting.text
    for approver in ("bob", "eve"):
        other = served.registry.acting_as(Actor(name=approver, source="test"))
        other.approve(f"{name}/1", "production", comment=f"fine by {approver}")
        if approver == "bob":
            assert "1 of 2 approvals given" in verdict(shown()).one("h2").text
    page = shown()
    assert verdict(page).one("h2").text == "In production for a moment"
    assert "was approved for production bob fine by bob" in section(page, "history")


def test_a_gate_that_fails_is_named_with_its_reason(
    version: Version, shown: Callable[..., Element]
) -> None:
    version()
    part = verdict(shown())
    assert part.one("h2").text.startswith("In no stage, and not ready for candidate:")
    failed = part.one("ul", **{"aria-label": "Gates of candidate that are not passed"})
    assert "metadata complete, not passed check metadata_complete" in failed.text


def test_overrides_stay_visible_after_the_version_left_the_stage(
    served: Served, version: Version, shown: Callable[..., Element], name: str
) -> None:
    served.registry.set_policy(name, ASKS_FOR_TWO)
    version()
    served.registry.promote(f"{name}/1", "staging")
    other = served.registry.acting_as(Actor(name="chief", source="token"))
    other.override(f"{name}/1", "production", reason="an outage")
    other.promote(f"{name}/1", "archived")
    page = shown()
    assert "1 override" in page.one("div", class_="head").text
    assert "an outage" in section(page, "overrides")
    assert "approvals: 2 approvals" in section(page, "overrides")
    assert "entered production by an override override" in section(page, "history")


def test_a_hold_is_said(
    served: Served, version: Version, shown: Callable[..., Element], name: str
) -> None:
    version()
    served.registry.hold(f"{name}/1", reason="a lawsuit")
    page = shown()
    assert "under a legal hold" in verdict(page).one("h2").text
    assert "Legal hold: a lawsuit" in verdict(page).text


def test_checks_that_failed_come_first(
    served: Served, version: Version, shown: Callable[..., Element], name: str
) -> None:
    version()
    digest = served.registry.get(f"{name}/1").digest
    for check, passed, severity in (
        ("alpha", True, Severity.ERROR),
        ("beta", False, Severity.WARN),
        ("gamma", False, Severity.ERROR),
    ):
        found = Verdict(
            check=check,
            passed=passed,
            severity=severity,
            digest=digest,
            summary=f"about {check} <i>",
            details={"why": "</pre><script>"},
        )
        served.registry.record_verdict(f"{name}/1", found)
    page = shown()
    part = page.one("section", id="checks")
    assert [each.text for each in part.all("tr")[1:]]
    assert [row.all("a")[0].text for row in part.all("tr")[1:]] == ["gamma", "beta", "alpha"]
    assert part.one("h2").text == "Checks 1 of 3 passed"
    assert "</pre><script>" in part.text
    key = verdict(page).one("dl").text
    assert "Checks 1 of 3 1 failed" in key


def test_a_check_has_a_history_by_pages(
    served: Served, reader: httpx2.Client, version: Version, name: str
) -> None:
    version()
    digest = served.registry.get(f"{name}/1").digest
    for place in range(203):
        found = Verdict(check="alpha", passed=True, digest=digest, summary=f"run {place}")
        served.registry.record_verdict(f"{name}/1", found)
    path = f"/models/{name}/versions/1/checks/alpha"
    first = read(reader.get(path))
    assert first.all("tr")[1].text.endswith("tester none")
    assert len(first.all("tr")) == 201
    (older,) = [each for each in first.all("a") if each.text == "Older"]
    last = read(reader.get(older.attributes["href"] or ""))
    assert [row.text.partition("run ")[2][:1] for row in last.all("tr")[1:]] == ["2", "1", "0"]
    assert "has not run" in main_text(reader.get(f"/models/{name}/versions/1/checks/nothing"))


def test_metrics_are_compared_as_far_as_the_policy_says(
    served: Served, version: Version, shown: Callable[..., Element], name: str
) -> None:
    served.registry.set_policy(name, free_policy())
    version(metrics={"auc": 0.8, "big": 1e308, "gone": 1.0, "zero": 0.0})
    served.registry.promote(f"{name}/1", "production")
    version("other", metrics={"auc": 0.9, "big": -1e308, "new": 2.0, "zero": -0.0})
    served.registry.set_policy(
        name, free_policy().model_copy(update={"champion_metric": MetricRule(metric="auc")})
    )
    page = shown(2)
    rows = [row.text for row in page.one("section", id="metrics").all("tr")[1:]]
    assert rows == [
        "auc 0.8000 0.9000 +0.1000 better",
        "big 1.000e+308 -1.000e+308 not known",
        "gone 1.0000 not known not known",
        "new not known 2.0000 not known",
        "zero 0.0000 0.0000 +0.0000",
    ]
    assert "auc 0.9000 +0.1000 against v1, better" in verdict(page).one("dl").text
    assert "v1" in page.one("section", id="metrics").one("h2").text
    assert "auc 0.8000 in production" in verdict(shown(1)).one("dl").text


def test_results_by_group_are_a_plot_and_a_table(
    served: Served, version: Version, shown: Callable[..., Element], name: str
) -> None:
    version()
    groups = tuple(
        GroupResult(group=f"<g{place}>", count=100 - place, metrics={"accuracy": place / 30})
        for place in range(25)
    )
    served.registry.set_evaluation(
        f"{name}/1",
        Evaluation(
            task=Task.BINARY,
            data="test",
            overall=GroupResult(group="overall", count=2_200, metrics={"accuracy": 0.5}),
            slices=(Slice(name="area", groups=groups),),
        ),
    )
    part = shown().one("section", id="slices")
    label = part.one("svg").attributes["aria-label"] or ""
    assert label.startswith("accuracy by area, with 0.5000 over all rows")
    assert part.one("svg").attributes["role"] == "img"
    assert len(part.one("svg").all("circle")) == 20
    assert "5 smaller groups are not drawn" in part.text
    assert [row.text for row in part.one("table").all("tr")[1:3]] == [
        "all rows 0.5000 2,200",
        "<g0> 0.0000 100",
    ]


def test_the_lineage_is_a_picture_and_a_table(
    served: Served, version: Version, shown: Callable[..., Element], name: str
) -> None:
    lineage = LineageGraph(
        nodes=(STEP, node(1, "features", "2013-01"), node(2, "raw"), missing(3, "lost")),
        edges=(
            edge(0, 1, Certainty.READ),
            edge(1, 2, Certainty.POSSIBLE),
            edge(0, 3, Certainty.UNKNOWN),
        ),
    )
    version(lineage=lineage, origin=TrainingOrigin(asset="models/churn", partition="2013"))
    served.registry.operations.usages.record_usage(
        f"{name}/1", NewUsage(asset="scores", partitions=("a", "b"), run_id="run-2")
    )
    page = shown()
    part = page.one("section", id="lineage")
    assert part.one("svg").attributes["role"] == "group"
    picture = part.one("svg").text
    for said in ("features", "raw", "its event is missing", f"{name}/1", "scores"):
        assert said in picture
    inputs, outputs = part.all("table")
    assert inputs.all("tr")[1].text.startswith("features 2013-01 read 1 v1")
    assert "raw none possible 2 v1" in inputs.text
    assert "scores 2 partitions, a to b" in outputs.text
    assert "scores was written with it" in verdict(page).text
    assert "models/churn, 2013" in section(page, "trainings")


def test_five_thousand_partitions_are_one_row(
    version: Version, shown: Callable[..., Element]
) -> None:
    version(lineage=graph(*(node(each, "flights", f"{each:05}") for each in range(1, 5_001))))
    part = shown().one("section", id="lineage")
    assert part.one("h2").text == "Lineage 1 asset, 5,000 states of data"
    assert len(part.one("table").all("tr")) == 2
    assert "5,000 partitions, 00001 to 05000" in part.one("table").text


def test_how_stale_it_is_is_what_was_last_seen(
    served: Served, version: Version, shown: Callable[..., Element], name: str
) -> None:
    version(lineage=graph(node(1, "customers")))
    assert "Data and code not known the asset graph was never read" in verdict(shown()).text
    newer = InputNow(data_version="v9", data_behind=2, code_behind=1)
    served.registry.operations.staleness.keep_staleness(f"{name}/1", {("customers", None): newer})
    said = verdict(shown()).text
    assert "2 data versions and 1 code version behind" in said
    assert "seen a moment ago" in said


def test_a_card_is_shown_by_its_sections(
    served: Served, version: Version, shown: Callable[..., Element], name: str
) -> None:
    version(description="To see *who* leaves <script>")
    served.registry.card(f"{name}/1")
    part = shown().one("section", id="card")
    sections = {each.one("summary").text: each for each in part.all("details")}
    assert next(key for key in sections if key.startswith("Intended Use")).endswith("not provided")
    assert "To see *who* leaves <script>" in part.text


def test_columns_and_packages_and_params_are_listed(
    version: Version, shown: Callable[..., Element]
) -> None:
    version(environment=("numpy==2.0", "pandas==2.2"), params={"depth": 3, "deep": {"a": [1]}})
    page = shown()
    assert "takes age double yes" in section(page, "signature")
    assert "gives score double yes" in section(page, "signature")
    assert "numpy==2.0" in section(page, "environment")
    assert 'deep {"a": [1]}' in page.one("aside").text


def test_many_files_are_shown_by_pages(
    served: Served, reader: httpx2.Client, name: str, tmp_path: Any
) -> None:
    from tests.factories import new_version

    for place in range(230):
        (tmp_path / f"part-{place:03}").write_text(str(place))
    served.registry.register(name, tmp_path, new_version())
    page = read(reader.get(f"/models/{name}/versions/1"))
    (link,) = [each for each in page.all("a") if each.text == "130 further files"]
    second = read(reader.get(link.attributes["href"] or ""))
    assert len(second.one("table").all("tr")) == 101
    (link,) = [each for each in second.all("a") if each.text == "Next"]
    third = read(reader.get(link.attributes["href"] or ""))
    assert [row.all("td")[0].text for row in third.one("table").all("tr")[1:]][-1] == "part-229"
    assert [each for each in third.all("a") if each.text == "Next"] == []


def test_events_are_listed_and_lead_to_their_proofs_for_auditors(
    served: Served, reader: httpx2.Client, version: Version, name: str
) -> None:
    served.registry.set_policy(name, free_policy())
    version()
    served.registry.promote(f"{name}/1", "production", reason="a good one")
    path = f"/models/{name}/versions/1/history"
    page = read(reader.get(path))
    rows = [row.text for row in page.one("table").all("tr")[1:]]
    assert any("moved from none to production" in row and "a good one" in row for row in rows)
    assert rows[-1].split("UTC ")[1].startswith("registered version.created")
    assert "needs the permission to audit" in page.one("main").text
    auditor = served.client(Role.AUDITOR, accept="text/html")
    auditor.base_url = httpx2.URL(served.url)
    links = read(auditor.get(path)).one("table").all("a")
    assert all((each.attributes["href"] or "").startswith("/audit?event=") for each in links)
    number = rows[0].split()[0]
    before = read(reader.get(path, params={"before": rows[-1].split()[0]}))
    assert "There are no earlier events" in before.one("main").text
    assert number.isdigit()


@pytest.mark.parametrize(
    "asked",
    ["0", "-1", "2147483648", "99999999999999999999", "01", "1.0", "+1", "%20", "1%00", "٣", "7",
     "nosuch", "@nosuch", "a..b", "%E2%80%AE1", "x" * 300],
)  # fmt: skip
def test_a_version_that_does_not_exist_is_answered_in_words(
    reader: httpx2.Client, version: Version, name: str, asked: str
) -> None:
    version()
    answer = reader.get(f"/models/{name}/versions/{asked}")
    assert answer.status_code in (400, 404, 422), answer.status_code
    assert answer.headers["content-type"].startswith("text/html")
    text = main_text(answer)
    assert "Traceback" not in text
    if answer.status_code == 404:
        assert f"{name} has no version" in text
        assert "1 to 1" in text


@pytest.mark.parametrize("asked", ["latest", "LATEST", "@latest", "production", "@champion"])
def test_a_pointer_leads_to_the_number(
    served: Served, reader: httpx2.Client, version: Version, name: str, asked: str
) -> None:
    served.registry.set_policy(name, free_policy())
    version()
    served.registry.promote(f"{name}/1", "production")
    served.registry.set_alias(name, "champion", 1)
    answer = reader.get(f"/models/{name}/versions/{asked}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/models/{name}/versions/1")


def test_a_deleted_version_is_said_to_be_deleted(
    served: Served, reader: httpx2.Client, version: Version, name: str
) -> None:
    version()
    served.registry.delete(f"{name}/1", reason="a mistake")
    answer = reader.get(f"/models/{name}/versions/1")
    assert answer.status_code == 404
    text = main_text(answer)
    assert f"Version 1 of {name} was deleted" in text
    assert f"pedigree restore {name}/1" in text


@pytest.mark.parametrize(
    "name", ["no%2Fsuch", "..", "%2e%2e", "%23", "x" * 256, "%E2%80%AEchurn", "no such", "-"]
)
@pytest.mark.parametrize("rest", ["", "/evidence", "/history", "/checks/a", "/files"])
def test_a_model_that_does_not_exist_is_answered_in_words(
    reader: httpx2.Client, name: str, rest: str
) -> None:
    answer = reader.get(f"/models/{name}/versions/1{rest}")
    assert answer.status_code in (400, 404, 422)
    assert read(answer).one("h1").text


def test_programs_get_problem_details(served: Served, version: Version, name: str) -> None:
    version()
    client = served.client(Role.READER, accept="application/json")
    client.base_url = httpx2.URL(served.url)
    for asked in ("9", "0", "nosuch"):
        answer = client.get(f"/models/{name}/versions/{asked}")
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
        assert json.loads(answer.text)["detail"]


@pytest.mark.parametrize("rest", ["", "/evidence", "/history", "/checks/a", "/files"])
def test_a_model_that_may_not_be_read_is_refused(
    served: Served, version: Version, name: str, rest: str
) -> None:
    version(description="a secret")
    client = served.client(Role.READER, models=("other-*",), accept="text/html")
    client.base_url = httpx2.URL(served.url)
    for number in ("1", "99"):
        answer = client.get(f"/models/{name}/versions/{number}{rest}")
        assert answer.status_code == 403
        assert "a secret" not in answer.text


@pytest.mark.parametrize(("rest", "part"), [("", "lineage"), ("/evidence", "provenance")])
def test_a_model_that_may_not_be_read_is_not_in_the_lineage(
    served: Served, version: Version, name: str, tmp_path: Any, rest: str, part: str
) -> None:
    from tests.factories import register

    secret = f"secret-{name}"
    origin = TrainingOrigin(asset=secret)
    digest = served.registry.get(
        register(served.registry, tmp_path / "s", "secret", secret, origin=origin)
    ).digest
    version(
        lineage=LineageGraph(
            nodes=(STEP, node(1, secret, version=digest), node(2, "seen")),
            edges=(edge(0, 1, Certainty.READ), edge(0, 2, Certainty.READ)),
        )
    )
    path = f"/models/{name}/versions/1{rest}"
    limited = served.client(Role.READER, models=(name,), accept="text/html")
    limited.base_url = httpx2.URL(served.url)
    answer = limited.get(path)
    assert answer.status_code == 200
    assert "seen" in answer.text
    assert secret not in answer.text
    assert "hidden" not in section(read(answer), part)
    assert "Only models that" in main_text(answer)
    whole = served.client(Role.READER, accept="text/html")
    whole.base_url = httpx2.URL(served.url)
    assert secret in whole.get(path).text


def test_a_page_that_has_not_changed_is_not_sent_again(
    reader: httpx2.Client, version: Version, name: str
) -> None:
    version()
    path = f"/models/{name}/versions/1/files"
    tag = reader.get(path).headers["etag"]
    assert reader.get(path, headers={"if-none-match": tag}).status_code == 304


def test_a_version_of_the_default_policy_is_ready_when_its_checks_pass(
    served: Served, version: Version, shown: Callable[..., Element], name: str
) -> None:
    served.registry.set_policy(name, default_policy())
    version()
    served.registry.run_checks(f"{name}/1")
    sentence = verdict(shown()).one("h2").text
    assert sentence == "A candidate for a moment, and ready for staging: every gate is passed"


def offered(page: Element) -> set[str]:
    links = verdict(page).all("a", class_="btn")
    return {(each.attributes["href"] or "").partition("?")[0].rpartition("/")[2] for each in links}


def test_only_what_the_visitor_may_do_is_offered_and_the_rest_says_what_it_needs(
    served: Served, version: Version, shown: Callable[..., Element], name: str
) -> None:
    served.registry.set_policy(name, free_policy())
    version()
    served.registry.promote(f"{name}/1", "production")
    page = shown()
    assert offered(page) == set()
    assert "Roll back: it needs the permission move. People with the role" in verdict(page).text
    admin = served.client(Role.ADMIN, accept="text/html")
    admin.base_url = httpx2.URL(served.url)
    answer = admin.get(f"/models/{name}/versions/1")
    known = {"promote", "request", "rollback", "quarantine", "alias", "describe", "hold"}
    assert known <= offered(read(answer))
    assert {"release", "lift", "withdraw"}.isdisjoint(offered(read(answer)))
    for each in verdict(read(answer)).all("a", class_="btn"):
        assert admin.get(each.attributes["href"] or "").status_code == 200


HOSTILE = "<img src=x onerror=alert(1)>\"'\u202e</script><script>alert(2)</script>"


@pytest.mark.parametrize("rest", ["", "/evidence", "/history", "/files"])
def test_hostile_texts_in_every_field_are_only_text(
    served: Served, version: Version, name: str, rest: str
) -> None:
    served.registry.set_policy(name, free_policy())
    version(
        description=HOSTILE,
        owners=(HOSTILE,),
        tags={HOSTILE: HOSTILE},
        params={HOSTILE: [HOSTILE]},
        metrics={HOSTILE: 1.0},
        run_id=HOSTILE,
        code_version=HOSTILE,
        ci_build=HOSTILE,
        validation_dataset_id=HOSTILE,
        datasheet_uri=HOSTILE,
        environment=(f"{HOSTILE}==1",),
        origin=TrainingOrigin(asset=HOSTILE, partition=HOSTILE),
        lineage=graph(node(1, HOSTILE, HOSTILE, HOSTILE)),
    )
    reference = f"{name}/1"
    digest = served.registry.get(reference).digest
    found = Verdict(
        check=HOSTILE,
        passed=False,
        digest=digest,
        summary=HOSTILE,
        details={HOSTILE: HOSTILE},
        settings={HOSTILE: HOSTILE},
    )
    served.registry.record_verdict(reference, found)
    groups = (GroupResult(group=HOSTILE, count=1, metrics={"accuracy": 1.0}),)
    overall = GroupResult(group="overall", count=1, metrics={"accuracy": 1.0})
    parts = (Slice(name=HOSTILE, groups=groups),)
    served.registry.set_evaluation(
        reference, Evaluation(task=Task.BINARY, data=HOSTILE, overall=overall, slices=parts)
    )
    served.registry.promote(reference, "staging", reason=HOSTILE)
    served.registry.operations.usages.record_usage(
        reference, NewUsage(asset=HOSTILE, partitions=(HOSTILE,), run_id=HOSTILE)
    )
    served.registry.quarantine_version(reference, reason=HOSTILE)
    served.registry.hold(reference, reason=HOSTILE)
    served.registry.card(reference)
    client = served.client(Role.ADMIN, accept="text/html")
    client.base_url = httpx2.URL(served.url)
    answer = client.get(f"/models/{name}/versions/1{rest}")
    assert answer.status_code == 200
    assert answer.text.count("<script") == (0 if rest == "/evidence" else 1)
    assert "<img" not in answer.text
    page = reading_of(answer)
    assert page.all("img") == []
    check = client.get(f"/models/{name}/versions/1/checks/{quote(HOSTILE, safe='')}")
    assert check.status_code in (200, 404)  # a name with a slash is no part of a path
    assert "<img" not in check.text


def reading_of(answer: httpx2.Response) -> Element:
    """Read a page of which texts look like attributes that no page may have."""
    shown = re.sub(r"onerror=", "", answer.text)
    return read(httpx2.Response(200, text=shown))


def test_people_are_shown_by_their_names(
    served: Served, version: Version, shown: Callable[..., Element], name: str
) -> None:
    served.registry.set_policy(name, ASKS_FOR_TWO)
    version()
    mover = served.registry.acting_as(Actor(name="kim@risk.example", source="test"))
    mover.promote(f"{name}/1", "staging", reason="as kim@risk.example asked")
    mover.approve(f"{name}/1", "production", comment="fine")
    digest = served.registry.get(f"{name}/1").digest
    found = Verdict(check="alpha", passed=True, digest=digest, summary="well")
    mover.record_verdict(f"{name}/1", found)
    served.registry.card(f"{name}/1")
    for rest in ("", "/evidence", "/history", "/checks/alpha"):
        page = shown(rest=rest)
        assert "kim" in page.one("main").text, rest
        assert SIGN not in page.one("main").text, rest
