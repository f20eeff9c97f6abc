"""Who may do what, in words for those who may not."""

from pedigree.access.records import PERMISSIONS, Permission, Role


def who_may(permission: str) -> str:
    """Return in words which built-in roles have a permission.

    >>> who_may("administer")
    'People with the role admin may do this.'
    """
    roles = [str(role) for role in Role if Permission(permission) in PERMISSIONS[role]]
    return f"People with the role {' or '.join(roles)} may do this."
