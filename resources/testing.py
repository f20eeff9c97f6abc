"""The wiring for tests, independent of the environment."""

from pathlib import Path

from pedigree.dagster import RegistryResource
from resources.data import DataIOManager
from resources.wiring import Wiring


def for_tests(database_url: str, folder: Path) -> Wiring:
    """Return the wiring with one database for rows and one folder for everything else."""
    return Wiring(
        registry=RegistryResource(
            database_url=database_url, store_url=(folder / "store").absolute().as_uri()
        ),
        data=DataIOManager(url=(folder / "data").absolute().as_uri()),
    )
