"""The differences between deployments."""

from dataclasses import dataclass

import dagster as dg

from pedigree.dagster import RegistryResource


@dataclass(frozen=True)
class Wiring:
    """The locations of the registry and of the assets' own data."""

    registry: RegistryResource
    data: dg.ConfigurableIOManagerFactory[dg.IOManager]
