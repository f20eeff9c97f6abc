"""The part of a filter that drives the search: one whose versions an index has, and are few.

Postgres cannot know that a tag is rare or that two tags never occur together. So this module
counts, with a limit: first up to a few versions, then up to a share of all of them.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from psycopg import sql

from pedigree.catalog.search.access import access
from pedigree.catalog.search.ast import And, Expression, Leaf, Or, leaves
from pedigree.catalog.search.execution import NESTED_REPLAN, Execution
from pedigree.catalog.search.fuzzy_words import SQL
from pedigree.catalog.search.ranges import union
from pedigree.catalog.search.statements import Search, translator_of
from pedigree.catalog.search.to_sql import Translator
from pedigree.postgres.transaction import Row

FEW = 3_000
"""The number of versions that can be read one by one within a few milliseconds."""
_SHARE = 100
"""To read one in this many versions by its key takes less time than a scan of all of them."""
_SHARE_OF_SET = 20
"""To collect one in this many takes a tenth of that time, without a look at the versions."""


class Driver(NamedTuple):
    """The leaves whose versions together include all that a filter finds.

    Args:
        leaves: One, or those of an OR.
        read: The number of rows that their indexes read.
        known: The versions of leaves that were read instead of counted.
        versions: About how many versions there are; 0 if that does not matter.
    """

    leaves: tuple[Leaf, ...]
    read: int
    known: Mapping[Leaf, Sequence[Row]]
    versions: int = 0

    @property
    def are_few(self) -> bool:
        """Whether to read each version by its key takes a few milliseconds."""
        return self.read <= FEW

    @property
    def beats_scan(self) -> bool:
        """Whether to read each version by its key takes less time than a scan of all."""
        return self.read <= max(FEW, self.versions // _SHARE)

    def reads_versions(self, translator: Translator) -> bool:
        """Whether finding the versions reads each of them."""
        found = [access(leaf, translator) for leaf in self.leaves if leaf not in self.known]
        return any(one is not None and one.reads_versions for one in found)

    def hits(self, translator: Translator) -> sql.Composable:
        """Return the versions as ``model_id, version``, each once."""
        selects: list[sql.Composable] = []
        for leaf in self.leaves:
            if leaf in self.known:
                selects.append(listed(self.known[leaf], translator))
            elif (found := access(leaf, translator)) is not None:
                selects.append(found.hits)
        return sql.SQL("SELECT DISTINCT model_id, version FROM ({} LIMIT {}) AS hit").format(
            union([sql.SQL("({})").format(each) for each in selects]),
            # It shows the planner how few rows there are. The result is smaller, also if versions
            # are added after the count.
            sql.Literal(2 * max(FEW, self.read)),
        )

    def unchecked(
        self, parts: Sequence[Expression], translator: Translator
    ) -> tuple[Expression, ...]:
        """Return the parts of the filter that its versions need not satisfy."""
        for leaf in self.leaves:
            found = access(leaf, translator)
            # What was read before the statement may have changed since.
            if found is None or not found.is_exact or leaf in self.known:
                return tuple(parts)
        return tuple(part for part in parts if not self._is_whole(part))

    def _is_whole(self, part: Expression) -> bool:
        """Return whether its versions are those of a part, and not of one side of an AND in it."""
        alternatives = part.parts if isinstance(part, Or) else (part,)
        return set(alternatives) == set(self.leaves)


def driver(execution: Execution, search: Search) -> Driver | None:
    """Return what drives a search; None if no index has few of its versions."""
    if search.expression not in execution.drivers:
        execution.drivers[search.expression] = _driver(execution, search)
    return execution.drivers[search.expression]


def _driver(execution: Execution, search: Search) -> Driver | None:
    translator = translator_of(search)
    served = {
        leaf: found
        for leaf in leaves(search.expression)
        if (found := access(leaf, translator)) is not None
    }
    if search.expression is None or _cheapest(search.expression, dict.fromkeys(served, 0)) is None:
        return None
    counted = [leaf for leaf, found in served.items() if not found.reads_all]
    counts = _counts(execution, search, counted, FEW)
    best = _cheapest(search.expression, counts)
    known: dict[Leaf, Sequence[Row]] = {}
    if best is None or best[0] > FEW:
        for leaf in served.keys() - counts.keys():
            known[leaf] = _read(execution, search, leaf)
            counts[leaf] = len(known[leaf])
        best = _cheapest(search.expression, counts)
    versions = 0
    if best is None or best[0] > FEW:
        versions = size_of_search(execution)
        many = max(FEW, versions // _SHARE_OF_SET)
        # A list that was read in part is of no use.
        counts = {leaf: count for leaf, count in counts.items() if count <= FEW}
        counts |= _counts(execution, search, [one for one in counted if one not in counts], many)
        best = _cheapest(search.expression, counts)
        if best is None or best[0] > many:
            return None
    return Driver(best[1], best[0], known, versions)


def _cheapest(
    expression: Expression, counts: Mapping[Leaf, int]
) -> tuple[int, tuple[Leaf, ...]] | None:
    """Return the number of rows that lead to all versions of an expression, and whose they are."""
    match expression:
        case And(parts):
            found = [one for part in parts if (one := _cheapest(part, counts)) is not None]
            return min(found, key=lambda one: one[0], default=None)
        case Or(parts):
            every = [_cheapest(part, counts) for part in parts]
            known = [one for one in every if one is not None]
            if len(known) < len(every):
                return None
            return sum(one[0] for one in known), tuple(leaf for one in known for leaf in one[1])
        case _:
            return (counts[expression], (expression,)) if expression in counts else None


def _counts(
    execution: Execution, search: Search, counted: Collection[Leaf], most: int
) -> dict[Leaf, int]:
    """Return how many rows the index of each leaf reads, up to one more than a limit."""
    if not counted:
        return {}
    translator = translator_of(search)
    each = sql.SQL(", ").join(
        sql.SQL("(SELECT count(*) FROM ({} LIMIT {}) AS counted) AS {}").format(
            found.read, sql.Literal(most + 1), sql.Identifier(f"n{index}")
        )
        for index, leaf in enumerate(counted)
        if (found := access(leaf, translator)) is not None
    )
    plan = NESTED_REPLAN
    (row,) = execution.ask(sql.SQL("SELECT {}").format(each), translator.parameters, plan)
    return {leaf: row[f"n{index}"] for index, leaf in enumerate(counted)}


def _read(execution: Execution, search: Search, leaf: Leaf) -> list[Row]:
    """Return the versions of a leaf, up to one more than a few: to find them costs as counting."""
    translator = translator_of(search)
    found = access(leaf, translator)
    assert found is not None
    statement = sql.SQL("{} LIMIT {}").format(found.hits, sql.Literal(FEW + 1))
    return execution.ask(statement, translator.parameters, NESTED_REPLAN)


def listed(rows: Sequence[Row], translator: Translator) -> sql.Composable:
    """Return versions that were found before, as ``model_id, version``."""
    return sql.SQL(
        "SELECT * FROM unnest({}::bigint[], {}::integer[]) AS known (model_id, version)"
    ).format(
        translator.parameters.add([row["model_id"] for row in rows]),
        translator.parameters.add([row["version"] for row in rows]),
    )


def size_of_search(execution: Execution) -> int:
    """Return about how many versions there are, as Postgres last counted them."""
    row = execution.transaction.execute(SQL["search_size"]).fetchone() or {}
    return int(row["versions"])
