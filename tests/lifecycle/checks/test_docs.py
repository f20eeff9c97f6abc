"""``docs/checks.md`` has a table of all checks; update it with ``UPDATE_DOCS=1``."""

from pedigree.lifecycle.checks import CHECKS
from tests.documents import assert_part_current


def table() -> str:
    rows = ["| Check | What must hold | Settings | Needs |", "|---|---|---|---|"]
    for name, check in CHECKS.items():
        settings = "<br>".join(
            f"`{field}`: {found.description}"
            for field, found in check.settings.model_fields.items()
        )
        extra = f"`pedigree-registry[{check.extra}]`" if check.extra else ""
        rows.append(f"| `{name}` | {check.asks} | {settings} | {extra} |")
    return "\n".join(rows)


def test_the_table_is_that_of_the_checks() -> None:
    assert_part_current("docs/checks.md", "checks", table())
