"""What the database is told about a principal: their name, and which models they may see."""

import re
from collections.abc import Iterable

from pedigree.access.principal import Principal
from pedigree.catalog.names import name_key
from pedigree.postgres.asker import ALL_MODELS, Asker


def asker_of(principal: Principal) -> Asker:
    """Return the asker that a principal is for the database."""
    return Asker(
        models=models_seen(principal.models),
        actor=principal.name,
        actor_source=principal.actor.source,
    )


def models_seen(patterns: Iterable[str]) -> str:
    r"""Return a regular expression of Postgres for the keys of models that patterns match.

    The keys narrow what is seen; which names match is decided by the principal.

    >>> models_seen(["Churn*", "fraud-eu"])
    '^(?:churn.*|fraud\\-eu)$'
    >>> models_seen([])
    '*'
    """
    keys = [".*".join(map(re.escape, name_key(each).split("*"))) for each in patterns]
    return f"^(?:{'|'.join(keys)})$" if keys else ALL_MODELS
