"""The address of the Dagster UI, to which pages lead."""

from starlette.requests import Request

from pedigree.errors import UnavailableError
from pedigree.home_lock import running
from pedigree.server.http.credentials import is_local
from pedigree.settings import Settings


class DagsterAddress:
    """The address that the settings name, else that of the ``pedigree up`` of the home folder.

    Args:
        settings: The settings of the process.
    """

    def __init__(self, settings: Settings) -> None:
        self._named = settings.dagster_url
        self._home = settings.home_folder

    def of(self, request: Request) -> str | None:
        """Return the address for somebody who opens a page; None without one that they reach.

        What ``pedigree up`` serves is on this machine alone.

        Args:
            request: The request of the page.
        """
        if self._named is not None or not is_local(request):
            return self._named
        try:
            found = running(self._home)
        except UnavailableError:
            return None  # the folder of another user
        return found.url if found is not None and found.ready else None
