"""References: the ways to name a version."""

import re
from functools import lru_cache

from pedigree._record import Record
from pedigree.catalog.names import LATEST, is_pointer, name_key, validate_name
from pedigree.errors import InvalidNameError, InvalidReferenceError


class Reference(Record):
    """One version of a model, by its number or by a pointer (a stage, an alias, ``latest``)."""

    name: str
    version: int | None = None
    pointer: str | None = None

    def __str__(self) -> str:
        return f"{self.name}@{self.pointer}" if self.pointer else f"{self.name}/{self.version}"


@lru_cache(maxsize=4096)  # a few references repeat often, and records are immutable
def parse_reference(text: str) -> Reference:
    """Read a reference, in Pedigree's form or in MLflow's ``models:/`` form.

    >>> str(parse_reference("customer_churn/3"))
    'customer_churn/3'
    >>> str(parse_reference("models:/customer_churn/Production"))
    'customer_churn@production'

    Raises:
        InvalidReferenceError: The text has no known form.
    """
    mlflow = text.startswith("models:/")
    body = text.removeprefix("models:").lstrip("/") if mlflow else text
    name, separator, rest = _split(body)
    try:
        validate_name(name)
    except InvalidNameError as error:
        raise _unreadable(text, f"its name {error.message}") from error
    if separator == "/" and re.fullmatch(r"[1-9][0-9]{0,8}", rest):
        return Reference(name=name, version=int(rest))
    if separator == "/" and mlflow and is_pointer(rest) and not rest.isdigit():
        return Reference(name=name, pointer=_pointer(rest.casefold()))  # a stage, MLflow's way
    if separator == "@" and is_pointer(rest):
        return Reference(name=name, pointer=_pointer(rest))
    raise _unreadable(text, "names no version")


def _pointer(text: str) -> str:
    return LATEST if name_key(text) == LATEST else text


def names_a_model(text: str) -> bool:
    """Return whether a text can name a model alone, and not one of its versions.

    >>> names_a_model("churn"), names_a_model("churn/3"), names_a_model("churn@best")
    (True, False, False)
    """
    return "/" not in text and "@" not in text


def parse_number(text: str) -> tuple[Reference, int]:
    """Read a reference with a version number: a deleted version holds no stage or alias.

    Raises:
        InvalidReferenceError: The text cannot be read, or names a stage or an alias.
    """
    reference = parse_reference(text)
    if reference.version is None:
        raise InvalidReferenceError(
            "names a stage or an alias, which a deleted version does not hold",
            field="reference",
            value=text,
            remedy=f"Name it by its number, such as {reference.name}/3",
        )
    return reference, reference.version


def _split(body: str) -> tuple[str, str, str]:
    for separator in ("@", "/"):
        if separator in body:
            return body.rpartition(separator)
    return body, "", ""


def _unreadable(text: str, why: str) -> InvalidReferenceError:
    return InvalidReferenceError(
        f"cannot be read, {why}",
        field="reference",
        value=text,
        remedy="Write NAME/3, NAME@champion, NAME@production or NAME@latest",
    )
