"""Groups of SCIM: each is a group of access."""

from collections.abc import Iterable
from uuid import UUID

from scim2_models import Context, PatchOp, ResponseParameters, SearchRequest
from starlette.responses import Response

from pedigree.access.provisioning_records import ProvisionedGroup
from pedigree.registry.provisioning import ProvisioningOperations
from pedigree.server.scim.listing import MOST_SEARCHED, equal_values, page_of, page_of_matches
from pedigree.server.scim.memberships import member_changes, without_members
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

# How many members all operations of a PATCH together look at, if the library applies them.
_MOST_LOOKS = 1_000


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
        ProvisioningOperations.provisioned_groups,
        group_id=group_id,
        limit=MOST_SEARCHED + 1 if is_search else asked.count or 0,
        skip=0 if is_search else (asked.start_index or 1) - 1,
        with_members=has_members,
    )
    shown = [group_shown(each, call.prefix) for each in found.groups]
    if not is_search:
        return answer(page_of(asked, shown, found.total))
    # A list with very many members ends early.
    is_whole = group_id is not None or len(shown) == found.total
    looks = len(shown) + sum(len(each.members) for each in found.groups)
    return answer(page_of_matches(asked, shown, looks=looks if is_whole else None))


def get_group(call: ScimCall, group_id: str) -> Response:
    """Answer with a group."""
    selection = read_selection(call, ResponseParameters[Group])
    found = _found(call, id_in(group_id), with_members=_shows_members(call))
    return answer(dumped(group_shown(found, call.prefix), selection))


def create_group(call: ScimCall) -> Response:
    """Provision a group."""
    given = read_resource(call, Group, Context.RESOURCE_CREATION_REQUEST)
    created = call.do(
        ProvisioningOperations.provision_group,
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
            members = [each.user_id for each in known.members]
        else:
            members = _ids(given.members)
        return _changed(joined, known.group_id, given, members)

    return answer(dumped(group_shown(call.together(work), call.prefix)))


def patch_group(call: ScimCall, group_id: str) -> Response:
    """Change a group by the operations of a PATCH; the answer has no content."""
    patch = read_patch(call, PatchOp[Group])
    changes = member_changes(patch)

    def work(joined: ScimCall) -> None:
        known = _locked(joined, id_in(group_id))
        if changes is None:
            _require_few(patch, known)
            shown = group_shown(known, call.prefix)
            with refusing():
                patch.patch(shown)
            _changed(joined, known.group_id, shown, _ids(shown.members or ()))
            return
        members = frozenset(str(each.user_id) for each in known.members)
        for change in changes:
            members = change.applied(members)
        shown = group_shown(known.model_copy(update={"members": ()}), call.prefix)
        rest = PatchOp[Group].model_construct(operations=without_members(patch))
        with refusing():
            rest.patch(shown)
        _changed(joined, known.group_id, shown, [_id(each) for each in members])

    call.together(work)
    return Response(status_code=204)


def delete_group(call: ScimCall, group_id: str) -> Response:
    """Delete a group."""
    call.do(ProvisioningOperations.deprovision_group, id_in(group_id))
    return Response(status_code=204)


def _changed(
    call: ScimCall, group_id: UUID, wanted: Group, members: Iterable[UUID]
) -> ProvisionedGroup:
    return call.do(
        ProvisioningOperations.change_group,
        group_id,
        wanted.display_name or "",
        external_id=wanted.external_id,
        members=members,
    )


def _ids(members: Iterable[Member]) -> list[UUID]:
    return [_id(member.value or "") for member in members]


def _id(text: str) -> UUID:
    """Return the id of a member.

    Raises:
        ScimError: It is not the id of a user.
    """
    try:
        return UUID(text)
    except ValueError:
        raise ScimError("members: a value is not the id of a user", "invalidValue") from None


def _require_few(patch: PatchOp[Group], known: ProvisionedGroup) -> None:
    """Refuse operations on members that would take long.

    Raises:
        ScimError: There are too many operations for so large a group.
    """
    if len(patch.operations or ()) * max(1, len(known.members)) > _MOST_LOOKS:
        raise ScimError(
            "the group is too large for such a path: name members by their value", status=413
        )


def _shows_members(call: ScimCall) -> bool:
    """Return whether an answer has members: Microsoft Entra ID asks for groups without them."""
    excluded = call.query.get("excludedAttributes", "").lower().split(",")
    asked = call.query.get("attributes")
    return "members" not in excluded and (asked is None or "members" in asked.lower())


def _locked(call: ScimCall, group_id: UUID) -> ProvisionedGroup:
    """Return a group that nobody changes until the transaction ends."""
    call.do(ProvisioningOperations.begin_provisioning)
    return _found(call, group_id)


def _found(call: ScimCall, group_id: UUID, *, with_members: bool = True) -> ProvisionedGroup:
    found = call.do(
        ProvisioningOperations.provisioned_groups,
        group_id=group_id,
        limit=1,
        with_members=with_members,
    )
    for group in found.groups:
        return group
    raise ScimError(f"there is no group {group_id}", status=404)
