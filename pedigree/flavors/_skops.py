"""The import of skops, without the array libraries that it would import in passing.

When skops is imported, it asks scikit-learn for all its estimators, which imports every package
below ``sklearn``. One of them imports torch if that is installed, which costs two seconds in each
process that saves, loads or verifies a model of scikit-learn.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from pedigree.libraries import library

_COMPATIBILITY = "sklearn.externals.array_api_compat"
_PASSED_OVER = tuple(f"{_COMPATIBILITY}.{name}" for name in ("cupy", "dask", "torch"))


def skops_io(extra: str) -> ModuleType:
    """Return the module ``skops.io``.

    Raises:
        MissingDependencyError: It is not installed; the remedy names the extra.
    """
    with _passing_over():
        return library("skops.io", extra=extra)


@contextmanager
def _passing_over() -> Iterator[None]:
    """Let the packages that are not yet imported seem absent; they hold no estimator."""
    hidden = [name for name in _PASSED_OVER if name not in sys.modules]
    if "skops.io" in sys.modules:
        hidden = []
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: not importable
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)
