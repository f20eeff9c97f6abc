"""What a transaction states about a principal: their name, and which models they may see."""

import re
from collections.abc import Iterable

from pedigree._names import name_key
from pedigree.access.grants import Effect
from pedigree.access.principal import Principal
from pedigree.access.records import Permission
from pedigree.postgres.asker import ALL_MODELS, Asker


def asker_of(principal: Principal) -> Asker:
    """Return the asker that a principal is for the database."""
    return Asker(
        models=models_seen(principal),
        actor=principal.name,
        actor_source=principal.actor.source,
    )


def models_seen(principal: Principal) -> str:
    r"""Return which models a principal has any permission for, without those denied to be read.

    It is a regular expression of Postgres for the keys of their names. It is the second judge: the
    principal decides first what they may do with a model.

    >>> from pedigree.access.grants import Grant
    >>> from pedigree.audit.records import Actor
    >>> ann = Actor(name="ann", source="token")
    >>> models_seen(Principal(actor=ann, grants=(Grant(models=("Churn*", "fraud-eu")),)))
    '^(?:churn.*|fraud\\-eu)$'
    >>> models_seen(Principal(actor=ann))
    '*'
    >>> eu = Grant(effect=Effect.DENY, models=("*-eu",))
    >>> models_seen(Principal(actor=ann, grants=(Grant(), eu)))
    '^(?!(?:.*\\-eu)$).*$'
    """
    allowing = [each for each in principal.grants if each.effect is Effect.ALLOW]
    denied = [
        each
        for each in principal.grants
        if each.effect is Effect.DENY and Permission.READ in each.effective
    ]
    bound = principal.bound.models if principal.bound is not None else ()
    if not allowing or any(not each.models for each in denied):
        return _NOTHING
    may_see_all = any(not each.models for each in allowing)
    if may_see_all and not denied and not bound:
        return ALL_MODELS
    refused = _any_of(model for each in denied for model in each.models)
    seen = ".*" if may_see_all else _any_of(model for each in allowing for model in each.models)
    within = f"(?={_any_of(bound)}$)" if bound else ""
    return f"^{within}(?!{refused}$){seen}$" if denied else f"^{within}{seen}$"


# Every model has a name.
_NOTHING = "^$"


def _any_of(patterns: Iterable[str]) -> str:
    keys = (".*".join(map(re.escape, name_key(each).split("*"))) for each in patterns)
    return f"(?:{'|'.join(dict.fromkeys(keys))})"
