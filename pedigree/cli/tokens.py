"""``pedigree token create | list | revoke``: who may use the service."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from pedigree.cli._input import JsonFlag, LimitOption, read_length
from pedigree.cli._lists import page_of, respond_list
from pedigree.cli._output import respond, table, when
from pedigree.cli._session import open_registry
from pedigree.errors import InvalidInputError

if TYPE_CHECKING:
    from datetime import timedelta

    from pedigree.access.records import AccessToken

_PAGE = 1000


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = typer.Typer(help="Create, list and revoke tokens of the service.", no_args_is_help=True)
    group.command("create")(create)
    group.command("list")(list_tokens)
    group.command("revoke")(revoke)
    app.add_typer(group, name="token", rich_help_panel="Operate")


def create(
    principal: Annotated[
        str,
        typer.Argument(metavar="NAME", help="Who uses it: ci@churn.", show_default=False),
    ],
    role: Annotated[
        list[str] | None,
        typer.Option(
            "--role",
            help="A role; repeatable. Without one, what NAME is granted.",
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", help="Only this model, or models like churn*; repeatable."),
    ] = None,
    expires: Annotated[
        str, typer.Option("--expires", help="How long it is valid: 90d, 12h; or never.")
    ] = "90d",
    as_json: JsonFlag = False,
) -> None:
    """Create a token and show its secret, once."""
    roles, holds = role or (), _duration(expires)
    with open_registry() as registry:
        issued = registry.create_token(principal, roles=roles, models=model or (), expires=holds)

    def view() -> Iterator[object]:
        yield issued.secret
        yield f"Token {issued.token.token_id} of {principal}. Keep it: it is not shown again."

    respond(issued, as_json, view)


def list_tokens(
    limit: LimitOption = _PAGE,
    after: Annotated[int, typer.Option(help="The last id of the previous page.")] = 0,
    as_json: JsonFlag = False,
) -> None:
    """List tokens, also revoked and expired ones, without secrets."""
    with open_registry() as registry:
        found = page_of(
            lambda most: registry.tokens(limit=most, after=after),
            limit,
            lambda one: one.token_id,
        )

    def view() -> object:
        columns = ("id#", "principal", "roles", "models", "expires", "revoked")
        rows = (
            (
                str(token.token_id),
                token.principal,
                ", ".join(token.roles) or "as granted",
                ", ".join(token.models) or "all",
                when(token.expires_at),
                when(token.revoked_at),
            )
            for token in found.items
        )
        return table(columns, rows)

    respond_list(found, as_json, view)


def revoke(
    token_id: Annotated[
        int, typer.Argument(metavar="ID", help="`token list` shows it.", show_default=False)
    ],
    as_json: JsonFlag = False,
) -> None:
    """Revoke a token permanently; the service refuses it within a second."""
    with open_registry() as registry:
        token: AccessToken = registry.revoke_token(token_id)
    respond(token, as_json, lambda: f"Token {token.token_id} of {token.principal} is revoked.")


def _duration(text: str) -> "timedelta | None":
    if text == "never":
        return None
    read = read_length("--expires", text)
    if not read:
        raise InvalidInputError(
            "must be more than zero", field="--expires", value=text, remedy="Write 90d or never"
        )
    return read
