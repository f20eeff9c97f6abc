"""scipy's frozen distributions, such as the ``loguniform(1e-3, 1)`` of a randomized search.

Built by the name and the arguments that somebody once called it with. Restoring one as pickle and
skops do is no choice: its ``__setstate__`` runs a piece of source code that lies in the file.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pedigree.errors import InvalidArtifactError


def frozen(name: str, args: Sequence[object], kwds: Mapping[str, object]) -> object:
    """Return the distribution of scipy.stats that has the name, with these arguments.

    Raises:
        InvalidArtifactError: scipy.stats has no such distribution.
    """
    distribution = _public(name)
    if distribution is None:
        raise InvalidArtifactError(
            f"scipy.stats has no distribution {name!r}",
            field="path",
            remedy="Load the model with the version of scipy that it was stored with",
        )
    return distribution(*args, **kwds)


def call_of(given: Any) -> tuple[str, tuple[object, ...], dict[str, object]] | None:
    """Return what to call :func:`frozen` with to get a frozen distribution again.

    None where that would give another one: a distribution of somebody's own, one that was changed,
    or one that draws from a generator of its own.
    """
    import numpy as np  # noqa: PLC0415 - who has a distribution has loaded it

    inner = given.dist
    public = _public(inner.name)
    if type(public) is not type(inner) or inner.random_state is not np.random.mtrand._rand:
        return None
    if inner._updated_ctor_param() != public._updated_ctor_param():
        return None
    return inner.name, tuple(given.args), dict(given.kwds)


def _public(name: object) -> Any:
    from scipy import stats  # noqa: PLC0415 - only whoever stores or loads one needs it

    found = getattr(stats, name, None) if isinstance(name, str) else None
    return found if isinstance(found, stats.rv_continuous | stats.rv_discrete) else None
