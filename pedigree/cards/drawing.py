"""Draw the cards of versions: read everything that they show by one statement, and render it.

So a card shows one state of its version, without a lock and without a transaction.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from pedigree._stored_json import READABLE_DEPTH, from_stored_json
from pedigree.cards.records import CardNotes
from pedigree.cards.render import MOST_ROWS, render_card
from pedigree.cards.store import SQL, DrawnCard, state_of
from pedigree.catalog import lookups
from pedigree.catalog.names import name_key
from pedigree.catalog.references import Reference
from pedigree.catalog.rows import training_of, version_from_search_row
from pedigree.catalog.store import version_not_found
from pedigree.lifecycle.checks import CHECKS
from pedigree.lifecycle.records import RecordedVerdict, Tenure
from pedigree.lineage.records import LineageGraph
from pedigree.postgres.pages import one_by_one
from pedigree.postgres.transaction import Row, Transaction

# How deep a JSON value is in the JSON of a row, and of a list of rows.
_IN_A_ROW, _IN_A_LIST = READABLE_DEPTH + 1, READABLE_DEPTH + 2


class WantedCard(NamedTuple):
    """A version whose card must show an event of its model."""

    name: str
    version: int
    event_id: int | None
    """None: the card is drawn in any case."""

    @property
    def reference(self) -> str:
        """The version's reference."""
        return f"{self.name}/{self.version}"


def draw_card(
    transaction: Transaction,
    name: str,
    version: int,
    notes: CardNotes | None = None,
    *,
    shown: Callable[[LineageGraph], LineageGraph] = lambda graph: graph,
) -> DrawnCard:
    """Draw a version's card as of one point in time.

    Args:
        transaction: The transaction to read in.
        name: The model.
        version: The version.
        notes: People's notes; those of the newest card when None.
        shown: Returns the part of the lineage that the card shows.

    Raises:
        NotFoundError: There is no such version.
    """
    values = _values([WantedCard(name, version, None)])
    row = transaction.execute(SQL["cards_to_draw"], values).fetchone()
    if row is None:
        lookups.find_version(transaction, Reference(name=name, version=version))
        raise version_not_found(name, version)  # it was restored since
    return _drawn(row, notes, shown)


def draw_cards(transaction: Transaction, wanted: Sequence[WantedCard]) -> list[DrawnCard]:
    """Draw those cards that do not show their events yet; a deleted version has none.

    All are of one snapshot. They are read one by one, because each may have a large lineage.
    """
    with one_by_one(transaction, SQL["cards_to_draw"], _values(wanted)) as rows:
        return [_drawn(row) for row in rows]


def _values(wanted: Sequence[WantedCard]) -> dict[str, object]:
    return {
        "names": [each.name for each in wanted],
        "name_keys": [name_key(each.name) for each in wanted],
        "versions": [each.version for each in wanted],
        "event_ids": [each.event_id for each in wanted],
        "checks": sorted(CHECKS),
        # The same in a service, whose pages have a bound in bytes: so is the card.
        "most": MOST_ROWS,
    }


def _drawn(
    row: Row,
    notes: CardNotes | None = None,
    shown: Callable[[LineageGraph], LineageGraph] = lambda graph: graph,
) -> DrawnCard:
    """Draw the card of a row of the query ``cards_to_draw``."""
    version = version_from_search_row(row)
    training = from_stored_json(row["training"], _IN_A_ROW) if row["training"] else None
    verdicts = from_stored_json(row["verdicts"], _IN_A_LIST)
    tenures = from_stored_json(row["tenures"], _IN_A_LIST)
    state = state_of(version.reference, row)
    shown_notes = state.notes if notes is None else notes
    markdown = render_card(
        version,
        training_of({**training, "flavor": version.flavor, "signature": version.signature})
        if training
        else None,
        shown(LineageGraph.model_validate_json(row["graph"])),
        [RecordedVerdict(**_without_total(each)) for each in verdicts],
        [Tenure(**_without_total(each)) for each in tenures],
        shown_notes,
        further_verdicts=_further(verdicts),
        further_tenures=_further(tenures),
        packages=row["packages"] or (),
    )
    return DrawnCard(version, markdown, shown_notes, state)


def _without_total(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "total"}


def _further(rows: Sequence[Mapping[str, Any]]) -> int:
    """Return how many rows there are that the card does not show."""
    return rows[0]["total"] - len(rows) if rows else 0
