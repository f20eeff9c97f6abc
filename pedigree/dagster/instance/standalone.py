"""The registry as a code location, which ``pedigree up`` loads if there is no other.

It contains the stages of every registered model at load time; reload it to see new models. Its
sensors are switched off, so that opening the web page promotes nothing.
"""

import dagster as dg

from pedigree.dagster.assets.definitions import registry_definitions
from pedigree.registry import Registry


@dg.definitions
def definitions() -> dg.Definitions:
    """Return the stages of all registered models."""
    with Registry.connect() as registry:
        names = [model.name for model in registry.each_model()]
    return registry_definitions(*names, running=False)
