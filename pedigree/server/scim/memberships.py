"""Members in a PATCH of a group, as sets of ids.

The library of SCIM applies any operation, but looks at each member for each part of a filter: too
long for a group of thousands. The forms that providers send are read here.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from scim2_models import PatchOp, PatchOperation
from scim2_models.path import CompareOperator, Comparison

from pedigree.server.scim.resources import Group

_MEMBERS = "members"
_VALUE = "value"


class MemberChange(NamedTuple):
    """What one operation does to the members of a group.

    Attributes:
        kind: What it does with the ids.
        ids: The ids; None for all members.
    """

    kind: PatchOperation.Op
    ids: frozenset[str] | None

    def applied(self, known: frozenset[str]) -> frozenset[str]:
        """Return the members after the change."""
        if self.ids is None:
            return frozenset()
        match self.kind:
            case PatchOperation.Op.add:
                return known | self.ids
            case PatchOperation.Op.remove:
                return known - self.ids
            case _:
                return self.ids


def member_changes(patch: PatchOp[Group]) -> Sequence[MemberChange] | None:
    """Return the changes of members by a PATCH; None if one has another form than providers send.

    An operation without a path may also say something else of the group: that is left out.
    """
    found = []
    for operation in patch.operations or ():
        if not names_members(operation):
            continue
        change = _change(operation)
        if change is None:
            return None
        found.append(change)
    return found


def without_members(patch: PatchOp[Group]) -> list[PatchOperation[Group]]:
    """Return the operations of a PATCH without what they say of members."""
    found = []
    for each in patch.operations or ():
        if not names_members(each):
            found.append(each)
        elif each.path is None and isinstance(each.value, dict):
            rest = {key: item for key, item in each.value.items() if key.lower() != _MEMBERS}
            found.append(each.model_copy(update={"value": rest}))
    return found


def names_members(operation: PatchOperation[Group]) -> bool:
    """Return whether an operation says something of members."""
    if operation.path is None:
        value = operation.value
        return isinstance(value, Mapping) and any(key.lower() == _MEMBERS for key in value)
    binding = operation.path.resolve()
    return binding is not None and binding.field_name == _MEMBERS


def _change(operation: PatchOperation[Group]) -> MemberChange | None:
    value = operation.value
    if operation.path is None and isinstance(value, dict):
        value = next(item for key, item in value.items() if key.lower() == _MEMBERS)
    elif operation.path is not None:
        binding = operation.path.resolve()
        if binding is None or binding.sub_field_name is not None:
            return None
        if (selected := operation.path.value_filter) is not None:
            chosen = _selected(selected)
            is_removal = operation.op is PatchOperation.Op.remove and value is None
            return MemberChange(operation.op, chosen) if chosen and is_removal else None
    if operation.op is PatchOperation.Op.remove and value is None:
        return MemberChange(operation.op, None)
    listed = _listed(value if isinstance(value, list) else [value])
    return None if listed is None else MemberChange(operation.op, listed)


def _selected(node: object) -> frozenset[str] | None:
    """Return the id that a filter such as ``value eq "…"`` selects."""
    if (
        isinstance(node, Comparison)
        and node.op is CompareOperator.eq
        and node.attr_path.attr.lower() == _VALUE
        and isinstance(node.value, str)
    ):
        return frozenset({node.value})
    return None


def _listed(members: Iterable[Any]) -> frozenset[str] | None:
    """Return the ids of members as JSON has them; None if one has none."""
    found = set()
    for member in members:
        if not isinstance(member, Mapping):
            return None
        ids = [item for key, item in member.items() if key.lower() == _VALUE]
        if len(ids) != 1 or not isinstance(ids[0], str):
            return None
        found.add(ids[0])
    return frozenset(found)
