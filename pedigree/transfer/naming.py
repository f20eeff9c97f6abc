"""The names that models of MLflow get: their own, or those that a file gives them."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from pedigree._values import KEY_BYTES
from pedigree.catalog.names import name_key, validate_name
from pedigree.errors import InvalidInputError, InvalidNameError
from pedigree.untrusted.documents import DocumentError, read_yaml

_REMEDY = "name it in the file of --rename"


class Naming(NamedTuple):
    """What a model is called here, or why it cannot be."""

    name: str | None
    reason: str | None = None

    @classmethod
    def refused(cls, reason: str) -> "Naming":
        """Return that a model gets no name."""
        return cls(None, f"{reason}; {_REMEDY}")


def read_renames(file: Path) -> Mapping[str, str]:
    """Read a YAML or JSON file that maps names of MLflow to names of ours.

    Raises:
        InvalidInputError: It cannot be read, or is no mapping of texts to texts.
        InvalidNameError: A registered model cannot have one of the names.
    """
    try:
        found = read_yaml(file, extra="registry")
    except (OSError, DocumentError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise _unreadable(file, f"it cannot be read: {reason}") from error
    if (
        not isinstance(found, dict)
        or not found
        or not all(isinstance(text, str) for pair in found.items() for text in pair)
    ):
        raise _unreadable(file, "it does not map names to names")
    for name in found.values():
        validate_name(name)
    return found


def require_texts(field: str, texts: Iterable[str]) -> None:
    """Require that texts of a caller could name a model or a place.

    Raises:
        InvalidInputError: One has a NUL or a lone surrogate, or is empty or too long.
    """
    for text in texts:
        if not text or "\0" in text or len(text.encode(errors="replace")) > KEY_BYTES:
            reason = f"is empty, has a NUL or is longer than {KEY_BYTES} bytes"
        elif any("\ud800" <= each <= "\udfff" for each in text):
            reason = "has a lone surrogate, as of a name that is not UTF-8"
        else:
            continue
        raise InvalidInputError(reason, field=field, value=text, remedy="Write it as plain text")


def name_models(names: Iterable[str], renames: Mapping[str, str]) -> dict[str, Naming]:
    """Return what each model is called here.

    Of names that differ only by case or by the form of their characters, the first one is carried:
    one that the file gives, else the first by code point.

    >>> name_models(["Churn", "a@b", "churn"], {"a@b": "a-b"})["a@b"].name
    'a-b'
    """
    taken: dict[str, str] = {}
    found: dict[str, Naming] = {}
    for origin in sorted(names, key=lambda name: (name not in renames, name)):
        naming = _named(origin, renames)
        if naming.name is not None:
            twin = taken.setdefault(name_key(naming.name), origin)
            if twin != origin:
                naming = Naming.refused(f"{naming.name!r} is also the name of {twin!r}")
        found[origin] = naming
    return found


def _named(origin: str, renames: Mapping[str, str]) -> Naming:
    name = renames.get(origin, origin)
    try:
        return Naming(validate_name(name))
    except InvalidNameError as error:
        return Naming.refused(f"the name {error.message}")


def _unreadable(file: Path, reason: str) -> InvalidInputError:
    return InvalidInputError(
        reason,
        field="--rename",
        value=str(file),
        remedy='Write one line for each name: "a name of MLflow": a-name-here',
    )
