"""Names of principals that are Pedigree's own: what sensors and services do is done in them.

Nobody may claim one, by a setting, a run's tag or config, git's address or a token: an entry of the
audit log that names the sensor was written by the sensor.
"""

import unicodedata

from pedigree.audit.records import Actor
from pedigree.errors import ReservedNameError

PREFIXES = ("sensor:", "service:")

RECONCILER = Actor(name="service:reconciler", source="pedigree serve")
# Draws model cards, whichever process does so: a card is a view, and nobody's statement.
CARDS = Actor(name="service:cards", source="model cards")
PROMOTION_SENSOR = Actor(name="sensor:pedigree_promotion", source="dagster sensor")
DRIFT_SENSOR = Actor(name="sensor:pedigree_drift", source="dagster sensor")


def is_reserved(name: str) -> bool:
    """Say whether a name reads as one of Pedigree's own, whatever its case and characters.

    >>> is_reserved("Sensor:pedigree_promotion"), is_reserved("sensor-team@example.com")
    (True, False)
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    # What is not seen (spaces, controls, zero-width characters) tells no two names apart.
    seen = (letter for letter in folded if unicodedata.category(letter)[0] not in "CZ")
    return "".join(seen).startswith(PREFIXES)


def claimed(name: str, field: str) -> str:
    """Return the name that somebody claims.

    Args:
        name: The name.
        field: Where it is claimed: a setting, a tag.

    Raises:
        ReservedNameError: It is one of Pedigree's own.
    """
    if is_reserved(name):
        raise ReservedNameError(name, field=field, prefixes=PREFIXES)
    return name
