"""Errors of tokens, logins and their providers."""

from pedigree._error import InvalidInputError, RefusedError


class InvalidProviderError(InvalidInputError):
    """The file of OIDC providers cannot be read, or gives somebody rights by accident."""


class NotAuthenticatedError(RefusedError):
    """The service does not know the token; it read nothing else of the request."""


class ExchangeRefusedError(RefusedError):
    """The token of a workload is not valid, meets no rule, or was exchanged before."""


class LoginFailedError(RefusedError):
    """A login failed: the person or the provider refused, or an answer was not of this login."""
