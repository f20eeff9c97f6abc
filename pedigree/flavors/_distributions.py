"""scipy's frozen distributions, such as the ``loguniform(1e-3, 1)`` of a randomized search.

A distribution is restored from its name and arguments. It is not restored as pickle and skops do,
because its ``__setstate__`` runs source code from the file.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pedigree.errors import InvalidArtifactError


def frozen(name: str, args: Sequence[object], kwds: Mapping[str, object]) -> object:
    """Return the distribution of scipy.stats with a name, frozen with these arguments.

    Raises:
        InvalidArtifactError: scipy.stats has no such distribution.
    """
    distribution = _public(name)
    if distribution is None:
        raise InvalidArtifactError(
            f"scipy.stats has no distribution {name!r}",
            field="path",
            remedy="Load the model with the version of scipy that saved it",
        )
    return distribution(*args, **kwds)


def call_of(distribution: Any) -> tuple[str, tuple[object, ...], dict[str, object]] | None:
    """Return the arguments for :func:`frozen` that restore a frozen distribution.

    None if they would not restore it: a custom or modified distribution, or one with its own
    random generator.
    """
    import numpy as np  # noqa: PLC0415 - scipy imports it

    inner = distribution.dist
    public = _public(inner.name)
    if type(public) is not type(inner) or inner.random_state is not np.random.mtrand._rand:
        return None
    if inner._updated_ctor_param() != public._updated_ctor_param():
        return None
    return inner.name, tuple(distribution.args), dict(distribution.kwds)


def _public(name: object) -> Any:
    from scipy import stats  # noqa: PLC0415 - needed only for models with distributions

    found = getattr(stats, name, None) if isinstance(name, str) else None
    return found if isinstance(found, stats.rv_continuous | stats.rv_discrete) else None
