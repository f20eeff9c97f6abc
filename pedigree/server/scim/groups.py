"""Groups of SCIM: each is a group of access."""

from collections.abc import Iterable
from uuid import UUID

from scim2_models import Context, PatchOp, ResponseParameters, SearchRequest
from starlette.responses import Response

from pedigree.access.provisioning_records import ProvisionedGroup
from pedigree.contract.provisioning import ProvisioningContract
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
from pedigree.server.scim.resources import Group, Member, group_shown


def list_groups(call: ScimCall) -> Response:
    """Answer with a page of the groups, or of those that meet a filter."""
    asked = read_query(call, SearchRequest[Group])
    equal = equal_values(asked)
    try:
        group_id = UUID(equal["id"]) if "id" in equal else None
    except ValueError:
        return answer(page_of(asked, (), 0))
    is_search = asked.filter is not None
    has_members = "members" in str(asked.filter).lower() if is_search else _shows_members(call)
    found = call.do(
        ProvisioningContract.provisioned_groups,
        group_id=group_id,
        limit=MOST_SEARCHED + 1 if is_search else asked.count or 0,
        skip=0 if is_search else (asked.start_index or 1) - 1,
        with_members=has_members,
    )
    shown = [group_shown(each, call.prefix) for each in found.groups]
    if not is_search:
        return answer(page_of(asked, shown, found.total))
    return answer(page_of_matches(asked, shown))


def get_group(call: ScimCall, group_id: str) -> Response:
    """Answer with a group."""
    selection = read_selection(call, ResponseParameters[Group])
    found = _found(call, id_in(group_id), with_members=_shows_members(call))
    return answer(dumped(group_shown(found, call.prefix), selection))


def create_group(call: ScimCall) -> Response:
    """Provision a group."""
    given = read_resource(call, Group, Context.RESOURCE_CREATION_REQUEST)
    created = call.do(
        ProvisioningContract.provision_group,
        given.display_name or "",
        external_id=given.external_id,
        members=_ids(given.members or ()),
    )
    return answer(dumped(group_shown(created, call.prefix)), status=201)


def replace_group(call: ScimCall, group_id: str) -> Response:
    """Replace what is known of a group; without `members` they stay."""
    given = read_resource(call, Group, Context.RESOURCE_REPLACEMENT_REQUEST)

    def work(joined: ScimCall) -> ProvisionedGroup:
        known = _locked(joined, id_in(group_id))
        if given.members is None:
            given.members = group_shown(known, call.prefix).members
        return _changed(joined, known.group_id, given)

    return answer(dumped(group_shown(call.together(work), call.prefix)))


def patch_group(call: ScimCall, group_id: str) -> Response:
    """Change a group by the operations of a PATCH; the answer has no content."""
    patch = read_patch(call, PatchOp[Group])

    def work(joined: ScimCall) -> None:
        shown = group_shown(_locked(joined, id_in(group_id)), call.prefix)
        with refusing():
            is_changed = patch.patch(shown)
        if is_changed:
            _changed(joined, id_in(group_id), shown)

    call.together(work)
    return Response(status_code=204)


def delete_group(call: ScimCall, group_id: str) -> Response:
    """Delete a group."""
    call.do(ProvisioningContract.deprovision_group, id_in(group_id))
    return Response(status_code=204)


def _changed(call: ScimCall, group_id: UUID, wanted: Group) -> ProvisionedGroup:
    return call.do(
        ProvisioningContract.change_group,
        group_id,
        wanted.display_name or "",
        external_id=wanted.external_id,
        members=_ids(wanted.members or ()),
    )


def _ids(members: Iterable[Member]) -> list[UUID]:
    """Return the ids of members.

    Raises:
        ScimError: One of them is no id of a user.
    """
    found = []
    for member in members:
        try:
            found.append(UUID(member.value or ""))
        except ValueError:
            raise ScimError("members: a value is not the id of a user", "invalidValue") from None
    return found


def _shows_members(call: ScimCall) -> bool:
    """Return whether an answer has members: Microsoft Entra ID asks for groups without them."""
    excluded = call.query.get("excludedAttributes", "").lower().split(",")
    asked = call.query.get("attributes")
    return "members" not in excluded and (asked is None or "members" in asked.lower())


def _locked(call: ScimCall, group_id: UUID) -> ProvisionedGroup:
    """Return a group that nobody changes until the transaction ends."""
    call.do(ProvisioningContract.begin_provisioning)
    return _found(call, group_id)


def _found(call: ScimCall, group_id: UUID, *, with_members: bool = True) -> ProvisionedGroup:
    found = call.do(
        ProvisioningContract.provisioned_groups,
        group_id=group_id,
        limit=1,
        with_members=with_members,
    )
    for group in found.groups:
        return group
    raise ScimError(f"there is no group {group_id}", status=404)
