"""The owner of an embedded registry, who may do what the application's role may not."""

from pedigree import Registry
from pedigree.postgres import Database


def owner_of(registry: Registry) -> Database:
    """Return the registry's database as its owner reaches it; it closes with the process."""
    server = registry.database.server
    return registry.database if server is None else Database.embedded(server)
