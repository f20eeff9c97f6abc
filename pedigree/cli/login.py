"""``pedigree login | logout | whoami``: be somebody at a service, without a secret to keep."""

from typing import TYPE_CHECKING, Annotated

import typer

from pedigree.cli._input import JsonFlag
from pedigree.cli._output import respond, when
from pedigree.cli._session import SERVICE, open_registry
from pedigree.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pedigree.access.records import Whoami

UrlArgument = Annotated[
    str | None,
    typer.Argument(metavar="URL", help="The service; that of --url if left out."),
]


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    for command in (login, logout, whoami):
        app.command(command.__name__, rich_help_panel="Operate")(command)


def login(
    url: UrlArgument = None,
    device: Annotated[
        bool, typer.Option("--device", help="Show a code to enter in a browser elsewhere.")
    ] = False,
    provider: Annotated[
        str | None, typer.Option("--provider", help="The provider, if the service has several.")
    ] = None,
    audience: Annotated[
        str | None,
        typer.Option(
            "--audience", help="The audience of its tokens, if it is not the URL of the service."
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Log in to a service with its OIDC provider; later commands there need no token."""
    from pedigree.client.connect import connect
    from pedigree.client.login import log_in
    from pedigree.settings import Settings

    service = _service(url)
    place = log_in(
        service,
        provider=provider,
        audience=audience,
        open_page=None if device else _browser(),
        show_code=lambda page, code: typer.echo(f"Open {page} and enter {code}", err=True),
    )
    # A token of the environment would be used instead of the login.
    settings = Settings().model_copy(update={"token": None})
    with connect(service, settings=settings) as registry:
        found = registry.whoami()
    said = f"Logged in to {service} as {found.principal}. The login is kept in {place}."
    respond(found, as_json, lambda: said)


def logout(url: UrlArgument = None, as_json: JsonFlag = False) -> None:
    """Revoke the login at the provider and forget it."""
    from pedigree.client.login import log_out

    service = _service(url)
    revoked = log_out(service)
    messages = {
        None: f"Nobody was logged in to {service}.",
        True: f"Logged out of {service}.",
        False: f"Logged out of {service}. The provider cannot revoke: its token ends by itself.",
    }
    respond({"service": service, "revoked": revoked}, as_json, lambda: messages[revoked])


def whoami(as_json: JsonFlag = False) -> None:
    """Show who you are to the registry: name, roles and when they were seen, models, until when."""
    with open_registry() as registry:
        found = registry.whoami()
    respond(found, as_json, lambda: _lines(found))


def _lines(found: "Whoami") -> str:
    rights = ", ".join(found.roles) or ", ".join(found.permissions)
    lines = [
        f"{found.principal} ({found.source})",
        f"roles   {rights}",
        f"models  {', '.join(found.models) or 'all'}",
        f"until   {when(found.expires_at)}",
    ]
    for seen in found.last_seen:
        words = ", ".join((*seen.roles, *(f"group:{group}" for group in seen.groups)))
        lines.append(f"seen    {words} by {seen.issuer}: {when(seen.seen_at)}")
    return "\n".join(lines)


def _service(url: str | None) -> str:
    found = url or SERVICE.get()
    if found is None:
        raise InvalidInputError(
            "is missing", field="URL", remedy="Write `pedigree login https://registry.example.com`"
        )
    return found


def _browser() -> "Callable[[str], object] | None":
    """Return what opens a page in a browser of this machine; None if there is none."""
    import webbrowser

    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return None

    def open_page(url: str) -> None:
        typer.echo(f"If no page opens, open {url}", err=True)
        browser.open(url)

    return open_page
