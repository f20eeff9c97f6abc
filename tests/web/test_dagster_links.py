"""Pages lead to Dagster: to runs, assets, partitions and checks, and never to nothing."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pandas as pd
import pytest

from pedigree.access.records import Role
from pedigree.catalog.records import TrainingOrigin
from pedigree.home_lock import Running, hold
from pedigree.lifecycle.records import Verdict
from pedigree.monitoring.profile import profile
from pedigree.registry import Registry
from pedigree.server.web.links import Links
from pedigree.settings import Settings
from tests.factories import register
from tests.lineage.graphs import graph, node
from tests.server.conftest import Served, serving
from tests.web.reading import read

UI = "https://dagster.example.com"
RECORDED = "http://127.0.0.1:3999"
RUN = "0b4c7a52-9f0e-4a4e-8b60-0d9a3f3f5f11"
PERSON = {"Accept": "text/html"}
PAGES = (
    *("/", "/models/churn", "/models/churn/versions/1", "/models/churn/versions/2"),
    *("/models/churn/versions/1/checks/fairness", "/impact?asset=customers&partition=May"),
    *("/drift?version=churn/1", "/compare?v=churn/1&v=churn/2", "/admin/quarantines"),
)


def fill(registry: Registry, folder: Path) -> None:
    """Versions with a run, an asset, partitions, a check, drift and a quarantine."""
    first = graph(node(1, "customers", "May"))
    origin = TrainingOrigin(asset="models/churn", partition="2026-05")
    register(registry, folder, "a", run_id=RUN, lineage=first, origin=origin)
    register(
        registry, folder, "b", run_id="notebook 7", lineage=graph(node(2, "customers", "June"))
    )
    version = registry.get("churn/1")
    verdict = Verdict(
        check="fairness", passed=True, digest=version.digest, summary="fair", run_id=RUN
    )
    registry.record_verdict("churn/1", verdict)
    registry.keep_profile("churn/1", profile(pd.DataFrame({"age": range(20)})))
    frame = pd.DataFrame({"age": range(9)})
    registry.measure_drift("churn/1", frame, asset="customers", partition="May")
    registry.quarantine("customers", "May", reason="doubled rows")


@pytest.fixture(scope="module")
def filled(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    with Registry.connect(settings=settings) as registry:
        fill(registry, tmp_path_factory.mktemp("filled"))
    return settings


@pytest.fixture(scope="module")
def named(filled: Settings) -> Iterator[Served]:
    """A service whose settings name the address."""
    with serving(filled.model_copy(update={"dagster_url": f"{UI}/"})) as served:
        yield served


@pytest.fixture(scope="module")
def unnamed(filled: Settings) -> Iterator[Served]:
    """A service without the setting."""
    with serving(filled) as served:
        yield served


def opened(served: Served, path: str, **headers: str) -> httpx2.Response:
    client = served.client(Role.ADMIN)
    client.base_url = httpx2.URL(served.url)
    answer = client.get(path, headers={**PERSON, **headers})
    assert answer.status_code == 200, path
    return answer


def links_of(answer: httpx2.Response) -> list[str]:
    return [each.attributes.get("href") or "" for each in read(answer).all("a")]


CUSTOMERS = f"{UI}/assets/customers"
MAY = f"{CUSTOMERS}?view=partitions&partition=May"
EXPECTED = {
    "/": (UI,),
    "/models/churn/versions/1": (
        f"{UI}/runs/{RUN}",
        f"{UI}/assets/models/churn?view=partitions&partition=2026-05",
        f"{UI}/assets/models/churn?view=checks&checkDetail=fairness",
        CUSTOMERS,
    ),
    "/models/churn/versions/1/checks/fairness": (
        f"{UI}/runs/{RUN}",
        f"{UI}/assets/models/churn?view=checks&checkDetail=fairness",
    ),
    "/impact?asset=customers&partition=May": (MAY,),
    "/drift?version=churn/1": (MAY,),
    "/compare?v=churn/1&v=churn/2": (MAY,),
    "/admin/quarantines": (MAY,),
}


@pytest.mark.parametrize(("path", "expected"), EXPECTED.items(), ids=EXPECTED)
def test_what_a_page_names_leads_to_dagster(
    named: Served, path: str, expected: tuple[str, ...]
) -> None:
    assert set(expected) <= set(links_of(opened(named, path)))


def test_a_run_that_is_none_of_dagster_leads_nowhere(named: Served) -> None:
    answer = opened(named, "/models/churn/versions/2")
    assert "notebook 7" in answer.text
    assert not any(each.startswith(f"{UI}/runs/") for each in links_of(answer))
    assert Links({"type": "http"}, UI).asset("(hidden)") is None


def test_without_an_address_there_is_no_dead_link(unnamed: Served) -> None:
    for path in PAGES:
        answer = opened(unnamed, path)
        assert "↗" not in read(answer).text, path
        for link in links_of(answer):
            assert link.startswith(("/", "?", "#", "https://", "http://")) or link == "", (
                path,
                link,
            )
            assert "None" not in link, path


def test_pages_lead_to_what_pedigree_up_serves_while_it_does(unnamed: Served) -> None:
    home = unnamed.registry.settings.home_folder

    def shown(**headers: str) -> bool:
        return RECORDED in links_of(opened(unnamed, "/", **headers))

    assert not shown()
    with hold(home) as held:
        held.tell(Running(pid=os.getpid(), url=RECORDED, loads="a test", ready=False))
        assert not shown()
        held.tell(Running(pid=os.getpid(), url=RECORDED, loads="a test", ready=True))
        assert shown()
        # The address is one of this machine, which a browser elsewhere does not reach.
        assert not shown(Host="registry.example.com")
    assert not shown()


def test_the_setting_comes_before_what_pedigree_up_serves(named: Served) -> None:
    with hold(named.registry.settings.home_folder) as held:
        held.tell(Running(pid=os.getpid(), url=RECORDED, loads="a test", ready=True))
        found = links_of(opened(named, "/", Host="registry.example.com"))
    assert UI in found
    assert RECORDED not in found
