"""The routes of SCIM; all need the permission to provision.

The OpenAPI document leaves them out, because SCIM describes itself. The library of SCIM takes half
a second to import, and most services never need it: the first request imports what uses it.
"""

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from pedigree.access.records import Permission
from pedigree.contract import paths
from pedigree.registry import registry_in
from pedigree.server.http.auth import Caller, ProtectedRoute, requires
from pedigree.server.http.inputs import require_json, require_text
from pedigree.server.http.proxies import public_path

if TYPE_CHECKING:
    from pedigree.server.scim.messages import ScimCall

# ruff: noqa: PLC0415 -- see above

router = APIRouter(
    route_class=ProtectedRoute,
    tags=["scim"],
    generate_unique_id_function=lambda route: route.name,
    include_in_schema=False,
)


async def _received(request: Request) -> bytes:
    """Return the body of a request, which must be JSON if there is one."""
    require_text(request)
    require_json(request)
    return await request.body()


Received = Annotated[bytes, Depends(_received)]


def _call(request: Request, body: bytes) -> "ScimCall":
    from pedigree.server.scim.messages import ScimCall

    caller: Caller = request.state.caller
    prefix = public_path(request.scope, "")
    # Filters and patches compare names.
    registry = registry_in(caller.registry.context.with_names())
    return ScimCall(registry, dict(request.query_params), body, prefix)


@router.get(paths.SCIM_CONFIG)
@requires(Permission.PROVISION)
def get_scim_config(request: Request, body: Received) -> Response:
    """Return what of SCIM the service supports."""
    from pedigree.server.scim import discovery

    return discovery.get_config(_call(request, body))


@router.get(paths.SCIM_TYPES)
@requires(Permission.PROVISION)
def list_scim_types(request: Request, body: Received) -> Response:
    """List the types of resources."""
    from pedigree.server.scim import discovery

    return discovery.list_types(_call(request, body))


@router.get(paths.SCIM_TYPE)
@requires(Permission.PROVISION)
def get_scim_type(request: Request, body: Received, type_id: str) -> Response:
    """Return a type of resources."""
    from pedigree.server.scim import discovery

    return discovery.get_type(_call(request, body), type_id)


@router.get(paths.SCIM_SCHEMAS)
@requires(Permission.PROVISION)
def list_scim_schemas(request: Request, body: Received) -> Response:
    """List the schemas of the resources."""
    from pedigree.server.scim import discovery

    return discovery.list_schemas(_call(request, body))


@router.get(paths.SCIM_SCHEMA)
@requires(Permission.PROVISION)
def get_scim_schema(request: Request, body: Received, schema_id: str) -> Response:
    """Return the schema of a resource."""
    from pedigree.server.scim import discovery

    return discovery.get_schema(_call(request, body), schema_id)


@router.get(paths.SCIM_USERS)
@requires(Permission.PROVISION)
def list_scim_users(request: Request, body: Received) -> Response:
    """List the users."""
    from pedigree.server.scim import users

    return users.list_users(_call(request, body))


@router.post(paths.SCIM_USERS)
@requires(Permission.PROVISION)
def create_scim_user(request: Request, body: Received) -> Response:
    """Provision a user."""
    from pedigree.server.scim import users

    return users.create_user(_call(request, body))


@router.get(paths.SCIM_USER)
@requires(Permission.PROVISION)
def get_scim_user(request: Request, body: Received, user_id: str) -> Response:
    """Return a user."""
    from pedigree.server.scim import users

    return users.get_user(_call(request, body), user_id)


@router.put(paths.SCIM_USER)
@requires(Permission.PROVISION)
def replace_scim_user(request: Request, body: Received, user_id: str) -> Response:
    """Replace what is known of a user."""
    from pedigree.server.scim import users

    return users.replace_user(_call(request, body), user_id)


@router.patch(paths.SCIM_USER)
@requires(Permission.PROVISION)
def patch_scim_user(request: Request, body: Received, user_id: str) -> Response:
    """Change a user."""
    from pedigree.server.scim import users

    return users.patch_user(_call(request, body), user_id)


@router.delete(paths.SCIM_USER)
@requires(Permission.PROVISION)
def delete_scim_user(request: Request, body: Received, user_id: str) -> Response:
    """Remove a user."""
    from pedigree.server.scim import users

    return users.delete_user(_call(request, body), user_id)


@router.get(paths.SCIM_GROUPS)
@requires(Permission.PROVISION)
def list_scim_groups(request: Request, body: Received) -> Response:
    """List the groups."""
    from pedigree.server.scim import groups

    return groups.list_groups(_call(request, body))


@router.post(paths.SCIM_GROUPS)
@requires(Permission.PROVISION)
def create_scim_group(request: Request, body: Received) -> Response:
    """Provision a group."""
    from pedigree.server.scim import groups

    return groups.create_group(_call(request, body))


@router.get(paths.SCIM_GROUP)
@requires(Permission.PROVISION)
def get_scim_group(request: Request, body: Received, group_id: str) -> Response:
    """Return a group."""
    from pedigree.server.scim import groups

    return groups.get_group(_call(request, body), group_id)


@router.put(paths.SCIM_GROUP)
@requires(Permission.PROVISION)
def replace_scim_group(request: Request, body: Received, group_id: str) -> Response:
    """Replace what is known of a group."""
    from pedigree.server.scim import groups

    return groups.replace_group(_call(request, body), group_id)


@router.patch(paths.SCIM_GROUP)
@requires(Permission.PROVISION)
def patch_scim_group(request: Request, body: Received, group_id: str) -> Response:
    """Change a group."""
    from pedigree.server.scim import groups

    return groups.patch_group(_call(request, body), group_id)


@router.delete(paths.SCIM_GROUP)
@requires(Permission.PROVISION)
def delete_scim_group(request: Request, body: Received, group_id: str) -> Response:
    """Delete a group."""
    from pedigree.server.scim import groups

    return groups.delete_group(_call(request, body), group_id)
