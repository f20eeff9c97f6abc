"""Users of SCIM: each is the principal of a person."""

from uuid import UUID

from scim2_models import Context, PatchOp, ResponseParameters, SearchRequest
from starlette.responses import Response

from pedigree.access.provisioning_records import ProvisionedUser
from pedigree.registry.provisioning import ProvisioningOperations
from pedigree.server.scim.listing import MOST_SEARCHED, equal_values, page_of, page_of_matches
from pedigree.server.scim.messages import (
    ScimCall,
    answer,
    dumped,
    id_in,
    read_patch,
    read_query,
    read_resource,
    read_selection,
    refusing,
)
from pedigree.server.scim.refusals import ScimError
from pedigree.server.scim.resources import User, user_shown


def list_users(call: ScimCall) -> Response:
    """Answer with a page of the users, or of those that meet a filter."""
    asked = read_query(call, SearchRequest[User])
    if asked.filter is None:
        found = call.do(
            ProvisioningOperations.provisioned_users,
            limit=asked.count or 0,
            skip=(asked.start_index or 1) - 1,
        )
        page = [user_shown(each, call.prefix) for each in found.users]
        return answer(page_of(asked, page, found.total))
    equal = equal_values(asked)
    try:
        user_id = UUID(equal["id"]) if "id" in equal else None
    except ValueError:
        return answer(page_of(asked, (), 0))
    candidates = call.do(
        ProvisioningOperations.provisioned_users,
        user_id=user_id,
        name=equal.get("username"),
        external_id=equal.get("externalid"),
        limit=MOST_SEARCHED + 1,
    )
    shown = [user_shown(each, call.prefix) for each in candidates.users]
    is_whole = len(shown) <= MOST_SEARCHED
    return answer(page_of_matches(asked, shown, looks=len(shown) if is_whole else None))


def get_user(call: ScimCall, user_id: str) -> Response:
    """Answer with a user."""
    selection = read_selection(call, ResponseParameters[User])
    return answer(dumped(user_shown(_found(call, id_in(user_id)), call.prefix), selection))


def create_user(call: ScimCall) -> Response:
    """Provision a user."""
    given = read_resource(call, User, Context.RESOURCE_CREATION_REQUEST)
    created = call.do(
        ProvisioningOperations.provision_user,
        given.user_name or "",
        external_id=given.external_id,
        email=given.email,
        active=given.active,
    )
    return answer(dumped(user_shown(created, call.prefix)), status=201)


def replace_user(call: ScimCall, user_id: str) -> Response:
    """Replace what is known of a user; without `active` they stay as they are."""
    given = read_resource(call, User, Context.RESOURCE_REPLACEMENT_REQUEST)

    def work(joined: ScimCall) -> ProvisionedUser:
        known = _locked(joined, id_in(user_id))
        with refusing():
            given.replace(user_shown(known, call.prefix))
        return _changed(joined, known.user_id, given)

    return answer(dumped(user_shown(call.together(work), call.prefix)))


def patch_user(call: ScimCall, user_id: str) -> Response:
    """Change a user by the operations of a PATCH."""
    patch = read_patch(call, PatchOp[User])

    def work(joined: ScimCall) -> ProvisionedUser:
        known = _locked(joined, id_in(user_id))
        shown = user_shown(known, call.prefix)
        with refusing():
            is_changed = patch.patch(shown)
        return _changed(joined, known.user_id, shown) if is_changed else known

    return answer(dumped(user_shown(call.together(work), call.prefix)))


def delete_user(call: ScimCall, user_id: str) -> Response:
    """Remove a user."""
    call.do(ProvisioningOperations.deprovision_user, id_in(user_id))
    return Response(status_code=204)


def _changed(call: ScimCall, user_id: UUID, wanted: User) -> ProvisionedUser:
    return call.do(
        ProvisioningOperations.change_user,
        user_id,
        wanted.user_name or "",
        external_id=wanted.external_id,
        email=wanted.email,
        active=wanted.active,
    )


def _locked(call: ScimCall, user_id: UUID) -> ProvisionedUser:
    """Return a user whom nobody changes until the transaction ends."""
    call.do(ProvisioningOperations.begin_provisioning)
    return _found(call, user_id)


def _found(call: ScimCall, user_id: UUID) -> ProvisionedUser:
    found = call.do(ProvisioningOperations.provisioned_users, user_id=user_id, limit=1)
    for user in found.users:
        return user
    raise ScimError(f"there is no user {user_id}", status=404)
