"""Libraries that take long to import, for the test modules that use them.

Collecting the tests imports every test module, and each worker of pytest-xdist collects all of
them. A library that is named by `lazy` is imported when a test first uses it::

    linear_model = lazy("sklearn.linear_model")

    def test_a_model_is_saved() -> None:
        model = linear_model.Ridge()
"""

import warnings
from importlib import import_module
from types import ModuleType
from typing import Any


class _LazyModule(ModuleType):
    """A module that is imported when one of its attributes is read."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # which pytest asks of everything in a test module
            raise AttributeError(name)
        with warnings.catch_warnings():
            # As while tests are collected: what a library warns of at its import is not the test's.
            warnings.simplefilter("ignore")
            module = import_module(self.__name__)
        return getattr(module, name)


def lazy(name: str) -> Any:
    """Name a module without importing it."""
    return _LazyModule(name)
