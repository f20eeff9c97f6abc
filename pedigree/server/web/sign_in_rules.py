"""Where somebody may sign in, and where their issuer leads back to."""

from starlette.requests import Request

from pedigree.errors import NotPermittedError
from pedigree.server.http.credentials import is_local
from pedigree.server.http.proxies import Proxies, public_path
from pedigree.server.web.links import SIGN_IN_CALLBACK


def require_guarded(request: Request) -> None:
    """Require that nobody on the way can read what signs somebody in.

    Raises:
        NotPermittedError: The request came by plain HTTP from elsewhere than this machine.
    """
    proxies: Proxies = request.app.state.proxies
    if not is_local(request) and not proxies.came_by_tls(request.scope):
        raise NotPermittedError(
            "nobody signs in over plain HTTP, which others on the way can read",
            field="scheme",
            value="http",
            remedy="Open the page by https://. A proxy in front of the service says so by"
            " X-Forwarded-Proto, from an address of PEDIGREE_SERVE_PROXIES",
        )


def callback_of(request: Request) -> str:
    """Return the address of this service to which an issuer leads back.

    Raises:
        NotPermittedError: The service does not know its own address.
    """
    path = public_path(request.scope, SIGN_IN_CALLBACK)
    if is_local(request):
        return f"http://{request.headers['host']}{path}"
    url: str | None = request.app.state.registry.settings.url
    if url is None:
        raise NotPermittedError(
            "the service does not know its own address, to which an issuer would lead back",
            field="PEDIGREE_URL",
            remedy="Set PEDIGREE_URL to the address of the page",
        )
    return f"{url.rstrip('/')}{SIGN_IN_CALLBACK}"
