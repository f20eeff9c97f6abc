"""Tell the outage of the object store from the failure of one object."""

from pedigree.artifacts.objects import ObjectStore
from pedigree.artifacts.store_health import missing
from pedigree.errors import ObjectArchivedError, StoreUnavailableError, UnavailableError
from pedigree.failures.member_loop import Probe
from pedigree.postgres.database import Database


def store_probe(database: Database, store: ObjectStore) -> Probe:
    """Return whether an error means that the whole store does not answer; it asks the store."""

    def is_outage(error: Exception) -> bool:
        if not isinstance(error, StoreUnavailableError) or isinstance(error, ObjectArchivedError):
            return False
        try:
            return missing(database, store) is not None
        except UnavailableError:
            return True

    return is_outage
