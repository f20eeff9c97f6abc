"""Access tokens of the service."""

from datetime import timedelta
from typing import Annotated

from fastapi import Path
from pydantic import Field
from starlette.responses import Response

from pedigree._record import NUMBER, Record
from pedigree.access.records import (
    MOST_ROLES,
    AccessToken,
    IssuedToken,
    Permission,
    RoleName,
    Whoami,
)
from pedigree.contract import paths
from pedigree.server.http.auth import requires
from pedigree.server.http.pages import Page
from pedigree.server.http.parameters import DIGITS, AfterId, Limit
from pedigree.server.http.requests import ReadCall, WriteCall
from pedigree.server.http.resources import resource

router = resource("operating")

_LONGEST_S = 100 * 366 * 86_400


class NewToken(Record):
    """A token to create."""

    principal: str = Field(
        min_length=1, max_length=256, description="The actor of the token, such as ci@churn"
    )
    roles: tuple[RoleName, ...] = Field(
        default=(),
        max_length=MOST_ROLES,
        description="Names of roles; what the principal is granted when empty",
    )
    models: tuple[Annotated[str, Field(min_length=1, max_length=256)], ...] = Field(
        default=(),
        max_length=100,
        description="Names of models or patterns such as churn*; all models when empty",
    )
    expires_s: Annotated[int, Field(ge=1, le=_LONGEST_S), NUMBER] | None = Field(
        default=None, description="Lifetime in seconds; without limit when null"
    )


@router.post(paths.TOKENS, status_code=201, responses={201: {"model": IssuedToken}})
@requires(Permission.ADMINISTER)
def create_token(call: WriteCall, new: NewToken) -> Response:
    """Create a token for the service; only this answer contains its secret."""
    expires = None if new.expires_s is None else timedelta(seconds=new.expires_s)
    return call.write(
        lambda registry: registry.create_token(
            new.principal, roles=new.roles, models=new.models, expires=expires
        ),
        status=201,
        secret=True,
    )


@router.get(paths.TOKENS, responses={200: {"model": Page[AccessToken]}})
@requires(Permission.AUDIT)
def list_tokens(
    call: ReadCall,
    limit: Limit = 100,
    after: AfterId = 0,
) -> Response:
    """List the tokens without their secrets, with revoked and expired ones, the oldest first."""
    found = call.registry.tokens(limit=limit + 1, after=after)
    return call.page(found, limit, lambda token: token.token_id)


@router.get(paths.WHOAMI, responses={200: {"model": Whoami}})
@requires(Permission.READ, lists=True)
def whoami(call: ReadCall) -> Response:
    """Return the caller: the name, its source, the rights, until when, and roles last seen."""
    return call.answer(call.registry.whoami())


@router.delete(paths.TOKEN, responses={200: {"model": AccessToken}})
@requires(Permission.ADMINISTER)
def revoke_token(
    call: WriteCall,
    token_id: Annotated[int, Path(ge=1, lt=2**63, description="The id of a token"), DIGITS],
) -> Response:
    """Revoke a token permanently; the service refuses it within a second."""
    return call.write(lambda registry: registry.revoke_token(token_id))
