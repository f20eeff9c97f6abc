"""The imports of a pickle stream, listed by picklescan."""

import pickletools
from collections.abc import Collection
from typing import Any, NamedTuple

import picklescan.scanner

# pickletools' errors at opcodes that no pickler writes, such as a text longer than the file.
_BROKEN = (ValueError, ArithmeticError, LookupError, AssertionError)
_IMPORTS = frozenset({"GLOBAL", "INST", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4"})

UNKNOWN = "unknown.unknown"


class PickleSurvey(NamedTuple):
    """What a stream is, as far as its opcodes can be read."""

    imports: bool
    """An opcode imports a name."""
    whole: bool
    """It is a sequence of pickles up to the end."""
    end: int
    """The position at which the opcodes end."""


def survey(file: Any) -> PickleSurvey:
    """Read the opcodes of a stream, one at a time.

    Raises:
        MemoryError: The value of an opcode needs more memory than is left.
    """
    imports = False
    while True:
        try:
            for opcode, _, _ in pickletools.genops(file):
                imports = imports or opcode.name in _IMPORTS
        except _BROKEN:
            return PickleSurvey(imports, whole=False, end=file.tell())
        if not file.read(1):
            return PickleSurvey(imports, whole=True, end=file.tell())
        file.seek(-1, 1)


def imports(
    file: Any, name: str, allow: Collection[str], surveyed: PickleSurvey
) -> tuple[set[str], set[str]]:
    """Return the imports of a stream, and the dangerous ones of them.

    Args:
        file: The stream, at its begin.
        name: Its name.
        allow: Names of imports that are harmless.
        surveyed: What :func:`survey` found in it.

    Raises:
        MemoryError: There is too little memory, so imports may be missing.
    """
    try:
        result = picklescan.scanner.scan_pickle_bytes(file, name, strict=True)
        named = {f"{each.module}.{each.name}": each.safety for each in result.globals}
    except MemoryError:
        raise
    except Exception:
        # Its opcodes contradict each other, which no valid pickle has.
        return {UNKNOWN}, {UNKNOWN}
    # picklescan takes a lack of memory for the end of the pickle. At the end it goes back a byte.
    if file.tell() < surveyed.end - 1:
        raise MemoryError
    harmless = picklescan.scanner.SafetyLevel.Innocuous
    dangerous = {each for each, safety in named.items() if safety is not harmless}
    return set(named), dangerous.difference(allow)
