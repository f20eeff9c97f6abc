"""People: their principals, and the identities that act by them."""

from typing import Annotated

from fastapi import Query
from pydantic import Field
from starlette.responses import Response

from pedigree._record import Record
from pedigree.access.people_records import ErasedPerson, KnownPrincipal
from pedigree.access.records import Permission
from pedigree.contract import paths
from pedigree.server.http.auth import requires
from pedigree.server.http.pages import Page
from pedigree.server.http.parameters import AfterId, Limit
from pedigree.server.http.requests import ReadCall, WriteCall
from pedigree.server.http.resources import resource

router = resource("operating")

_Principal = Annotated[str, Query(min_length=1, max_length=256)]
_Issuer = Annotated[str | None, Query(min_length=1, max_length=512)]
_Subject = Annotated[str | None, Query(min_length=1, max_length=800)]


class NewLink(Record):
    """Who is one person: two principals, or a principal and a subject of an issuer."""

    principal: str = Field(min_length=1, max_length=256)
    person: str | None = Field(
        default=None, min_length=1, max_length=256, description="Another principal of the person"
    )
    issuer: str | None = Field(default=None, min_length=1, max_length=512)
    subject: str | None = Field(
        default=None, min_length=1, max_length=800, description="The name, of a workload"
    )


class PersonActivity(Record):
    """Whether a person is let in."""

    principal: str = Field(min_length=1, max_length=256)
    active: bool


@router.get(paths.PRINCIPALS, responses={200: {"model": Page[KnownPrincipal]}})
@requires(Permission.AUDIT)
def list_principals(
    call: ReadCall,
    name: Annotated[str | None, Query(min_length=1, max_length=256)] = None,
    limit: Limit = 100,
    after: AfterId = 0,
) -> Response:
    """List the principals with their persons and identities, the oldest first."""
    found = call.registry.principals(name=name, limit=limit + 1, after=after)
    return call.page(found, limit, lambda each: each.principal_id)


@router.post(paths.PRINCIPAL_LINKS, responses={200: {"model": KnownPrincipal}})
@requires(Permission.ADMINISTER)
def link_person(call: WriteCall, new: NewLink) -> Response:
    """Say who is one person. Two principals of one person never count as two approvers."""
    return call.write(
        lambda registry: registry.link_person(
            new.principal, person=new.person, issuer=new.issuer, subject=new.subject
        )
    )


@router.delete(paths.PRINCIPAL_LINKS, responses={200: {"model": KnownPrincipal}})
@requires(Permission.ADMINISTER)
def unlink_person(
    call: WriteCall, principal: _Principal, issuer: _Issuer = None, subject: _Subject = None
) -> Response:
    """Say that a principal is a person of its own, or that a subject is somebody else."""
    return call.write(
        lambda registry: registry.unlink_person(principal, issuer=issuer, subject=subject)
    )


@router.put(paths.PRINCIPAL_ACTIVITY, responses={200: {"model": KnownPrincipal}})
@requires(Permission.ADMINISTER)
def set_person_active(call: WriteCall, change: PersonActivity) -> Response:
    """Let a person in, or no longer; then their tokens and logins are refused within a second."""
    return call.write(
        lambda registry: registry.set_person_active(change.principal, active=change.active)
    )


@router.delete(paths.PRINCIPAL_SESSIONS, responses={200: {"model": KnownPrincipal}})
@requires(Permission.ADMINISTER)
def end_sessions(call: WriteCall, principal: _Principal) -> Response:
    """Revoke the tokens of a person and end their logins; they may log in again."""
    return call.write(lambda registry: registry.end_sessions(principal))


@router.delete(paths.PRINCIPAL_NAMES, responses={200: {"model": ErasedPerson}})
@requires(Permission.ADMINISTER)
def erase_person(call: WriteCall, principal: _Principal) -> Response:
    """Erase the names of a person permanently; what they did stays, under pseudonyms."""
    return call.write(lambda registry: registry.erase_person(principal))
