"""What a transaction states about a principal: their name, and which models they may see."""

import re
from collections.abc import Iterable

from pedigree._names import like_pattern, name_key
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

    It is a text array of patterns of LIKE for the keys of their names. Only if some of the models
    are denied, or if the principal is bound to others, it is a regular expression of Postgres,
    which takes longer to match. It is the second judge: the principal decides first what they may
    do with a model.

    >>> from pedigree.access.grants import Grant
    >>> from pedigree.audit.records import Actor
    >>> ann = Actor(name="ann", source="token")
    >>> print(models_seen(Principal(actor=ann, grants=(Grant(models=("Churn*", "fraud_eu")),))))
    {"churn%","fraud\\_eu"}
    >>> some = Grant(models=("churn", "fraud"))
    >>> models_seen(Principal(actor=ann, grants=(some,), bound=some))
    '{"churn","fraud"}'
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
    allowed = () if may_see_all else tuple(model for each in allowing for model in each.models)
    # A token for some models is bound to the same ones.
    if not bound or set(allowed) >= set(bound):
        allowed, bound = bound or allowed, ()
    elif not allowed or set(allowed) <= set(bound):
        allowed, bound = allowed or bound, ()
    if not denied and not bound:
        return _patterns_of_like(allowed) if allowed else ALL_MODELS
    refused = _any_of(model for each in denied for model in each.models)
    seen = _any_of(allowed) if allowed else ".*"
    within = f"(?={_any_of(bound)}$)" if bound else ""
    return f"^{within}(?!{refused}$){seen}$" if denied else f"^{within}{seen}$"


# An array without a pattern.
_NOTHING = "{}"


def _patterns_of_like(patterns: Iterable[str]) -> str:
    """Return names and patterns as a text array of patterns of LIKE, as Postgres reads it."""
    keys = dict.fromkeys(like_pattern(name_key(each)) for each in patterns)
    quoted = (re.sub(r'([\\"])', r"\\\1", each) for each in keys)
    return "{" + ",".join(f'"{each}"' for each in quoted) + "}"


def _any_of(patterns: Iterable[str]) -> str:
    keys = (".*".join(map(re.escape, name_key(each).split("*"))) for each in patterns)
    return f"(?:{'|'.join(dict.fromkeys(keys))})"
