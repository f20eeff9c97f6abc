"""Draw a version's card: read everything that it shows, and render it."""

from collections.abc import Callable

from pedigree.cards.records import CardNotes
from pedigree.cards.render import MOST_ROWS, render_card
from pedigree.cards.store import CardState, DrawnCard, card_state, newest_event
from pedigree.catalog import lookups
from pedigree.catalog.names import name_key
from pedigree.catalog.references import Reference
from pedigree.catalog.store import lock_model
from pedigree.lifecycle.checks import CHECKS
from pedigree.lifecycle.store import verdicts_of_card
from pedigree.lifecycle.tenures import tenures_of_card
from pedigree.lineage.records import LineageGraph
from pedigree.lineage.store import read_lineage
from pedigree.postgres.transaction import Transaction


def draw_card(
    transaction: Transaction,
    name: str,
    version: int,
    notes: CardNotes | None = None,
    *,
    shown: Callable[[LineageGraph], LineageGraph] = lambda graph: graph,
) -> DrawnCard:
    """Draw a version's card as of one point in time.

    If an event of the model is committed in between, the card could show half of a change. In that
    case the card is drawn again under the model's lock.

    Args:
        transaction: The transaction to read in.
        name: The model.
        version: The version.
        notes: People's notes; those of the newest card when None.
        shown: Returns the part of the lineage that the card shows.

    Raises:
        NotFoundError: There is no such version.
    """
    state = card_state(transaction, name, version)
    drawn = render(transaction, name, version, notes, state, shown)
    if newest_event(transaction, name) == state.newest_event:
        return drawn
    lock_model(transaction, name)
    state = card_state(transaction, name, version)
    return render(transaction, name, version, notes, state, shown)


def render(  # noqa: PLR0917 - draw_card has them all
    transaction: Transaction,
    name: str,
    number: int,
    notes: CardNotes | None,
    state: CardState,
    shown: Callable[[LineageGraph], LineageGraph] = lambda graph: graph,
) -> DrawnCard:
    """Draw a version's card, whose state was read before or at the transaction's one snapshot.

    Raises:
        NotFoundError: There is no such version.
    """
    version = lookups.find_version(transaction, Reference(name=name, version=number))
    environment = version.environment_hash
    verdicts = verdicts_of_card(transaction, version, checks=CHECKS, limit=MOST_ROWS)
    tenures = tenures_of_card(transaction, version, limit=MOST_ROWS)
    shown_notes = state.notes if notes is None else notes
    markdown = render_card(
        version,
        lookups.list_trainings(transaction, version, limit=1, after=None)[0],
        shown(read_lineage(transaction, name_key(name), number, newest=False)),
        verdicts.records,
        tenures.records,
        shown_notes,
        further_verdicts=verdicts.further,
        further_tenures=tenures.further,
        packages=lookups.environment_packages(transaction, environment) if environment else (),
    )
    return DrawnCard(version, markdown, shown_notes, state)
