"""The meaning of ``trust``: names of code that may run during loading, beyond the flavor's list.

For a format that names the types that it builds (skops), these are the full names of types. A
format that runs arbitrary code of its author has a single name, which is that of the format.
"""

from collections.abc import Collection

from pedigree.errors import InvalidInputError, UntrustedModelError

PICKLE = "pickle"
MLFLOW = "mlflow"


def trusted_names(trust: Collection[str]) -> frozenset[str]:
    """Return the names that a caller trusts.

    Raises:
        InvalidInputError: ``trust`` is a string, which is a collection of strings, too.
    """
    if isinstance(trust, str):
        raise InvalidInputError(
            "trust must be a list of names", field="trust", value=trust, remedy=f"Give [{trust!r}]"
        )
    return frozenset(trust)


def require_trust(trust: Collection[str], name: str, why: str) -> None:
    """Refuse to load if the caller does not trust ``name``; call it before a file is opened.

    Raises:
        UntrustedModelError: The caller does not trust it.
        InvalidInputError: ``trust`` is a string.
    """
    if name not in trusted_names(trust):
        raise untrusted(why, [name])


def untrusted(why: str, names: list[str]) -> UntrustedModelError:
    """Return the error for a model that needs trust, with the names to trust."""
    error = UntrustedModelError(
        why,
        field="trust",
        remedy=f"If you trust the author of the file, load it with trust={names!r}",
    )
    error.names = tuple(names)
    return error
