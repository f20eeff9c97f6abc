"""The rules for the names of registered models, aliases and stages."""

import re
import unicodedata
from collections.abc import Collection

from pedigree._names import name_key as name_key  # noqa: PLC0414
from pedigree.audit.verifier.states import NO_STAGE
from pedigree.errors import InvalidAliasError, InvalidNameError

LATEST = "latest"

_FORBIDDEN = frozenset("/\\:@%#")
_NAME_LIMIT = 256
# Normalization expands a few characters to eighteen; an index entry must fit a third of a page.
_KEY_LIMIT_BYTES = 2048
# Invisible characters outside the format category: joiners, fillers, selectors.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def validate_name(name: str) -> str:
    r"""Return the name if a registered model may have it.

    Raises:
        InvalidNameError: It is empty, longer than 256 characters, not in Unicode NFC, has a
            control or invisible character or one of ``/ \ : @ % #``, or begins or ends with a
            space or a dot.
    """
    if problem := _name_problem(name):
        raise InvalidNameError(
            problem,
            field="name",
            value=name,
            remedy="Use 1-256 characters without / \\ : @ % # and control characters,"
            " no space or dot at the ends",
        )
    return name


def is_name(name: str) -> bool:
    """Return whether a registered model may have a name."""
    return _name_problem(name) is None


def _name_problem(name: str) -> str | None:
    if not name:
        return "is empty"
    problems = {
        f"has {len(name)} characters, more than {_NAME_LIMIT}": len(name) > _NAME_LIMIT,
        "is not in Unicode normal form C": unicodedata.normalize("NFC", name) != name,
        "holds one of / \\ : @ % #": not _FORBIDDEN.isdisjoint(name),
        "holds a control character": any(map(_is_control, name)),
        "holds an invisible character": bool(_INVISIBLE.search(name)),
        "is too long after Unicode normalization": _key_size(name) > _KEY_LIMIT_BYTES,
        "begins or ends with a space or a dot": bool(re.search(r"^[\s.]|[\s.]\Z", name)),
    }
    return next((problem for problem, found in problems.items() if found), None)


def _is_control(char: str) -> bool:
    # Cc: control, Cf: invisible characters, which make names look alike, Cs: lone surrogates,
    # Zl and Zp: line separators.
    return unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}


def _key_size(name: str) -> int:
    return len(name_key(name).encode(errors="replace"))


def is_pointer(text: str) -> bool:
    """Return whether a reference can have it after its ``@``."""
    return re.fullmatch(r"[\w-]{1,255}", text) is not None


def pointer_problem(name: str) -> str | None:
    """Return why an alias or a stage may not have this name; None if it may.

    Names that a reference reads as a number or as the newest version are reserved, in any case and
    any form of their characters.
    """
    key = name_key(name)
    problems = {
        "is not 1-255 letters, digits, _ and -": not is_pointer(name),
        "holds an invisible character": bool(_INVISIBLE.search(name)),
        "has only digits, like a version number": key.isdigit(),
        "is reserved for version numbers": key == LATEST or bool(re.fullmatch(r"v\d+", key)),
        "is reserved for versions without a stage": key == NO_STAGE,
    }
    return next((problem for problem, found in problems.items() if found), None)


def twin_of(name: str, names: Collection[str]) -> str | None:
    """Return the name that is equivalent by :func:`name_key`; an equal one takes precedence.

    >>> twin_of("Champion", ["best", "champion"])
    'champion'
    """
    if name in names:
        return name
    key = name_key(name)
    return next((each for each in names if name_key(each) == key), None)


def found_in(name: str, names: Collection[str]) -> str | None:
    """Return the name that is equal, or else the only one that is equivalent.

    Equivalent names from before the rule are found only by their exact spelling.

    >>> found_in("CHAMPION", ["best", "champion"]), found_in("Qa", ["QA", "qa"])
    ('champion', None)
    """
    if name in names:
        return name
    key = name_key(name)
    found = {each for each in names if name_key(each) == key}
    return found.pop() if len(found) == 1 else None


def validate_alias(alias: str, stages: Collection[str]) -> str:
    """Return the alias if a version may have it.

    Args:
        alias: The alias.
        stages: The model's stages; an alias must not be mistaken for one.

    Raises:
        InvalidAliasError: It breaks the rule for aliases and stages, or is the name of a stage.
    """
    problem = pointer_problem(alias)
    if problem is None and (stage := twin_of(alias, stages)) is not None:
        problem = f"is the name of the stage {stage!r}"
    if problem is None:
        return alias
    raise InvalidAliasError(
        problem, field="alias", value=alias, remedy="Choose another, such as champion"
    )
