"""Integers of the command line: ASCII digits only, within the bounds of their parameter.

The parser of typer would also accept ``1_0``, ``+3``, ``3.0`` and digits of other scripts.
"""

import re
from functools import partial
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from typer._click import Command

_DIGITS = re.compile(r"-?[0-9]{1,19}")


def read_integer(text: str, *, least: float | None = None, most: float | None = None) -> int:
    """Read a number of ASCII digits.

    Raises:
        ValueError: The text is not such a number, or is out of bounds.
    """
    if not _DIGITS.fullmatch(text):
        raise ValueError("write at most 19 digits, such as 3")
    number = int(text)
    if least is not None and number < least:
        raise ValueError(f"write {least} or more")
    if most is not None and number > most:
        raise ValueError(f"write {most} or less")
    return number


def read_only_digits(command: "Command") -> None:
    """Let every integer of a command, or of the commands of a group, be read from digits only."""
    for each in getattr(command, "commands", {}).values():
        read_only_digits(each)
    for parameter in command.params:
        descriptor = getattr(parameter, "type_descriptor", None)
        if descriptor is None or descriptor.annotation is not int:
            continue
        info = descriptor.parameter_info
        info.parser = partial(_given_integer, least=info.min, most=info.max)


def _given_integer(given: str | int, *, least: float | None, most: float | None) -> int:
    if isinstance(given, int):  # the default
        return given
    try:
        return read_integer(given, least=least, most=most)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
