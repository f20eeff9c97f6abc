"""What differs between deployments."""

from dataclasses import dataclass

import dagster as dg

from pedigree.dagster import RegistryResource


@dataclass(frozen=True)
class Wiring:
    """Where the registry is, and where the assets' own data is kept."""

    registry: RegistryResource
    data: dg.ConfigurableIOManagerFactory[dg.IOManager]
