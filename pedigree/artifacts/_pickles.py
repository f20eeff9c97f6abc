"""The imports of a pickle stream, listed by picklescan within a bounded memory."""

import pickletools
import sys
from collections.abc import Collection
from typing import Any, NamedTuple

import picklescan.scanner

# pickletools' errors at opcodes that no pickler writes, such as a text longer than the file.
_BROKEN = (ValueError, ArithmeticError, LookupError, AssertionError)
# What picklescan keeps of an opcode, besides its argument: a tuple, a position, an item of a list.
_COST, _COST_OF_MEMO = 128, 320
# pickletools also holds an argument's bytes while it decodes them: once if their number is written
# before them, else it copies the line several times.
_LARGE = 1 << 16
_COUNTED = frozenset(
    {"BINBYTES", "BINBYTES8", "BYTEARRAY8", "BINUNICODE", "BINUNICODE8", "BINSTRING", "LONG4"}
)
_MEMO = frozenset({"MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"})
_IMPORTS = frozenset({"GLOBAL", "INST", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4"})

UNKNOWN = "unknown.unknown"


class TooManyOpcodesError(Exception):
    """A list of the pickle's opcodes needs more memory than is left."""


class PickleSurvey(NamedTuple):
    """What a stream is, as far as its opcodes can be read."""

    imports: bool
    """An opcode imports a name."""
    whole: bool
    """It is a sequence of pickles up to the end."""


def survey(file: Any, memory: int) -> PickleSurvey:
    """Read the opcodes of a stream, one at a time.

    picklescan takes the lack of memory for the end of a pickle, and would list only the imports
    before it. So what it needs is counted first.

    Raises:
        TooManyOpcodesError: picklescan would need more than ``memory`` bytes.
    """
    needed, largest, imports = 0, 0, False
    while True:
        try:
            for opcode, argument, position in pickletools.genops(file):
                name = opcode.name
                needed += _COST_OF_MEMO if name in _MEMO else _COST
                if argument is not None:
                    size = sys.getsizeof(argument)
                    # The name of an import is split into a copy.
                    needed += size * (3 if name in _IMPORTS else 1)
                    if size > _LARGE:
                        copies = 1 if name in _COUNTED else 4
                        largest = max(largest, (file.tell() - position) * copies)
                if needed + largest > memory:
                    raise TooManyOpcodesError
                imports = imports or name in _IMPORTS
        except _BROKEN:
            return PickleSurvey(imports, whole=False)
        if not file.read(1):
            return PickleSurvey(imports, whole=True)
        file.seek(-1, 1)


def imports(file: Any, name: str, allow: Collection[str]) -> tuple[set[str], set[str]]:
    """Return the imports of a stream that :func:`survey` has read, and the dangerous ones of them.

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
    harmless = picklescan.scanner.SafetyLevel.Innocuous
    dangerous = {each for each, safety in named.items() if safety is not harmless}
    return set(named), dangerous.difference(allow)
