"""What ``trust`` means: the names of what may run while a model is loaded, beyond the flavor's own.

Where a format can name what it builds (skops), these are the full names of types. A format that
runs whatever its maker put into it has one name for all of it, which is the format's own.
"""

from collections.abc import Collection

from pedigree.errors import InvalidInputError, UntrustedModelError

PICKLE = "pickle"
MLFLOW = "mlflow"


def trusted_names(trust: Collection[str]) -> frozenset[str]:
    """Return the names that a caller trusts.

    Raises:
        InvalidInputError: It is a text, which is a collection of texts too.
    """
    if isinstance(trust, str):
        raise InvalidInputError(
            "trust must be a list of names", field="trust", value=trust, remedy=f"Give [{trust!r}]"
        )
    return frozenset(trust)


def require_trust(trust: Collection[str], name: str, why: str) -> None:
    """Let loading go on where the caller trusts ``name``; call it before anything is opened.

    Raises:
        UntrustedModelError: The caller does not.
        InvalidInputError: ``trust`` is a text.
    """
    if name not in trusted_names(trust):
        raise untrusted(why, [name])


def untrusted(why: str, names: list[str]) -> UntrustedModelError:
    """Return the refusal to load a model, with what its caller would have to trust."""
    error = UntrustedModelError(
        why,
        field="trust",
        remedy=f"If you trust whoever made the file, load it with trust={names!r}",
    )
    error.names = tuple(names)
    return error
