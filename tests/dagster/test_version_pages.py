"""What Dagster shows of versions links to their pages: versions, checks, stages and promotions."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from pedigree.dagster.version_pages import page_of
from pedigree.registry import Registry
from pedigree.settings import Settings
from tests.dagster.location import CHURN, PRODUCTION, STAGING, Location
from tests.factories import register_candidate

URL = "https://registry.example.com/pedigree"
PAGE = "pedigree/page"


def link(number: int) -> dg.MetadataValue[Any]:
    return dg.MetadataValue.url(f"{URL}/models/churn/versions/{number}")


@pytest.fixture
def with_pages(monkeypatch: pytest.MonkeyPatch, location: Location) -> Location:
    monkeypatch.setenv("PEDIGREE_URL", f"{URL}/")
    return location


def shown(location: Location, key: dg.AssetKey) -> dict[str, Any]:
    """The metadata of the newest materialization of an asset."""
    event = location.instance.get_latest_materialization_event(key)
    assert event is not None
    assert event.asset_materialization is not None
    return dict(event.asset_materialization.metadata)


def evaluations(location: Location, *names: str) -> list[dict[str, Any]]:
    """The metadata of all evaluations of some checks of the model."""
    storage = location.instance.event_log_storage
    found = [
        record.evaluation
        for name in names
        for record in storage.get_asset_check_execution_history(
            dg.AssetCheckKey(CHURN.key, name), limit=10
        )
    ]
    assert all(found)
    return [dict(each.metadata) for each in found if each]


CHECKS = ("metadata_complete", "signature_compatible", "artifact_intact")


def test_a_training_its_checks_and_its_promotion_link_to_the_page(with_pages: Location) -> None:
    location = with_pages
    location.train("one")
    assert shown(location, CHURN.key)[PAGE] == link(1)
    found = evaluations(location, *CHECKS)
    assert len(found) == len(CHECKS)
    assert all(each[PAGE] == link(1) for each in found)
    answer = location.tick("pedigree_promotion", remember=False)
    tags = [request.tags for request in answer.run_requests]  # type: ignore[attr-defined]
    assert [each[PAGE] for each in tags] == [f"{URL}/models/churn/versions/1"]
    assert location.promote() == ["staging"]
    assert location.promote() == ["production"]
    for key in (STAGING, PRODUCTION):
        assert shown(location, key)[PAGE] == link(1)


def test_what_happened_elsewhere_links_to_the_page(with_pages: Location, tmp_path: Path) -> None:
    location = with_pages
    pedigree = registry_of(location)
    register_candidate(pedigree, tmp_path, "one")
    pedigree.promote("churn/1", "staging")
    assert location.mirror() == [("churn", "1"), ("staging", "1")]
    for key in (CHURN.key, STAGING):
        assert shown(location, key)[PAGE] == link(1)
    location.instance.wipe_assets([CHURN.key, STAGING])
    for _ in range(3):  # it reports what the graph lacks at two consecutive ticks
        location.mirror()
    for key in (CHURN.key, STAGING):
        assert shown(location, key)[PAGE] == link(1)


def test_a_check_that_runs_again_links_to_the_page_of_its_own_version(
    with_pages: Location, dagster_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    location = with_pages
    location.train("one")
    location.train("two")
    monkeypatch.chdir(tmp_path)  # without a dagster.yaml
    registry_of(location).rerun_check("churn/1", "card_complete")
    (found,) = evaluations(location, "card_complete")
    assert found[PAGE] == link(1)


def test_without_an_address_nothing_has_a_link(
    location: Location, pedigree: Registry, tmp_path: Path
) -> None:
    assert pedigree.settings.url is None
    location.train("one")
    tags = [
        request.tags
        for request in location.tick("pedigree_promotion", remember=False).run_requests  # type: ignore[attr-defined]
    ]
    assert tags
    assert location.promote() == ["staging"]
    register_candidate(pedigree, tmp_path, "two")
    location.mirror()
    found = [*evaluations(location, *CHECKS), *tags]
    found += [shown(location, key) for key in (CHURN.key, STAGING)]
    assert not any(PAGE in each for each in found)


def registry_of(location: Location) -> Registry:
    """The registry as the resources of the location open it."""
    resource: Any = location.resources["registry"]
    opened: Registry = resource.connect()
    return opened


def test_names_in_links_are_quoted() -> None:
    settings = Settings(url="https://registry.example.com")
    assert page_of("a/b #ü/12", settings) == (
        "https://registry.example.com/models/a%2Fb%20%23%C3%BC/versions/12"
    )
