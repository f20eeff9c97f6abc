"""The wiring of this deployment, which the environment selects."""

import os

from resources.embedded import embedded
from resources.production import production
from resources.testing import for_tests
from resources.wiring import Wiring

__all__ = ["Wiring", "by_environment", "embedded", "for_tests", "production"]

SHARED = ("PEDIGREE_DATABASE_URL", "PEDIGREE_STORE_URL", "PEDIGREE_DATA_URL")


def by_environment() -> Wiring:
    """Return the production wiring if a shared resource is configured, or else the embedded one."""
    return production() if any(os.environ.get(name) for name in SHARED) else embedded()
