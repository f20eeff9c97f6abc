"""Every page, and every answer of the API, of a version without a digest."""

from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from pedigree.access.records import Role
from pedigree.catalog.records import ModelVersion
from pedigree.registry import Registry
from tests.factories import artifact, free_policy, new_version
from tests.server.conftest import Served
from tests.unsealed import by_reference, create, failed
from tests.web.reading import read

Make = Callable[[Registry, str], ModelVersion]
PAGES = (
    "/models/{name}",
    "/models/{name}?compare=1&compare=2",
    "/models/{name}/versions/1",
    "/models/{name}/versions/1/evidence",
    "/models/{name}/versions/1/history",
    "/models/{name}/versions/1/checks/artifact_intact",
    "/compare?v={name}/1&v={name}/2",
    "/compare?v={name}/1&v={name}/3",
    "/activity",
    "/impact",
    "/approvals",
    "/drift",
    "/audit",
)
ANSWERS = (
    "/models/{name}/versions/1",
    "/models/{name}/versions",
    "/models/{name}/versions/1/trainings",
    "/models/{name}/versions/1/lineage",
    "/models/{name}/versions/1/card",
    "/models/{name}/versions/1/verdicts",
    "/models/{name}/versions/1/approvals",
    "/models/{name}/versions/1/staleness",
    "/models/{name}/versions/1/environment",
    "/compare?a={name}/1&b={name}/2",
    "/search?filter=sealed = false",
)


@pytest.fixture(scope="module")
def reader(served: Served) -> httpx2.Client:
    client = served.client(Role.ADMIN, accept="text/html")
    client.base_url = httpx2.URL(served.url)
    return client


@pytest.fixture(params=[create, by_reference, failed])
def version(
    request: pytest.FixtureRequest, served: Served, name: str, tmp_path: Path
) -> ModelVersion:
    """The first version of a model, of which the second one is sealed and the third is not."""
    make: Make = request.param
    made = make(served.registry, name)
    served.registry.register(name, artifact(tmp_path / "a"), new_version())
    by_reference(served.registry, name, run_id="r-1", metrics={"auc": 0.9})
    return made


@pytest.mark.parametrize("path", PAGES)
def test_each_page_is_there(
    reader: httpx2.Client, version: ModelVersion, name: str, path: str
) -> None:
    answer = reader.get(path.format(name=name))
    assert answer.status_code == 200, (version.state, answer.text)


@pytest.mark.parametrize("path", ANSWERS)
def test_each_answer_of_the_api_is_there(
    served: Served, version: ModelVersion, name: str, path: str
) -> None:
    answer = served.client(Role.READER).get(path.format(name=name))
    assert answer.status_code == 200, (version.state, answer.text)


def test_the_page_says_the_state_and_why(
    reader: httpx2.Client, version: ModelVersion, name: str
) -> None:
    page = read(reader.get(f"/models/{name}/versions/1"))
    assert version.state.value in page.one("div", class_="head").text
    assert version.why_unsealed is not None
    for part in ("files", "use"):
        assert version.why_unsealed in page.one("section", id=part).text
    assert "Not known" in page.one("section", id="signature").text
    card = reader.get(f"/models/{name}/versions/1/evidence")
    assert version.why_unsealed in read(card).one("main").text


def test_files_are_refused_with_the_reason(
    served: Served, version: ModelVersion, name: str
) -> None:
    answer = served.client(Role.READER).get(f"/models/{name}/versions/1/files")
    assert answer.status_code == 409
    assert answer.json()["type"].endswith("NotSealedError")
    assert version.why_unsealed in answer.json()["detail"]


def test_the_card_and_the_exports_say_what_is_known(
    served: Served, version: ModelVersion, name: str
) -> None:
    reference = f"{name}/1"
    card = served.registry.card(reference).markdown
    assert version.why_unsealed is not None
    assert version.why_unsealed in card
    assert version.state.value in served.registry.export_lineage(reference, "prov")
    assert served.registry.export_lineage(reference, "openlineage") == "[]"
    assert served.registry.export_lineage(f"{name}/3", "openlineage") != "[]"


def test_a_stage_can_be_held_by_a_version_by_reference_alone(
    served: Served, version: ModelVersion, name: str, reader: httpx2.Client
) -> None:
    served.registry.set_policy(name, free_policy())
    moved = served.registry.promote(f"{name}/3", "production")
    assert moved.digest is None
    page = read(reader.get(f"/models/{name}/versions/3"))
    assert "production" in page.one("main").text
    assert reader.get(f"/models/{name}").status_code == 200
    assert reader.get("/models").status_code in (200, 404)
    assert version.version_id == 1
