"""``pedigree.connect``: a registry in this process, or over a service."""

from collections.abc import Callable
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
    deadline: float | None = None,
    settings: Settings | None = None,
) -> "RegistryContract":
    """Connect to a registry: through a service, or in this process.

    Both have the same verbs, records and errors.

    Args:
        url: ``https://…`` of a service, or ``postgresql://…``. ``PEDIGREE_API_URL`` when None; if
            that is unset, a registry in this process with the settings ``PEDIGREE_*``.
        token: The token for the service, ``pdg_…``, or ``auto``; ``PEDIGREE_TOKEN`` when None, or
            else the login of ``pedigree login``.
        timeout: The seconds that a service may take for a connection and for each chunk of an
            answer; ``PEDIGREE_API_TIMEOUT`` (60) when None.
        retries: The number of retries of a request after a lost connection or because of load;
            ``PEDIGREE_API_RETRIES`` (5) when None.
        deadline: The seconds for a request with all its retries. The client waits so long for one
            that is still in progress; ``PEDIGREE_API_DEADLINE`` (600) when None.
        settings: This process's settings; read from the environment when None.

    Raises:
        MissingDependencyError: A registry in this process needs ``pedigree-registry[registry]``.
        UnavailableError: The database or the store does not answer. A service is contacted only
            by the first verb.
    """
    settings = settings or Settings()
    url = url or settings.api_url
    if url is None or not url.startswith(_SERVICE):
        return _in_process(url, settings)
    # Only for a service: the import takes a twentieth of a second.
    from pedigree.client._attempts import Patience  # noqa: PLC0415
    from pedigree.client._connection import Connection, service_url  # noqa: PLC0415
    from pedigree.client._logins import login_of  # noqa: PLC0415
    from pedigree.client._workloads import AUTO, WorkloadToken  # noqa: PLC0415
    from pedigree.client.remote import ServiceRegistry  # noqa: PLC0415

    patience = Patience(
        settings.api_timeout if timeout is None else timeout,
        settings.api_retries if retries is None else retries,
        settings.api_deadline if deadline is None else deadline,
    )
    secret = SecretStr(token) if token else settings.token
    find_token: Callable[[], str] | None
    if secret is None:
        login = login_of(service_url(url))
        find_token = login.token if login else None
    elif secret.get_secret_value() == AUTO:
        find_token = WorkloadToken(service_url(url), settings, patience).current
    else:
        find_token = secret.get_secret_value
    return ServiceRegistry(Connection(url, find_token, patience), settings)


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
