"""The registry as a code location of its own: what ``pedigree up`` loads where there is no other.

It holds the stages of every registered model, read when the location is loaded (reload it to see
new models). Its sensors are there and switched off: whoever only looks must not promote anything.
"""

import dagster as dg

from pedigree.dagster.assets.definitions import registry_definitions
from pedigree.registry import Registry


@dg.definitions
def definitions() -> dg.Definitions:
    """Return stages for what is registered now."""
    with Registry.connect() as registry:
        names = [model.name for model in registry.each_model()]
    return registry_definitions(*names, running=False)
