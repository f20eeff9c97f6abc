"""``docs/search.md`` lists the allowed fields; update it with ``UPDATE_DOCS=1``."""

import os
import re
from pathlib import Path

from pedigree.catalog.search.fields import FIELDS, OPERATORS, operators_of
from pedigree.catalog.search.grammar import MAX_DEPTH, MAX_LENGTH, MAX_TERMS
from pedigree.catalog.search.ranking import RANKED

DOCS = Path(__file__).parents[2] / "docs" / "search.md"


def fields_table() -> str:
    rows = ["| Field | Type | What it is | Order |", "|---|---|---|---|"]
    for name, rule in FIELDS.items():
        shown = f"{name}.<key>" if rule.keyed else name
        choices = f": {', '.join(rule.choices)}" if rule.choices else ""
        rows.append(
            f"| `{shown}` | {rule.kind} | {rule.meaning}{choices} |"
            f" {'yes' if rule.sortable else ''} |"
        )
    return "\n".join(rows)


def operators_table() -> str:
    rows = ["| Type | Operators |", "|---|---|"]
    rows += [f"| {kind} | {_shown(operators)} |" for kind, operators in OPERATORS.items()]
    rows.append(f"| `lineage.<key>` | {_shown(operators_of('lineage'))} |")
    return "\n".join(rows)


def _shown(operators: tuple[str, ...]) -> str:
    return " ".join(f"`{one}`" for one in operators)


def test_the_tables_are_the_white_list() -> None:
    text = DOCS.read_text(encoding="utf-8")
    made = text
    for name, table in {"fields": fields_table(), "operators": operators_table()}.items():
        block = f"<!-- {name} -->\n\n{table}\n\n<!-- /{name} -->"
        made = re.sub(
            f"<!-- {name} -->.*<!-- /{name} -->", lambda _, b=block: b, made, flags=re.DOTALL
        )
    if os.environ.get("UPDATE_DOCS"):
        DOCS.write_text(made, encoding="utf-8")
        return
    assert text == made, "see this file's first line"


def test_the_limits_are_those_of_the_code() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for limit in (MAX_LENGTH, MAX_TERMS, MAX_DEPTH, RANKED):
        assert f"{limit:,}" in text
