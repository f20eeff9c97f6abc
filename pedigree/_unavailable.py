"""The errors of what Pedigree depends on, such as the database, the store and the service.

``pedigree.errors`` re-exports each as itself, so that the type checker accepts it from there.
"""

from pedigree._error import MODULE, PedigreeError


class UnavailableError(PedigreeError):
    """A component that Pedigree depends on does not answer."""

    __module__ = MODULE


class DatabaseUnavailableError(UnavailableError):
    """The database is unreachable, or the connection was lost."""

    __module__ = MODULE


class DatabaseBusyError(DatabaseUnavailableError):
    """No connection or lock was free in time. Nothing was done; the call can be retried."""

    __module__ = MODULE


class SinkUnavailableError(UnavailableError):
    """A sink did not accept events. All of them are sent again."""

    __module__ = MODULE


class ServiceBusyError(UnavailableError):
    """The service handles too many requests. Nothing was done; the request can be retried."""

    __module__ = MODULE


class ProviderUnavailableError(UnavailableError):
    """No key of an OIDC provider is known yet, because the provider does not answer."""

    __module__ = MODULE


class AttestationUnavailableError(UnavailableError):
    """A witness, or an authority of time stamps, gave no valid answer. It is asked again."""

    __module__ = MODULE


class SlowRequestError(UnavailableError):
    """The request did not arrive in time. Nothing was done; the request can be retried."""


class ServiceUnavailableError(UnavailableError):
    """The service is unreachable, or a proxy in front of it fails."""

    __module__ = MODULE


class OutcomeUnknownError(ServiceUnavailableError):
    """The client gave up waiting for the answer to a write: it may be done, or may still be."""

    __module__ = MODULE


class CacheUnavailableError(UnavailableError):
    """The cache of this machine cannot be written or read: no space, or no permission."""

    __module__ = MODULE


class EmbeddedPostgresError(UnavailableError):
    """The embedded Postgres cannot be started."""

    __module__ = MODULE


class SchemaBehindError(UnavailableError):
    """The database's schema is not the one that this code needs."""

    __module__ = MODULE


class MigrationFailedError(UnavailableError):
    """The database refused a migration, which was rolled back."""

    __module__ = MODULE


class MigrationChangedError(UnavailableError):
    """An applied migration differs from the file in this code."""

    __module__ = MODULE


class StoreUnavailableError(UnavailableError):
    """The object store is unreachable, or refused a request."""

    __module__ = MODULE


class ObjectArchivedError(StoreUnavailableError):
    """The object's storage class requires that it is restored before it can be read."""

    __module__ = MODULE
