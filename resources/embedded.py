"""Everything in the home folder: Postgres, the artifacts and the assets' data."""

from pedigree.dagster import RegistryResource
from resources.data import DataIOManager
from resources.wiring import Wiring


def embedded() -> Wiring:
    """Return the wiring that needs no server, account or setting."""
    return Wiring(registry=RegistryResource(), data=DataIOManager())
