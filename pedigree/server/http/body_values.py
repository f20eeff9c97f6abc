"""Values of a JSON body that no entrance of a registry accepts.

The framework parses and validates a body before an operation sees it, and words its errors itself.
Here such a value gets the error that the operation raises in process.
"""

from collections.abc import Iterator, Mapping

from pedigree._values import JSON_DEPTH, Bound, bounds_of, require_values
from pedigree.catalog.records import DeclaredMetadata
from pedigree.errors import InvalidInputError, InvalidMetadataError

_METADATA = "metadata"


def refused_value(body: object) -> InvalidInputError | None:
    """Return the error about the first value of a body that has no place in any record.

    Args:
        body: The parsed JSON; anything else is a body that is not JSON.
    """
    for name, value, bound, kind in _parts(body):
        try:
            require_values(value, name, bound=bound, error=kind)
        except InvalidInputError as error:
            return error
    return None


def unreadable_body(cause: BaseException | None) -> InvalidInputError | None:
    """Return the error about a body that the parser of JSON gave up on; None for another cause."""
    match cause:
        case RecursionError():
            return InvalidInputError(
                f"is nested deeper than {JSON_DEPTH} levels",
                field="body",
                remedy="Store it as a file of the version, or as a JSON text",
            )
        case UnicodeDecodeError():
            return InvalidInputError(
                "is not Unicode text: it has bytes that are not UTF-8",
                field="body",
                remedy="Write it in UTF-8",
            )
        case ValueError():  # an integer of thousands of digits
            return InvalidInputError(
                "has an integer beyond 64-bit floats", field="body", remedy="Write it as a text"
            )
    return None


def _parts(
    body: object,
) -> Iterator[tuple[str, object, Bound | None, type[InvalidInputError]]]:
    """Yield the parts of a body that are bounded alone: each field, and each of the metadata."""
    for name, value in body.items() if isinstance(body, Mapping) else ():
        if not isinstance(value, Mapping) or not isinstance(value.get(_METADATA), Mapping):
            yield name, value, None, InvalidInputError
            continue
        bounds = bounds_of(DeclaredMetadata)
        for field, given in value[_METADATA].items():
            yield field, given, bounds.get(field), InvalidMetadataError
        rest = {each: inner for each, inner in value.items() if each != _METADATA}
        yield name, rest, None, InvalidInputError
