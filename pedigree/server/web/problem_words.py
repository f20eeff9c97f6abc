"""What a page of errors says: in words for a person who does not run the service."""

from pedigree import errors

_NO_PAGE = "No page has this address."
_IN_LOG = "The reason is in the log of the service."
_METHOD = "This address does not do that. Open the page that has the form or the link, and use it."


def says_of(error: Exception, status: int) -> str:
    """Return what was wrong, the value, and what to do.

    Args:
        error: The error.
        status: The status of the answer.
    """
    if isinstance(error, errors.SchemaBehindError):
        return (
            "The schema of the database is older than this version of the service needs, so this"
            f" page cannot be read now. Tell the people who run the registry: {error}"
        )
    if isinstance(error, errors.DatabaseUnavailableError) and status == 503:
        return (
            "The database of the registry does not answer. Try again in a minute. If that does not"
            " help, tell the people who run the registry: the reason is in the log of the service."
        )
    if isinstance(error, errors.NotAuthenticatedError):
        return "You are not signed in, or your session has ended."
    if isinstance(error, errors.PedigreeError):
        return str(error)
    if status == 405:
        return _METHOD
    return _IN_LOG if status >= 500 else _NO_PAGE
