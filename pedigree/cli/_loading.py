"""No garbage collection while modules are loaded, which makes hundreds of thousands of objects."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_IS_OWN: ContextVar[bool] = ContextVar("_IS_OWN", default=False)


@contextmanager
def own_process() -> Iterator[None]:
    """Stop garbage collection until a command runs: it would take a sixth of ``--help``.

    The process must be this command's alone, since what is loaded is then never collected.
    """
    token = _IS_OWN.set(True)
    gc.disable()
    try:
        yield
    finally:
        collect_again()
        _IS_OWN.reset(token)


@contextmanager
def loading() -> Iterator[None]:
    """Stop garbage collection while a command loads modules, in a process of its own."""
    if _IS_OWN.get():
        gc.disable()
    try:
        yield
    finally:
        collect_again()


def collect_again() -> None:
    """Start garbage collection, without the objects loaded so far, which stay to the end."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
