"""Draw due cards, and read the stored ones."""

from pedigree.cards.drawing import draw_card
from pedigree.cards.follower import CardFollower
from pedigree.cards.named import named
from pedigree.registry import Registry


def follow(registry: Registry) -> int:
    """Draw all due cards, and return their number."""
    follower, drawn = CardFollower(registry.database, registry.store), 0
    while now := follower.follow():
        drawn += now
    return drawn


def drawn(registry: Registry, reference: str) -> str:
    """The expected text of a version's card, with the names of people."""
    name, _, number = reference.rpartition("/")
    card = registry.database.transaction(lambda tx: draw_card(tx, name, int(number)))
    return named(card.markdown, registry.context.names)


def kept(registry: Registry) -> dict[str, str]:
    """The newest card of each version, as Postgres has it and with the same bytes in the store.

    They are returned with the names of people.
    """
    rows = registry.database.fetch_all(
        "SELECT DISTINCT ON (model_id, version) m.name || '/' || version AS reference, markdown,"
        " b.key FROM pedigree.model_card JOIN pedigree.registered_model m USING (model_id)"
        " JOIN pedigree.blob b USING (digest) ORDER BY model_id, version, revision DESC"
    )
    for row in rows:
        assert b"".join(registry.store.stream(row["key"])) == row["markdown"].encode()
    return {row["reference"]: named(row["markdown"], registry.context.names) for row in rows}


def let_lease_end(registry: Registry) -> None:
    """Expire the lease of a killed follower."""
    registry.database.transaction(
        lambda tx: tx.execute("UPDATE pedigree.card_follower SET lease_until = '-infinity'")
    )
