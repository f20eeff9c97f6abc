"""``pedigree.connect``: a registry in this process, or behind a service."""

from typing import TYPE_CHECKING

from pydantic import SecretStr

from pedigree.distribution import requirement
from pedigree.errors import MissingDependencyError
from pedigree.settings import Settings

if TYPE_CHECKING:
    from pedigree.contract.registry import RegistryContract

_SERVICE = ("http://", "https://")


def connect(
    url: str | None = None,
    *,
    token: str | None = None,
    timeout: float | None = None,
    retries: int | None = None,
    settings: Settings | None = None,
) -> "RegistryContract":
    """Connect to a registry: one behind a service, or one in this process.

    Both have the same verbs, records and errors.

    Args:
        url: ``https://…`` of a service, or ``postgresql://…``. When None ``PEDIGREE_API_URL``;
            without that it is in this process, as ``PEDIGREE_*`` say.
        token: The service's token, ``pdg_…``; ``PEDIGREE_TOKEN`` when None.
        timeout: How many seconds a service may take for a connection and for each piece of an
            answer; ``PEDIGREE_API_TIMEOUT`` (60) when None.
        retries: How often a request is sent again after a lost connection or because of load;
            ``PEDIGREE_API_RETRIES`` (5) when None.
        settings: This process's settings; read from the environment when None.

    Raises:
        MissingDependencyError: A registry in this process needs ``pedigree-registry[registry]``.
        UnavailableError: The database or the store does not answer; a service is first asked by
            the first verb.
    """
    settings = settings or Settings()
    url = url or settings.api_url
    if url is None or not url.startswith(_SERVICE):
        return _in_process(url, settings)
    # Not for who has no service: it takes a twentieth of a second.
    from pedigree.client._connection import Connection, Patience  # noqa: PLC0415
    from pedigree.client.remote import ServiceRegistry  # noqa: PLC0415

    patience = Patience(
        settings.api_timeout if timeout is None else timeout,
        settings.api_retries if retries is None else retries,
    )
    secret = SecretStr(token) if token else settings.token
    return ServiceRegistry(Connection(url, secret, patience), settings)


def _in_process(url: str | None, settings: Settings) -> "RegistryContract":
    try:
        from pedigree.registry import Registry  # noqa: PLC0415 -- it loads the driver
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"a registry in this process needs the package {error.name}, which is not installed",
            remedy=f"Install {requirement('registry')} or {requirement('embedded')},"
            " or connect to a service",
        ) from error
    return Registry.connect(url, settings=settings)
