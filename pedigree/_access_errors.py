"""Errors of permissions, and of the roles, groups and grants that give them."""

from pedigree._error import MODULE, NotFoundError, RefusedError


class NotPermittedError(RefusedError):
    """The policy does not permit the actor, or the version is the actor's own."""

    __module__ = MODULE


class OwnRightsError(NotPermittedError):
    """Nobody extends their own rights: not by a grant, a group, a role, or the end of a denial."""

    __module__ = MODULE


class AccessInUseError(RefusedError):
    """Grants, tokens or policies name the role or the group, or it is built in."""

    __module__ = MODULE


class SessionNotFoundError(NotFoundError):
    """No session of the web page has the id."""

    __module__ = MODULE


class TokenNotFoundError(NotFoundError):
    """No token of the service has the id."""

    __module__ = MODULE


class AccessNotFoundError(NotFoundError):
    """No role, group, member or grant has the name or the id."""

    __module__ = MODULE
