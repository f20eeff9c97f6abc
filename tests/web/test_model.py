"""The page of a model says what is true of it, and nothing else."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedigree.access.records import Role
from pedigree.audit.records import Actor
from pedigree.lifecycle.policy import default_policy, open_policy, policy_without_stages
from pedigree.lifecycle.records import MetricRule, Policy, Tenure
from pedigree.server.web.links import Links
from pedigree.server.web.pictures.scale import Scale
from pedigree.server.web.pictures.timeline import lanes, timeline
from pedigree.server.web.pictures.trend import Point, trend
from tests.factories import free_policy
from tests.server.conftest import Served
from tests.web.reading import main_text, read

ANN = Actor(name="ann@example.com", source="test")


@pytest.fixture(scope="module")
def reader(served: Served) -> httpx2.Client:
    client = served.client(Role.READER, accept="text/html")
    client.base_url = httpx2.URL(served.url)
    return client


def test_a_model_without_versions_says_how_to_register_one(
    served: Served, reader: httpx2.Client, name: str
) -> None:
    served.registry.create_model(name)
    text = main_text(reader.get(f"/models/{name}"))
    assert "It has no version yet" in text
    assert f"pedigree register {name} FILE" in text


def test_nothing_in_production_is_said(
    reader: httpx2.Client, version: Callable[..., int], name: str
) -> None:
    version()
    assert "Nothing is in production" in main_text(reader.get(f"/models/{name}"))


def test_the_verdict_names_who_moved_the_champion_and_why(
    served: Served, reader: httpx2.Client, version: Callable[..., int], name: str
) -> None:
    served.registry.set_policy(name, free_policy())
    number = version(metrics={"auc": 0.93214, "f1": 0.5})
    served.registry.acting_as(ANN).promote(f"{name}/{number}", "production", reason="it <b>is</b>")
    page = read(reader.get(f"/models/{name}"))
    verdict = page.one("div", class_="verdict")
    assert "Version 1 is in production" in verdict.text
    assert "moved by ann: “it <b>is</b>”" in verdict.text
    assert "auc 0.9321" in verdict.text
    assert "good" in (verdict.attributes["class"] or "")
    link = page.one("link", rel="alternate").attributes["href"]
    assert link == f"/api/v1/models/{name}"


def test_a_champion_in_quarantine_is_both(
    served: Served, reader: httpx2.Client, version: Callable[..., int], name: str
) -> None:
    served.registry.set_policy(name, free_policy())
    version()
    served.registry.promote(f"{name}/1", "production")
    served.registry.quarantine_version(f"{name}/1", reason="wrong labels")
    text = main_text(reader.get(f"/models/{name}"))
    assert "Version 1 is in production, and in quarantine" in text
    assert "In quarantine: wrong labels." in text


def test_columns_are_those_of_the_url(
    reader: httpx2.Client, version: Callable[..., int], name: str
) -> None:
    version(metrics={"auc": 0.9}, tags={"team": "risk"})
    version("other", metrics={"f1": -0.0}, tags={})
    page = read(reader.get(f"/models/{name}", params={"column": ["tag:team", "metric:f1"]}))
    table = page.one("div", **{"aria-label": "Table of versions"})
    assert [each.text for each in table.all("th")][3:] == ["team", "f1"]
    rows = [[cell.text for cell in row.all("td")][3:] for row in table.all("tr")[1:]]
    assert rows == [["\u2013 not given", "0.0000"], ["risk", "\u2013 not given"]]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"column": "price"}, "is not a column"),
        ({"column": [f"tag:{each}" for each in range(13)]}, "names 13 columns"),
        ({"before": "0"}, "is not a place in this list"),
        ({"before": "-1"}, "is not a place in this list"),
        ({"before": "9" * 40}, "is not a place in this list"),
        ({"before": "٣"}, "is not a place in this list"),
    ],
)
def test_a_bad_query_is_answered_in_words(
    reader: httpx2.Client, version: Callable[..., int], name: str, query: dict[str, str], said: str
) -> None:
    version()
    answer = reader.get(f"/models/{name}", params=query)
    assert answer.status_code == 422
    assert said in main_text(answer)


def test_earlier_versions_are_one_page_on(
    served: Served, reader: httpx2.Client, version: Callable[..., int], name: str
) -> None:
    for each in range(52):
        version(f"weights {each}")
    page = read(reader.get(f"/models/{name}"))
    assert len(page.all("input", type="checkbox", name="v")) == 50
    (link,) = [each for each in page.all("a") if each.text == "Earlier versions"]
    later = read(reader.get(link.attributes["href"] or ""))
    assert [each.attributes["value"] for each in later.all("input", name="v")] == [
        f"{name}/2",
        f"{name}/1",
    ]


def test_revisions_of_the_policy_say_what_changed(
    served: Served, reader: httpx2.Client, name: str
) -> None:
    served.registry.set_policy(name, default_policy(MetricRule(metric="auc")), reason="a start")
    served.registry.set_policy(name, default_policy(MetricRule(metric="f1")), reason="f1 counts")
    page = read(reader.get(f"/models/{name}/policy"))
    second = page.one("article", **{"aria-label": "Revision 2"})
    assert "f1 counts" in second.text
    assert [each.text for each in second.all("del")] == [
        "the headline metric is auc, higher is better"
    ]
    assert [each.text for each in second.all("ins")] == [
        "the headline metric is f1, higher is better"
    ]


def test_a_model_that_may_not_be_read_is_nowhere(
    served: Served, version: Callable[..., int], name: str
) -> None:
    version()
    stranger = served.client(Role.READER, models=("other-*",), accept="text/html")
    stranger.base_url = httpx2.URL(served.url)
    for path in (f"/models/{name}", f"/models/{name}/policy"):
        answer = stranger.get(path)
        assert answer.status_code == 403
        assert "No description" not in answer.text


@pytest.mark.parametrize("odd", ["%2F", "..%2f..", "a" * 257, "%E2%80%AEevil", "a%23b", "%00"])
def test_an_odd_name_is_answered_in_words(reader: httpx2.Client, odd: str) -> None:
    answer = reader.get(f"/models/{odd}")
    assert 400 <= answer.status_code < 500
    assert read(answer).one("h1").text


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@given(values=st.lists(NUMBERS, min_size=1))
def test_every_value_lies_on_its_scale(values: list[float]) -> None:
    scale = Scale.over(values)
    assert list(scale.ticks) == sorted(scale.ticks)
    assert len(scale.ticks) <= 8
    assert all(-1e-6 <= scale.place(each) <= 1 + 1e-6 for each in values)


@given(values=st.lists(st.none() | NUMBERS, min_size=2, max_size=30))
def test_a_trend_shows_each_known_value(values: list[float | None]) -> None:
    points = [Point(version, value) for version, value in enumerate(values, 1)]
    drawn = trend("auc", points, {1}, {2}, width=390)
    known = sum(value is not None for value in values)
    if known < 2:
        assert drawn is None
    else:
        assert drawn is not None
        assert drawn.count("<circle") == known
        assert "nan" not in drawn
        assert "inf" not in drawn


def test_a_timeline_has_a_bar_for_each_tenure_in_the_order_of_the_stages() -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    pointers = ("alias:best", "stage:candidate", "stage:production", "stage:none", "stage:staging")
    held = [
        Tenure(
            tenure_id=number,
            pointer=pointer,
            version_id=number,
            since=start + timedelta(days=number),
            until=None if number > 2 else start + timedelta(days=number, seconds=1),
            moved_by="ann",
            reason="</title><script>alert(1)</script>",
        )
        for number, pointer in enumerate(pointers, 1)
    ]
    shown = lanes(held, ["candidate", "staging", "production", "archived"])
    assert [each.label for each in shown] == ["production", "staging", "candidate", "@best"]
    links = Links({"type": "http"}, None)
    now = start + timedelta(days=9)
    drawn = timeline(shown, lambda number: links.version("churn", number), now)
    assert drawn is not None
    assert drawn.count("<rect") == 4
    assert "<script" not in drawn
    assert timeline((), str, now) is None


@pytest.mark.parametrize("policy", [open_policy(), policy_without_stages()])
def test_models_whose_policy_asks_for_nothing_have_their_pages(
    served: Served,
    reader: httpx2.Client,
    version: Callable[..., int],
    name: str,
    policy: Policy,
) -> None:
    served.registry.set_policy(name, policy)
    number = version()
    if policy.stages:
        served.registry.promote(f"{name}/{number}", "production")
        served.registry.promote(f"{name}/{version()}", "production")
        served.registry.demote(f"{name}/{number}", reason="too early")
    paths = (
        "",
        "/policy",
        *(f"/versions/{number}{each}" for each in ("", "/evidence")),
    )
    found = {path: reader.get(f"/models/{name}{path}").status_code for path in paths}
    assert found == dict.fromkeys(paths, 200)
    if policy.stages:
        assert "left production for no stage" in main_text(reader.get(f"/models/{name}"))
