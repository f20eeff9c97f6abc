"""Reserved names: the actors of Pedigree's own sensors and services.

Nobody may claim one by a setting, a run's tag or config, git's address or a token: only the sensor
writes entries of the audit log that name the sensor.
"""

import re
import unicodedata

from pedigree._values import Key, bound_of, require_values
from pedigree.audit.records import Actor
from pedigree.errors import ReservedNameError

PREFIXES = ("sensor:", "service:")
PSEUDONYM = re.compile(r"person-[0-9a-f]{32}")
"""The form of pseudonyms: who claims one as a name would act as somebody else."""

RECONCILER = Actor(name="service:reconciler", source="pedigree serve")
# Fetches and judges the versions that MLflow clients register.
REGISTRAR = Actor(name="service:registrar", source="pedigree serve")
AUTOMATIC_APPROVER = "service:approver:"
"""The beginning of the names under which automatic approvers decide."""
# Renders model cards in any process: a card is a view, so no person is its author.
CARDS = Actor(name="service:cards", source="model cards")
# Notes which keys sign the audit log, in any process that seals it.
SEALER = Actor(name="service:sealer", source="audit log")
# Reads a public audit log without a token.
PUBLIC_MONITOR = Actor(name="service:monitor", source="public log")
# Grants the role admin to the first admin, whom the file of providers names.
FIRST_ADMIN = Actor(name="service:first-admin", source="file of providers")
# Lets an admin in again, for somebody who has the credentials of the database.
RECOVERY = Actor(name="service:recovery", source="pedigree access recover")
# Notes which members of background work failed, in any process.
BACKGROUND = Actor(name="service:background", source="background work")
PROMOTION_SENSOR = Actor(name="sensor:pedigree_promotion", source="dagster sensor")
DRIFT_SENSOR = Actor(name="sensor:pedigree_drift", source="dagster sensor")


def is_reserved(name: str) -> bool:
    """Return whether a name is reserved, in any case and any form of its characters.

    >>> is_reserved("Sensor:pedigree_promotion"), is_reserved("sensor-team@example.com")
    (True, False)
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    # Invisible characters (spaces, controls, zero-width characters) do not distinguish names.
    seen = (letter for letter in folded if unicodedata.category(letter)[0] not in "CZ")
    return "".join(seen).startswith(PREFIXES)


def is_pseudonym(text: str) -> bool:
    """Return whether a text has the form of a pseudonym, in any case."""
    return PSEUDONYM.fullmatch(text.casefold()) is not None


def claimed(name: str, field: str) -> str:
    """Return a claimed name, unless it is reserved.

    Args:
        name: The name.
        field: Where it is claimed, such as a setting or a tag.

    Raises:
        ReservedNameError: The name is reserved for Pedigree.
        InvalidInputError: It is no Unicode text, or too long.
    """
    require_values(name, field, bound=bound_of(Key))
    if is_reserved(name):
        raise ReservedNameError(name, field=field, prefixes=PREFIXES)
    return name


def claimed_name(name: str, field: str) -> str:
    """Return a name that somebody claims for themselves or others: no pseudonym either.

    Raises:
        ReservedNameError: The name is reserved for Pedigree, or has the form of a pseudonym.
        InvalidInputError: It is no Unicode text, or too long.
    """
    if is_pseudonym(claimed(name, field)):
        raise ReservedNameError(name, field=field, prefixes=("person-",))
    return name
