"""``pedigree token create | list | revoke``: who may use the service."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from pedigree.cli._input import JsonFlag, LimitOption, read_length
from pedigree.cli._output import respond, table, when
from pedigree.cli._session import open_registry
from pedigree.errors import InvalidInputError

if TYPE_CHECKING:
    from datetime import timedelta

    from pedigree.access.records import AccessToken, Role

_PAGE = 1000


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = typer.Typer(help="Make, list and revoke tokens of the service.", no_args_is_help=True)
    group.command("create")(create)
    group.command("list")(list_tokens)
    group.command("revoke")(revoke)
    app.add_typer(group, name="token", rich_help_panel="Operate")


def create(
    principal: Annotated[
        str,
        typer.Argument(metavar="NAME", help="Who acts by it: ci@churn.", show_default=False),
    ],
    role: Annotated[
        list[str],
        typer.Option(
            "--role", help="reader, contributor, deployer or admin; repeatable.", show_default=False
        ),
    ],
    model: Annotated[
        list[str] | None,
        typer.Option("--model", help="Only for this model, or those like churn*; repeatable."),
    ] = None,
    expires: Annotated[
        str, typer.Option("--expires", help="How long it holds: 90d, 12h; or never.")
    ] = "90d",
    as_json: JsonFlag = False,
) -> None:
    """Make a token and show its secret, once."""
    roles, holds = [_role(word) for word in role], _duration(expires)
    with open_registry() as registry:
        issued = registry.create_token(principal, roles=roles, models=model or (), expires=holds)

    def view() -> Iterator[object]:
        yield issued.secret
        yield f"Token {issued.token.token_id} of {principal}. Keep it: it is not shown again."

    respond(issued, as_json, view)


def list_tokens(
    limit: LimitOption = _PAGE,
    after: Annotated[int, typer.Option(help="The last id of the page before.")] = 0,
    as_json: JsonFlag = False,
) -> None:
    """List tokens, also revoked and expired ones; never a secret."""
    with open_registry() as registry:
        found = registry.tokens(limit=limit, after=after)

    def view() -> object:
        columns = ("id#", "principal", "roles", "models", "expires", "revoked")
        rows = (
            (
                str(token.token_id),
                token.principal,
                ", ".join(token.roles),
                ", ".join(token.models) or "all",
                when(token.expires_at),
                when(token.revoked_at),
            )
            for token in found
        )
        return table(columns, rows)

    respond(found, as_json, view)


def revoke(
    token_id: Annotated[
        int, typer.Argument(metavar="ID", help="`token list` shows it.", show_default=False)
    ],
    as_json: JsonFlag = False,
) -> None:
    """Revoke a token for good; the service refuses it within a second."""
    with open_registry() as registry:
        token: AccessToken = registry.revoke_token(token_id)
    respond(token, as_json, lambda: f"Token {token.token_id} of {token.principal} is revoked.")


def _role(word: str) -> "Role":
    from pedigree.access.records import Role

    try:
        return Role(word)
    except ValueError as error:
        raise InvalidInputError(
            "is no role", field="--role", value=word, remedy=f"Choose of {', '.join(Role)}"
        ) from error


def _duration(text: str) -> "timedelta | None":
    if text == "never":
        return None
    read = read_length("--expires", text)
    if not read:
        raise InvalidInputError(
            "would hold for no time", field="--expires", value=text, remedy="Write 90d or never"
        )
    return read
