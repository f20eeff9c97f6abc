"""Documents that tests compare with the code: their examples run, or they are generated.

A test compares generated documents; ``UPDATE_DOCS=1`` writes them.
"""

import os
import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parent.parent


def assert_current(document: str, expected: str) -> None:
    """Compare a whole document, a path from the root of the repository, with its expected text."""
    path = ROOT / document
    if os.environ.get("UPDATE_DOCS"):
        path.write_text(expected, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == expected, f"run UPDATE_DOCS=1 pytest: {document}"


def assert_part_current(document: str, part: str, expected: str) -> None:
    """Compare the lines between ``<!-- part -->`` and ``<!-- /part -->`` of a document."""
    text = (ROOT / document).read_text(encoding="utf-8")
    head, opening, rest = text.partition(f"<!-- {part} -->\n")
    _, closing, tail = rest.partition(f"<!-- /{part} -->")
    assert opening, f"{document} has no part {part}"
    assert closing, f"{document} does not close its part {part}"
    assert_current(document, f"{head}{opening}\n{expected}\n\n{closing}{tail}")


def python_of(document: str) -> list[str]:
    """Return the Python that a document shows, block by block."""
    return blocks_of(document, "python")


def commands_of(document: str) -> list[list[str]]:
    """Return the words of each `pedigree` command that a document shows, without the first."""
    lines = (line for block in blocks_of(document, "sh") for line in block.splitlines())
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("pedigree ")]


def blocks_of(document: str, language: str) -> list[str]:
    """Return the code that a document shows in a language, block by block."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)
