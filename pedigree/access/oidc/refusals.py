"""Why a token of a provider is refused."""


class RefusedTokenError(Exception):
    """A token is refused; the message has nothing of the token but names of claims."""


class InvalidTokenError(RefusedTokenError):
    """The token is not one that a provider signed for us, or it is not valid now."""


class NoPrincipalError(RefusedTokenError):
    """The name that a valid token gives its bearer belongs to somebody else."""


class EndedTokenError(RefusedTokenError):
    """The rights of a valid token were ended before it expired."""


class NoRuleError(RefusedTokenError):
    """The claims of a valid token meet no rule, or give nobody a name."""
