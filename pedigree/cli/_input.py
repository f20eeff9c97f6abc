"""Read typed input: ``key=value`` pairs, JSON files, and pydantic's errors about them."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from pedigree.errors import InvalidInputError, InvalidMetadataError, PedigreeError

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from pydantic import JsonValue, ValidationError


JsonFlag: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.")]
LimitOption: TypeAlias = Annotated[int, typer.Option("--limit", min=1, help="At most this many.")]
AfterIdOption: TypeAlias = Annotated[
    int | None,
    typer.Option("--after", min=0, help="The last id of the previous page.", show_default=False),
]

NameArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="NAME", help="A registered model's name.", show_default=False)
]
ReferenceArgument: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="REF", help="NAME/3, NAME@champion, NAME@production.", show_default=False
    ),
]
SeenGeneration: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--expected-generation",
        help="Refuse if the model's stages or aliases moved since you looked.",
        show_default=False,
    ),
]


def pairs(option: str, given: Sequence[str]) -> dict[str, str]:
    """Split ``key=value`` words.

    Raises:
        InvalidMetadataError: A word has no ``=``, or a key is given twice.
    """
    found: dict[str, str] = {}
    for word in given:
        key, separator, value = word.partition("=")
        if not separator or not key:
            raise InvalidMetadataError(
                "is not KEY=VALUE", field=option, value=word, remedy=f"Write {option} auc=0.91"
            )
        if key in found:
            raise InvalidMetadataError(
                f"names {key!r} twice", field=option, value=word, remedy="Give each key once"
            )
        found[key] = value
    return found


def numbers(option: str, given: Sequence[str]) -> dict[str, float]:
    """Split ``key=number`` words; the record checks whether a number is finite.

    Raises:
        InvalidMetadataError: As :func:`pairs`, or a value is not a number.
    """
    found: dict[str, float] = {}
    for key, value in pairs(option, given).items():
        try:
            if not value.isascii() or "_" in value:  # Python's syntax only
                raise ValueError(value)
            found[key] = float(value)
        except ValueError as error:
            raise InvalidMetadataError(
                f"the value of {key!r} is not a number",
                field=option,
                value=value,
                remedy=f"Write {option} {key}=0.91",
            ) from error
    return found


def json_values(option: str, given: Sequence[str]) -> "dict[str, JsonValue]":
    """Split ``key=value`` words whose values are JSON or plain text.

    Raises:
        InvalidMetadataError: As :func:`pairs`, or a value is JSON that is nested too deep.
    """
    return {key: _json_or_text(option, value) for key, value in pairs(option, given).items()}


def _json_or_text(option: str, text: str) -> "JsonValue":
    try:
        value: JsonValue = json.loads(text)
    except ValueError as error:
        if re.fullmatch(r"-?[1-9][0-9]*", text):  # JSON, but beyond Python's limit
            raise InvalidMetadataError(
                "is a number of too many digits",
                field=option,
                remedy="Write it as 1e9, or as a JSON text",
            ) from error
        return text
    except RecursionError as error:
        raise InvalidMetadataError(
            "is JSON that is nested too deep",
            field=option,
            remedy="Store it as a file of the version, or as a JSON text",
        ) from error
    return value


def read_text(option: str, path: Path) -> str:
    """Read a small file that an option names.

    Raises:
        InvalidInputError: It cannot be read as UTF-8 text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = "is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else "cannot be read"
        raise InvalidInputError(
            reason, field=option, value=str(path), remedy="Name a readable text file"
        ) from error


def write_text(option: str, path: Path, text: str) -> None:
    """Write the file that an option names.

    Raises:
        InvalidInputError: It cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInputError(
            f"cannot be written: {error.strerror or type(error).__name__}",
            field=option,
            value=str(path),
            remedy="Name a file in a folder that exists and is writable",
        ) from error


def read_length(option: str, text: str) -> "timedelta":
    """Read a duration such as ``30d``.

    Raises:
        InvalidInputError: The text is not a duration.
    """
    from datetime import timedelta

    from pedigree._durations import read_duration

    try:
        read = read_duration(text)
    except ValueError as error:
        raise InvalidInputError(
            "is not a duration", field=option, value=text, remedy="Write 30d, 12h, 45m, 10s or 0"
        ) from error
    assert isinstance(read, timedelta)
    return read


def read_moment(option: str, text: str) -> "datetime":
    """Read an ISO 8601 timestamp.

    Raises:
        InvalidInputError: The text is not a timestamp.
    """
    from datetime import datetime

    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInputError(
            "is not a moment",
            field=option,
            value=text,
            remedy="Write it as 2026-03-01T12:00Z or 2026-03-01T12:00+02:00",
        ) from error


def setting_error(error: "ValidationError") -> PedigreeError:
    """Return the first validation error of the settings as an error that names the variable."""
    first = error.errors(include_url=False, include_input=False)[0]
    variable = "PEDIGREE_" + "_".join(str(part).upper() for part in first["loc"])
    return InvalidInputError(_clause(first["msg"]), field=variable, remedy="Correct or unset it")


def _clause(message: str) -> str:
    text = message.removeprefix("Value error, ")
    return text[:1].lower() + text[1:]
