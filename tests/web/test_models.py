"""The front page says what is true of all models, and answers every question asked of it."""

from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx2
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from pedigree.access.records import Role
from pedigree.errors import InvalidInputError
from pedigree.lifecycle.records import MetricRule
from pedigree.lineage.staleness import InputNow
from pedigree.monitoring.profile import profile
from pedigree.server.web.model_lists import ListQuestion, is_filter
from pedigree.server.web.pictures.sparkline import sparkline
from pedigree.settings import Settings
from tests.databases import Databases
from tests.factories import free_policy, register
from tests.lifecycle.deciding import policy_of
from tests.lineage.graphs import graph, node
from tests.server.conftest import Served, serving
from tests.web.reading import Element, main_text, read

AGES = pd.DataFrame({"age": [20.0, 30.0, 40.0, 50.0] * 50})


def visitor(served: Served, *roles: Role, models: tuple[str, ...] = ()) -> httpx2.Client:
    client = served.client(*roles, models=models, accept="text/html")
    client.base_url = httpx2.URL(served.url)
    return client


@pytest.fixture(scope="module")
def reader(served: Served) -> httpx2.Client:
    return visitor(served, Role.READER)


@pytest.fixture
def empty(databases: Databases, tmp_path: Path) -> Iterator[Served]:
    """A service over a registry without models."""
    with databases.lend() as make:
        known = Settings(home=tmp_path / "home", database_url=make(), actor="tester")
        with serving(known) as served:
            yield served


def row_of(page: Element, name: str) -> Element:
    """The line of a model in the list."""
    (found,) = [
        row
        for row in page.all("tr")
        if any(link.text == name for link in row.all("a", class_="name"))
    ]
    return found


def ask(client: httpx2.Client, **query: object) -> Element:
    answer = client.get("/", params=query)
    assert answer.status_code == 200, answer.text
    return read(answer)


def choices(page: Element) -> dict[str, dict[str, tuple[str, str]]]:
    """The facets by title, each with its values: their count as said, and their link."""
    found = {}
    for section in page.one("div", class_="facets").all("section"):
        links = [(each.all("span"), each.attributes["href"] or "") for each in section.all("a")]
        found[section.one("h2").text] = {
            spans[0].text: (spans[1].text, href) for spans, href in links if len(spans) > 1
        }
    return found


def test_a_registry_without_models_shows_the_quick_start(empty: Served) -> None:
    text = main_text(visitor(empty, Role.CONTRIBUTOR).get("/"))
    assert "No model is registered yet." in text
    assert "pedigree up -f definitions.py" in text
    assert "pedigree register my_model model.joblib --flavor joblib" in text
    assert "Quick start" not in main_text(visitor(empty, Role.READER).get("/"))
    empty.registry.create_model("churn")
    hidden = main_text(visitor(empty, Role.READER, models=("fraud",)).get("/"))
    assert "There is no model that you may read." in hidden


def test_a_model_is_one_line_that_says_how_it_is(
    served: Served, reader: httpx2.Client, version: Callable[..., int], name: str
) -> None:
    rule = MetricRule(metric="auc")
    served.registry.create_model(
        name, description="Who <leaves>", owners=["ann@example.com", "bob"], tags={"team": "growth"}
    )
    served.registry.set_policy(name, free_policy().model_copy(update={"champion_metric": rule}))
    for content, auc in (("a", 0.81234), ("b", 0.9)):
        version(content, metrics={"auc": auc})
    served.registry.promote(f"{name}/1", "production")
    served.registry.promote(f"{name}/2", "candidate")
    row = row_of(ask(reader, q=name), name)
    assert "Who <leaves>" in row.text
    assert "v1 for a moment" in row.text
    assert "0.8123 auc" in row.text
    assert "v2 candidate a moment ago" in row.text
    assert "ann and 1 growth" in row.text
    picture = row.one("svg", class_="spark")
    assert picture.attributes["aria-label"] == "auc of the last versions: 0.8123, 0.9000"
    assert [link.attributes["href"] for link in row.all("a")] == [
        f"/models/{name}",
        f"/models/{name}/versions/1",
        f"/models/{name}/versions/2",
    ]


def test_what_is_not_there_is_said(served: Served, reader: httpx2.Client, name: str) -> None:
    served.registry.create_model(name)
    text = row_of(ask(reader, q=name), name).text
    for said in ("No description", "nothing", "no headline metric", "no trend", "no version"):
        assert said in text, said
    assert "nothing waits" in text
    assert "nobody no team" in text


def test_a_metric_that_the_version_lacks_is_not_known(
    served: Served, reader: httpx2.Client, version: Callable[..., int], name: str
) -> None:
    served.registry.create_model(name)
    rule = MetricRule(metric="auc")
    served.registry.set_policy(name, free_policy().model_copy(update={"champion_metric": rule}))
    version("a", metrics={"f1": 0.9})
    assert "not known auc" in row_of(ask(reader, q=name), name).text


def test_what_needs_attention_is_said_with_its_time_and_leads_to_it(
    served: Served,
    reader: httpx2.Client,
    version: Callable[..., int],
    name: str,
) -> None:
    registry = served.registry
    registry.create_model(name)
    registry.set_policy(name, free_policy())
    version("a", lineage=graph(node(1, "customers", name)))
    registry.promote(f"{name}/1", "production")
    behind = InputNow(data_version="new", data_behind=1, code_behind=0)
    registry.operations.staleness.keep_staleness(f"{name}/1", {("customers", name): behind})
    registry.keep_profile(f"{name}/1", profile(AGES))
    registry.measure_drift(f"{name}/1", AGES.assign(age=AGES["age"] + 40), asset="customers")
    registry.quarantine_version(f"{name}/1", reason="wrong labels")
    other = f"{name}-other"
    registry.create_model(other)
    registry.set_policy(other, policy_of())
    reference = register(registry, served.registry.settings.home_folder / "in", "b", other)
    registry.request_stage(reference, "candidate")

    text = row_of(ask(reader, q=name), name).text
    assert "v1 in quarantine" in text
    assert "stale, seen a moment ago" in text
    assert "drifted, seen a moment ago" in text
    waits = row_of(ask(reader, q=other), other)
    assert "v1 waits" in waits.text
    (request,) = registry.stage_requests(other)
    assert f"/approvals/{request.request_id}" in [
        link.attributes["href"] for link in waits.all("a")
    ]
    strip = ask(reader).one("p", class_="attn")
    for reason, listed in (
        ("waiting", other),
        ("stale", name),
        ("drifted", name),
        ("quarantined", name),
        ("no_production", other),
    ):
        link = f"/?attention={reason}"
        assert link in [each.attributes["href"] for each in strip.all("a")]
        names = [each.text for each in read(reader.get(link)).all("a", class_="name")]
        assert listed in names, reason


def test_choices_narrow_down_and_can_be_taken_away(
    served: Served, reader: httpx2.Client, name: str
) -> None:
    for number, team in enumerate(("risk", "risk", "growth")):
        owners = ["ann"] if number else ["bob"]
        served.registry.create_model(f"{name}-{number}", tags={"team": team}, owners=owners)
    page = ask(reader, q=name)
    assert page.one("p", role="status").text == "3 models fit."
    said, link = choices(page)["Team"]["risk"]
    assert (said, parse_qs(urlsplit(link).query)) == ("2", {"q": [name], "team": ["risk"]})
    narrow = read(reader.get(link))
    assert [each.text for each in narrow.all("a", class_="name")] == [f"{name}-0", f"{name}-1"]
    assert {value: said for value, (said, _) in choices(narrow)["Owner"].items()} == {
        "ann": "1",
        "bob": "1",
    }
    assert choices(narrow)["Team"]["growth"][0] == "1"
    said, link = choices(narrow)["Team"]["risk"]
    assert said == "2 ✕, chosen: take away"
    assert parse_qs(urlsplit(link).query) == {"q": [name]}
    assert narrow.one("a", **{"aria-current": "true", "href": link}).text.startswith("risk")
    kept = {each.attributes["name"]: each.attributes["value"] for each in narrow.all("input")}
    assert kept == {"q": name, "team": "risk"}


def test_a_choice_that_nothing_has_is_shown_and_can_be_taken_away(
    served: Served, reader: httpx2.Client, name: str
) -> None:
    served.registry.create_model(name)  # an empty registry has no choices
    page = ask(reader, team="unheard of")
    assert "No model fits" in page.one("main").text
    assert choices(page)["Team"]["unheard of"] == ("0 ✕, chosen: take away", "/")


def test_the_list_goes_on_and_keeps_its_order(
    served: Served, reader: httpx2.Client, name: str
) -> None:
    for number in range(60):
        served.registry.create_model(f"{name}-{number:02}")
    page = ask(reader, q=name, sort="newest")
    assert len(page.all("a", class_="name")) == 50
    assert page.all("a", class_="name")[0].text == f"{name}-59"
    (link,) = page.all("a", rel="next")
    following = read(reader.get(link.attributes["href"] or ""))
    assert [each.text for each in following.all("a", class_="name")][-1] == f"{name}-00"
    assert not following.all("a", rel="next")
    current = [
        each.text
        for each in following.one("p", class_="sorts").all("a")
        if each.has(**{"aria-current": "true"})
    ]
    assert current == ["newest"]


def test_a_filter_lists_the_versions_that_it_finds(
    reader: httpx2.Client, version: Callable[..., int], name: str
) -> None:
    for content, auc in (("a", 0.5), ("b", 0.9), ("c", 0.95)):
        version(content, metrics={"auc": auc, "e": 1, "f": 2, "g": 3})
    page = ask(reader, q=f"name = '{name}' AND metrics.auc > 0.8")
    assert [each.text for each in page.all("a", class_="name")] == [f"{name} v3", f"{name} v2"]
    assert "auc 0.9500 · e 1.0000 · f 2.0000 and 1 more" in page.one("main").text
    assert page.one("p", role="status").text == "2 versions."
    alternate = page.one("link", rel="alternate").attributes["href"] or ""
    assert alternate.startswith("/api/v1/search?filter=name")
    none = ask(reader, q=f"name = '{name}' AND metrics.auc > 2")
    assert "No version fits" in none.one("main").text


def test_choices_of_models_are_not_silently_left_out_of_a_filter(reader: httpx2.Client) -> None:
    text = ask(reader, q="metrics.auc > 0", team="risk").one("main").text
    assert "The choice “Team: risk” is for lists of models." in text


def test_an_unreadable_filter_shows_the_place_the_remedy_and_filters_that_work(
    reader: httpx2.Client,
) -> None:
    answer = reader.get("/", params={"q": "metrics.auc >> 0.9"})
    assert answer.status_code == 422
    page = read(answer)
    assert "a value is missing, at character 14" in page.one("main").text
    shown = "".join(each for each in page.one("pre").children if isinstance(each, str))
    text, mark = shown.splitlines()
    assert text[mark.index("^")] == ">"
    assert text.strip() == "metrics.auc >> 0.9"
    assert "Allowed here: 'text', a number, true, false." in page.one("main").text
    assert page.one("input", id="find").attributes["value"] == "metrics.auc >> 0.9"
    examples = page.one("div", class_="empty").one("ul").all("a")
    assert len(examples) == 3
    for example in examples:
        assert reader.get(example.attributes["href"] or "").status_code == 200


BAD = {
    "an order that is none": ({"sort": "color"}, "sort is none of its values (it is color)"),
    "a facet that is none": ({"color": "red"}, "color is not a choice of this list"),
    "an attention that is none": ({"attention": "x"}, "attention is none of its values"),
    "a risk class that is none": ({"risk_class": "x"}, "Give one of minimal, limited, high"),
    "a facet to unfold that is none": ({"unfold": "x"}, "unfold is none of its values"),
    "a facet twice": ({"team": ["a", "b"]}, "team is there twice"),
    "a cursor of nothing": ({"after": "x"}, "belongs to another list"),
    "a cursor of a filter": ({"q": "metrics.auc > 0", "after": "x"}, "belongs to another filter"),
    "many words": ({"q": "x" * 1_001}, "has 1,001 characters"),
    "a long filter": ({"q": "metrics.auc > 0 " + "x" * 8_000}, "has 8,016 characters"),
    "a long choice": ({"team": "x" * 1_001}, "has 1,001 characters"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_has_an_answer_that_a_person_understands(
    reader: httpx2.Client, what: str
) -> None:
    query, said = BAD[what]
    answer = reader.get("/", params=query)
    assert answer.status_code == 422
    text = main_text(answer)
    assert said in text
    assert "Filters that work" in text


def test_a_filter_of_60_kilobytes_is_refused_as_a_page(reader: httpx2.Client) -> None:
    answer = reader.get("/", params={"q": "x" * 60_000 + "=1"})
    assert answer.status_code == 422
    assert "has 60,002 characters" in main_text(answer)


def test_a_longer_address_is_refused_before_it_is_read(served: Served) -> None:
    connection = HTTPConnection(served.url.removeprefix("http://"))
    connection.request("GET", "/?q=" + "x" * 70_000, headers={"Accept": "text/html"})
    assert connection.getresponse().status in (400, 414, 431)
    connection.close()


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", '"><img src=x>', "\u202eevil", "%_\\"]
)
def test_what_was_typed_is_text(
    served: Served, reader: httpx2.Client, name: str, text: str
) -> None:
    served.registry.create_model(name)  # an empty registry has no search
    answer = reader.get("/", params={"q": text})
    assert answer.status_code in (200, 422)
    page = read(answer)
    assert not page.all("img")
    assert page.one("input", id="find").attributes["value"] == text


def test_a_model_that_may_not_be_read_is_in_no_list_count_or_facet(
    served: Served, name: str, version: Callable[..., int]
) -> None:
    secret = f"team-{uuid4().hex[:8]}"
    served.registry.create_model(name, tags={"team": secret}, owners=[secret])
    served.registry.create_model(f"own-{name}", tags={"team": "risk"})
    version(metrics={secret: 1.0})
    limited = visitor(served, Role.READER, models=(f"own-{name}",))
    for query in ({}, {"q": name}, {"sort": "newest"}, {"q": f"name = '{name}'"}):
        page = read(limited.get("/", params=query))
        text = page.one("main").text
        assert "1 model, 0 versions" in text
        assert secret not in text
        assert [each.text for each in page.all("a", class_="name")] in ([f"own-{name}"], [])
    assert "No model fits" in main_text(limited.get("/", params={"team": secret}))
    assert limited.get("/", params={"q": f'metrics."{secret}" > 0'}).status_code == 200


def test_every_link_of_the_page_leads_somewhere_or_to_another_part(reader: httpx2.Client) -> None:
    for link in read(reader.get("/")).one("main").all("a"):
        href = link.attributes["href"] or ""
        if href.startswith("/?") or href == "/":
            assert reader.get(href).status_code == 200, href


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("metrics.auc>0.9", True),
        ("name LIKE 'churn%'", True),
        ("text match 'weekly'", True),
        ("stage in ('staging')", True),
        ("description IS NOT NULL", True),
        ("churn model in production", False),
        ("what is this like", False),
        ("", False),
    ],
)
def test_a_comparison_makes_a_filter(text: str, expected: bool) -> None:
    assert is_filter(text) is expected


def test_a_url_says_the_whole_question() -> None:
    query = {"q": "churn", "team": "risk", "attention": "stale", "sort": "newest"}
    asked = ListQuestion.of(QueryParams(query))
    assert {name: value for name, value in asked.query().items() if value} == query
    with pytest.raises(InvalidInputError, match="color"):
        ListQuestion.of(QueryParams({"color": "red"}))


FLOATS = st.floats(allow_nan=False, allow_infinity=False)


@given(values=st.lists(st.none() | FLOATS, max_size=12))
def test_a_sparkline_stays_in_its_box_and_ends_at_the_last_known_value(
    values: list[float | None],
) -> None:
    picture = sparkline("auc <b>", values)
    known = [each for each in values if each is not None]
    if len(known) < 2:
        assert picture is None
        return
    assert picture is not None
    assert "auc &lt;b&gt; of the last versions: " in picture
    line = picture.partition('points="')[2].partition('"')[0]
    points = [tuple(map(float, each.split(","))) for each in line.split()]
    assert len(points) == len(known)
    assert all(0 <= x <= 96 and 0 <= y <= 24 for x, y in points)
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    heights = [y for _, y in points]
    assert heights[known.index(max(known))] == min(heights)
    assert heights[known.index(min(known))] == max(heights)
