"""What a client of SCIM can learn of the service (RFC 7644, section 4)."""

from collections.abc import Mapping
from typing import Any

from scim2_models import (
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    ETag,
    Filter,
    Meta,
    Patch,
    Resource,
    ResourceType,
    ServiceProviderConfig,
    Sort,
)
from starlette.responses import Response

from pedigree.contract import paths
from pedigree.server.scim.listing import list_of
from pedigree.server.scim.messages import MOST_RESULTS, ScimCall, answer, dumped
from pedigree.server.scim.refusals import ScimError
from pedigree.server.scim.resources import Group, User

_SERVED = (User, Group)


def get_config(call: ScimCall) -> Response:
    """Answer with what of SCIM the service supports."""
    config = ServiceProviderConfig(
        patch=Patch(supported=True),
        bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
        filter=Filter(supported=True, max_results=MOST_RESULTS),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=False),
        etag=ETag(supported=False),
        authentication_schemes=[
            AuthenticationScheme(
                type=AuthenticationScheme.Type.oauthbearertoken,
                name="Bearer token",
                description="A token of the service whose role has the permission provision",
                primary=True,
            )
        ],
    )
    return answer(_described(config, call, paths.SCIM_CONFIG))


def list_types(call: ScimCall) -> Response:
    """Answer with the types of resources."""
    return answer(_list(call, _types(call)))


def get_type(call: ScimCall, type_id: str) -> Response:
    """Answer with a type of resources."""
    return answer(_one(_types(call), type_id))


def list_schemas(call: ScimCall) -> Response:
    """Answer with the schemas of the resources."""
    return answer(_list(call, _schemas(call)))


def get_schema(call: ScimCall, schema_id: str) -> Response:
    """Answer with the schema of a resource."""
    return answer(_one(_schemas(call), schema_id))


def _types(call: ScimCall) -> dict[str, dict[str, Any]]:
    found = (ResourceType.from_resource(each) for each in _SERVED)
    return {
        str(each.id): _described(each, call, paths.fill(paths.SCIM_TYPE, type_id=each.id))
        for each in found
    }


def _schemas(call: ScimCall) -> dict[str, dict[str, Any]]:
    found = (each.to_schema() for each in _SERVED)
    return {
        str(each.id): _described(each, call, paths.fill(paths.SCIM_SCHEMA, schema_id=each.id))
        for each in found
    }


def _described(resource: Resource[Any], call: ScimCall, path: str) -> dict[str, Any]:
    resource.meta = Meta(resource_type=type(resource).__name__, location=call.prefix + path)
    return dumped(resource)


def _list(call: ScimCall, found: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    if "filter" in call.query:  # by section 4 of the RFC
        raise ScimError("this list has no filter", status=403)
    return list_of(list(found.values()), len(found))


def _one(found: Mapping[str, dict[str, Any]], wanted: str) -> dict[str, Any]:
    if wanted not in found:
        raise ScimError("there is no such resource", status=404)
    return found[wanted]
