"""docs/events.md tells of every type of event, by a table that is made from the enum.

After adding a type, refresh the table::

    REFRESH=1 python -m pytest tests/delivery/test_documented.py
"""

import os
import re
from pathlib import Path

from pedigree.audit.records import EventType

DOCS = Path(__file__).parents[2] / "docs" / "events.md"
TABLE = re.compile(r"\| type \| when \|\n(\|.*\n)+")


def table() -> str:
    rows = "".join(f"| `{kind}` | {kind.about} |\n" for kind in EventType)
    return f"| type | when |\n|---|---|\n{rows}"


def test_the_table_of_types_is_the_enum() -> None:
    text = DOCS.read_text(encoding="utf-8")
    if os.environ.get("REFRESH"):
        text = TABLE.sub(lambda _: table(), text)
        DOCS.write_text(text, encoding="utf-8")
    found = TABLE.search(text)
    assert found is not None
    assert found[0] == table(), "see this file's first lines"


def test_types_have_one_grammar() -> None:
    for kind in EventType:
        assert re.fullmatch(r"[a-z]+\.[a-z]+(_[a-z]+)*", kind), kind
        assert kind.name == kind.replace(".", "_").upper()
        assert kind.about, kind
