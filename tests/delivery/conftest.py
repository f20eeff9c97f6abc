"""A registry that may send to this machine."""

import pytest

from pedigree.registry import Registry
from tests.factories import with_secret_key
from tests.receiving import LOOPBACK


@pytest.fixture
def telling(registry: Registry) -> Registry:
    """A registry with a key for secrets, which may send to this machine."""
    return with_secret_key(registry, webhook_networks=LOOPBACK)


def hurry(registry: Registry) -> None:
    """Let what waits to be tried again be due, and leases end."""
    registry.database.transaction(
        lambda transaction: transaction.execute(
            "UPDATE pedigree.webhook_line SET due_at = clock_timestamp() WHERE due_at IS NOT NULL"
        )
    )
