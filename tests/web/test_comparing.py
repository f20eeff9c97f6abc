"""The page of a comparison: what differs first, in words, and nothing that is not known."""

from collections.abc import Callable

import httpx2
import pytest

from pedigree.access.records import Role
from pedigree.lifecycle.policy import default_policy
from pedigree.lifecycle.records import MetricRule
from pedigree.server.web.metric_directions import MetricJudgement, directions, judged
from pedigree.signatures.records import Column, ColumnType, Signature
from tests.server.conftest import Served
from tests.web.reading import main_text, read


@pytest.fixture(scope="module")
def reader(served: Served) -> httpx2.Client:
    client = served.client(Role.READER, accept="text/html")
    client.base_url = httpx2.URL(served.url)
    return client


def phrases(answer: httpx2.Response) -> list[str]:
    return [each.text for each in read(answer).one("p", class_="sum").all("span")]


def test_words_say_what_differs_as_far_as_it_is_known(
    served: Served, reader: httpx2.Client, version: Callable[..., int], name: str
) -> None:
    served.registry.set_policy(name, default_policy(MetricRule(metric="auc")))
    version(metrics={"auc": 0.8, "cost": 3.0}, params={"depth": 3})
    version("other", metrics={"auc": 0.9, "cost": 2.0}, params={"depth": 4})
    answer = reader.get("/compare", params={"v": [f"{name}/2", f"{name}/1"]})
    assert phrases(answer) == [
        "same interface",
        "better in 1 of 2 metrics",
        "1 metric of which no policy says what is better",
        "whether the data is the same is not known",
        "same code",
    ]
    text = main_text(answer)
    assert "+0.1000 better" in text
    assert "depth 3 4" in text
    assert "The same in both: interface, packages, tags" in text
    assert ", data." not in text


def test_what_breaks_callers_is_said_first(
    reader: httpx2.Client, version: Callable[..., int], name: str
) -> None:
    version()
    narrower = Signature(
        inputs=(
            Column(name="age", type=ColumnType.DOUBLE),
            Column(name="city", type=ColumnType.STRING),
        ),
        outputs=(Column(name="score", type=ColumnType.DOUBLE),),
    )
    version("other", signature=narrower)
    answer = reader.get("/compare", params={"a": f"{name}/1", "b": f"{name}/2"})
    assert phrases(answer)[0] == "callers must change"
    assert read(answer).all("h2")[0].text == "Interface"


def test_up_to_five_are_compared_with_the_oldest(
    reader: httpx2.Client, version: Callable[..., int], name: str
) -> None:
    for each in range(6):
        version(f"weights {each}")
    chosen = [f"{name}/{number}" for number in (5, 1, 3)]
    page = read(reader.get("/compare", params={"v": chosen}))
    pairs = [[link.text for link in each.all("a")] for each in page.all("div", class_="versus")]
    assert pairs == [[f"{name}/1", f"{name}/3"], [f"{name}/1", f"{name}/5"]]
    too_many = reader.get("/compare", params={"v": [f"{name}/{each}" for each in range(1, 7)]})
    assert too_many.status_code == 422
    assert "compares at most 5" in main_text(too_many)


def test_one_version_alone_asks_for_another(reader: httpx2.Client, name: str) -> None:
    for query in ({}, {"v": f"{name}/1"}, {"v": [f"{name}/1", f"{name}/1"]}):
        assert "Choose two to five versions" in main_text(reader.get("/compare", params=query))


@pytest.mark.parametrize("reference", ["churn/0", "churn/-1", "churn/2147483648", "a/b/c", "@"])
def test_a_bad_reference_is_answered_in_words(
    reader: httpx2.Client, version: Callable[..., int], name: str, reference: str
) -> None:
    version()
    answer = reader.get("/compare", params={"v": [f"{name}/1", reference]})
    assert 400 <= answer.status_code < 500
    assert read(answer).one("h1").text


def test_a_foreign_model_is_not_compared(
    served: Served, version: Callable[..., int], name: str
) -> None:
    version(metrics={"auc": 0.123})
    version("other")
    stranger = served.client(Role.READER, models=("other-*",), accept="text/html")
    stranger.base_url = httpx2.URL(served.url)
    answer = stranger.get("/compare", params={"v": [f"{name}/1", f"{name}/2"]})
    assert answer.status_code == 403
    assert "0.1230" not in answer.text


def test_only_a_policy_says_which_way_is_better() -> None:
    policy = default_policy(MetricRule(metric="brier", higher_is_better=False))
    known = directions(policy)
    assert known == {"brier": False}
    assert judged(-0.1, known.get("brier")) is MetricJudgement.BETTER
    assert judged(0.1, known.get("brier")) is MetricJudgement.WORSE
    assert judged(0.0, known.get("auc")) is MetricJudgement.SAME
    assert judged(0.1, known.get("auc")) is MetricJudgement.UNKNOWN
    assert judged(None, True) is MetricJudgement.UNKNOWN
