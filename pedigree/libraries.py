"""Imports from Pedigree's extras, with an error that names the extra to install.

>>> library("json", extra="none").dumps({})
'{}'
"""

import importlib
from types import ModuleType

from pedigree.distribution import pip_install
from pedigree.errors import MissingDependencyError


def library(module: str, *, extra: str) -> ModuleType:
    """Import a module that belongs to one of Pedigree's extras.

    Raises:
        MissingDependencyError: It is not installed; the remedy names the extra.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingDependencyError(
            f"{(error.name or module).partition('.')[0]} is not installed",
            remedy=f"Run: {pip_install(extra)}",
        ) from error
