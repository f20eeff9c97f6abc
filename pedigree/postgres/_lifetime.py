"""What becomes of open databases when their process forks or exits."""

import atexit
import os
import weakref
from typing import Protocol


class _Open(Protocol):
    def close(self) -> None: ...

    def forget_after_fork(self) -> None: ...


# A child must neither use nor close the connections of its parent: closing would end the session
# on the shared socket. The references here prevent that they are garbage-collected.
_inherited: list[object] = []
_databases: "weakref.WeakSet[_Open]" = weakref.WeakSet()


def end_with_process(database: _Open) -> None:
    """Close a database at the exit of this process, and let forked children open their own."""
    _databases.add(database)


def keep_inherited(pool: object) -> None:
    """Keep a pool of the parent, so that nothing closes it."""
    _inherited.append(pool)


def _forget_all() -> None:
    for database in list(_databases):
        database.forget_after_fork()


os.register_at_fork(after_in_child=_forget_all)


def _close_all() -> None:
    for database in list(_databases):
        database.close()


# At interpreter shutdown, a pool that is still open waits in vain for its threads, for seconds.
atexit.register(_close_all)
