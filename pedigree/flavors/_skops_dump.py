"""Writer of skops archives that checks that functions and classes can be imported by name.

skops stores any function or class as a module and a bare name. For a function that is defined
inside another one the name resolves to nothing, or to another function. Here each function and
class is looked up while the archive is written, and must be found.

skops has no public hook for each object that it stores, so this module uses the three internal
parts of :func:`skops.io.dump`. Import this module only if skops is installed.
"""

import importlib
import json
from collections import defaultdict
from functools import partial
from pathlib import Path
from types import MethodType
from typing import Any, NoReturn
from zipfile import ZipFile

import numpy as np
import skops.io
from scipy.stats._distn_infrastructure import rv_frozen
from skops.io._general import (
    function_get_state,
    object_get_state,
    type_get_state,
)
from skops.io._utils import SaveContext, _get_state, get_module, get_state

from pedigree.errors import UnsupportedModelError
from pedigree.flavors import _distributions
from pedigree.flavors._skops_archive import SCHEMA

_BY_THEIR_NAME = (function_get_state, type_get_state)
_REMEDY = (
    "Define it at the top level of a module that can be imported where the model is loaded, or use"
    " the generic flavor with a file"
)


def dump(model: object, file: Path) -> None:
    """Write a model as :func:`skops.io.dump` does.

    Raises:
        UnsupportedModelError: A function or class in the model cannot be imported by its name, or
            another value in it would not be restored as it is.
    """
    with ZipFile(file, "w") as archive:
        context = _Context(archive)
        state = get_state(model, context)
        state |= {"protocol": context.protocol, "_skops_version": skops.__version__}
        archive.writestr(SCHEMA, json.dumps(state))


class _Context(SaveContext):  # type: ignore[misc]  # skops ships no types
    """The context that skops passes from object to object; it checks each object."""

    def memoize(self, obj: object) -> int:
        if id(obj) not in self.memo:
            _check(obj)
        return int(super().memoize(obj))


def _check(value: Any) -> None:
    """Refuse a value that loading the archive would not restore.

    Raises:
        UnsupportedModelError: The value would not be restored.
    """
    kind = type(value)
    if value is None or isinstance(value, str | int | float):  # stored by value, not by name
        return
    handler = _get_state.dispatch(kind)
    if handler in _BY_THEIR_NAME:
        _require_found(value)
    elif isinstance(value, MethodType):
        _require_method(value)
    elif isinstance(value, partial) and kind is not partial:
        _refuse(kind, "is restored as a functools.partial")
    elif handler is object_get_state and _is_global(value):
        _refuse(value, "is stored under a name that skops does not read")
    else:
        _require_found(kind)
        if isinstance(value, dict):
            _require_keys(value)


def _require_found(named: Any) -> None:
    """Refuse a function or class that its module does not have under its bare name."""
    module, name = get_module(named), named.__name__
    qualified = getattr(named, "__qualname__", name)
    if module == "__main__":
        _refuse(named, "is defined in __main__, the running program, which others cannot import")
    if "<lambda>" in qualified:
        _refuse(named, "is a lambda, which has no name to import")
    if "<locals>" in qualified:
        _refuse(named, "is defined inside a function, from which it cannot be imported")
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ImportError as error:
        _refuse(named, f"cannot be imported: {error}")
    if found is None:
        _refuse(named, f"does not exist: the module {module} has no {name}")
    if found is not named:
        _refuse(named, f"is not the {name} of the module {module}")


def _require_method(method: MethodType) -> None:
    """Refuse a bound method that its object does not have, or that skops does not read."""
    owner, name = method.__self__, method.__func__.__name__
    if isinstance(owner, type) or get_module(method) != get_module(type(owner)):
        _refuse(method, "is a class method, or is defined in a different module than its object")
    if getattr(owner, name, None) != method:
        _refuse(method, f"is not the {name} of its object")


def _require_keys(content: dict[Any, Any]) -> None:
    """Refuse keys that skops restores as others: it stores strings, and bool("False") is True."""
    plain = str if isinstance(content, defaultdict) else str | int | float | np.number
    for key in content:
        if not isinstance(key, tuple) and (isinstance(key, bool) or not isinstance(key, plain)):
            raise UnsupportedModelError(
                f"a {type(content).__name__} of the model has the key {key!r}, which is not"
                " restored as it is",
                field="model",
                remedy="Use strings or numbers as keys",
            )


def _is_global(value: Any) -> bool:
    """Return whether an object reduces to a global name, as compiled functions do."""
    try:
        return isinstance(value.__reduce__(), str)
    except Exception:  # skops raises the same error, with a better message
        return False


def _refuse(named: Any, reason: str) -> NoReturn:
    module = getattr(named, "__module__", None) or type(named).__module__
    name = getattr(named, "__qualname__", None) or repr(named)
    raise UnsupportedModelError(
        f"the model holds {module}.{name}, which cannot be stored by name: it {reason}",
        field="model",
        remedy=_REMEDY,
    )


def _distribution_state(given: Any, context: SaveContext) -> dict[str, Any]:
    """Store a frozen distribution as the call that creates it, only in Pedigree's archives."""
    call = _distributions.call_of(given) if isinstance(context, _Context) else None
    if call is None:
        state: dict[str, Any] = object_get_state(given, context)
        return state
    return {
        "__class__": _distributions.frozen.__name__,
        "__module__": _distributions.__name__,
        "__loader__": "ConstructorFromReduceNode",
        "content": get_state(call, context),
    }


_get_state.register(rv_frozen, _distribution_state)
