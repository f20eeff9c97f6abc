"""``pedigree access identities | link | unlink | …``: who is one person, and who is let in."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from pedigree.cli._audit_reading import connect
from pedigree.cli._input import JsonFlag, LimitOption
from pedigree.cli._lists import page_of, respond_list
from pedigree.cli._output import respond, table, when
from pedigree.cli._session import open_registry

if TYPE_CHECKING:
    from pedigree.access.people_records import KnownPrincipal

_PAGE = 1000

NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="A principal.", show_default=False)
]
IssuerOption = Annotated[
    str | None, typer.Option("--issuer", help="The issuer of a subject, https://….")
]
SubjectOption = Annotated[
    str | None,
    typer.Option("--subject", help="The `sub` of its tokens; the name of a workload."),
]


def add_people(group: typer.Typer) -> None:
    """Add the commands about people to the group ``access``."""
    for command in (identities, link, unlink, deactivate, reactivate):
        group.command(command.__name__)(command)
    group.command("end-sessions")(end_sessions)
    group.command("recover")(recover)


def identities(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Only this principal.")
    ] = None,
    limit: LimitOption = _PAGE,
    after: Annotated[int, typer.Option(help="The last id of the previous page.")] = 0,
    as_json: JsonFlag = False,
) -> None:
    """List principals with their persons, and the identities that act by them."""
    with open_registry() as registry:
        found = page_of(
            lambda most: registry.principals(name=name, limit=most, after=after),
            limit,
            lambda one: one.principal_id,
        )

    def view() -> object:
        columns = ("id#", "principal", "person", "subject", "issuer", "roles", "last seen", "state")
        return table(columns, (row for each in found.items for row in _rows(each)))

    respond_list(found, as_json, view)


def link(
    name: NameArgument,
    person: Annotated[
        str | None, typer.Option("--person", help="Another principal of the same person.")
    ] = None,
    issuer: IssuerOption = None,
    subject: SubjectOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say that a principal is the same person as another one, or as a subject of an issuer."""
    with open_registry() as registry:
        found = registry.link_person(name, person=person, issuer=issuer, subject=subject)
    respond(found, as_json, lambda: _sentence(found))


def unlink(
    name: NameArgument,
    issuer: IssuerOption = None,
    subject: SubjectOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say that a principal is a person of its own, or that a subject is somebody else."""
    with open_registry() as registry:
        found = registry.unlink_person(name, issuer=issuer, subject=subject)
    respond(found, as_json, lambda: _sentence(found))


def deactivate(name: NameArgument, as_json: JsonFlag = False) -> None:
    """Let a person in no longer: their tokens are revoked, and their logins refused."""
    with open_registry() as registry:
        found = registry.set_person_active(name, active=False)
    respond(found, as_json, lambda: f"{found.name} is deactivated, and their tokens are revoked.")


def reactivate(name: NameArgument, as_json: JsonFlag = False) -> None:
    """Let a deactivated person in again; revoked tokens stay revoked."""
    with open_registry() as registry:
        found = registry.set_person_active(name, active=True)
    respond(found, as_json, lambda: f"{found.name} may log in again.")


def end_sessions(name: NameArgument, as_json: JsonFlag = False) -> None:
    """Revoke the tokens of a person and end their logins; they may log in again."""
    with open_registry() as registry:
        found = registry.end_sessions(name)
    respond(found, as_json, lambda: f"The tokens and logins of {found.name} are ended.")


def recover(name: NameArgument, as_json: JsonFlag = False) -> None:
    """Let an admin in again, with the credentials of the database, and show a token of an hour."""
    with connect() as registry:
        issued = registry.operations.people.recover(name)

    def view() -> Iterator[object]:
        yield issued.secret
        yield f"{name} is an admin by this token until {when(issued.token.expires_at)}."

    respond(issued, as_json, view)


def _sentence(found: "KnownPrincipal") -> str:
    acting = ", ".join(f"{each.subject} of {each.issuer}" for each in found.identities)
    return (
        f"{found.name} is the same person as {found.person}; by it acts {acting or 'no identity'}."
    )


def _rows(found: "KnownPrincipal") -> Iterator[tuple[str, ...]]:
    state = "active" if found.deactivated_at is None else "deactivated"
    known = (str(found.principal_id), found.name, found.person)
    if not found.identities:
        yield (*known, "", "", "", "", state)
    for each in found.identities:
        roles = ", ".join(each.roles)
        yield (*known, each.subject, each.issuer, roles, str(when(each.seen_at)), state)
