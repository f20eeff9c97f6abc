"""What made a search take too long, and what would narrow it."""

from pedigree.catalog.search.access import access
from pedigree.catalog.search.ast import Expression, Leaf, Not, comparison_of, leaves
from pedigree.catalog.search.fields import FIELDS, Kind
from pedigree.catalog.search.parameters import Parameters
from pedigree.catalog.search.to_sql import Translator
from pedigree.errors import SearchTooBroadError

_REMEDY = (
    "Add a term with AND that few versions satisfy, such as a tag, a metric, a stage, a name or"
    " created_at > '…'"
)


def too_broad(
    expression: Expression | None, text: str, order: str, seconds: float
) -> SearchTooBroadError:
    """Return the error of a search that took longer than it may.

    Args:
        expression: The filter in normal form.
        text: The filter as given.
        order: The order.
        seconds: How long it may take.
    """
    # The models that a token may read are a term that its user did not write.
    written = [one for one in leaves(expression) if comparison_of(one).place.end]
    if not written:
        return SearchTooBroadError(
            f"the order takes longer than {seconds:g} s over all versions",
            expression=order,
            place=(0, len(order)),
            remedy="Give a filter, or an order by created_at, name or a metric",
            field="order_by",
        )
    worst = max(written, key=_cost)
    found = comparison_of(worst)
    last = max([found.place.end, *(value.place.end for value in found.values)])
    return SearchTooBroadError(
        f"the filter takes longer than {seconds:g} s, because {_reason(worst)}",
        expression=text,
        place=(found.field.place.start, last),
        remedy=_REMEDY,
    )


def _cost(leaf: Leaf) -> int:
    """Return how much a leaf costs for each version, as a rank."""
    found = comparison_of(leaf)
    if found.field.name == "lineage":
        return 5 if found.operator in {"!=", "IS NULL"} or isinstance(leaf, Not) else 1
    if FIELDS[found.field.name].kind is Kind.WORDS:
        return 4
    if _has_index(leaf):
        return 0
    return 3 if found.operator in {"LIKE", "ILIKE"} else 2


def _has_index(leaf: Leaf) -> bool:
    found = comparison_of(leaf)
    words = {str(one.value): "" for one in found.values}
    return access(leaf, Translator(Parameters(), words)) is not None


def _reason(leaf: Leaf) -> str:
    found = comparison_of(leaf)
    negation = "NOT " if isinstance(leaf, Not) else ""
    term = f"{negation}{found.field} {found.operator}"
    if _has_index(leaf):
        return f"many versions satisfy {term}"
    return f"no index serves {term}"
