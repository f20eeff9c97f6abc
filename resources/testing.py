"""A wiring for tests: one's own database and folders, whatever the environment says."""

from pathlib import Path

from pedigree.dagster import RegistryResource
from resources.data import DataIOManager
from resources.wiring import Wiring


def for_tests(database_url: str, folder: Path) -> Wiring:
    """Return the wiring that keeps rows in one database and everything else in one folder."""
    return Wiring(
        registry=RegistryResource(
            database_url=database_url, store_url=(folder / "store").absolute().as_uri()
        ),
        data=DataIOManager(url=(folder / "data").absolute().as_uri()),
    )
