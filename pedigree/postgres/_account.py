"""The user of the server: Postgres refuses to run as root, and needs a user with a name."""

import ctypes
import os
import pwd
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pedigree.errors import EmbeddedPostgresError

_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Account:
    """The user of the server's processes.

    Attributes:
        enter: Enters a user namespace; runs in the new process before the program.
        user: The user to switch to if namespaces are blocked; None to keep the current user.
    """

    enter: Callable[[], None] | None = None
    user: pwd.struct_passwd | None = None

    def popen_options(self, before_exec: Callable[[], None] | None = None) -> dict[str, Any]:
        """Return the keyword arguments for :class:`subprocess.Popen`."""
        steps = [step for step in (self.enter, before_exec) if step is not None]

        def prepare() -> None:
            for step in steps:
                step()

        options: dict[str, Any] = {"preexec_fn": prepare} if steps else {}
        if self.user is not None:
            options |= {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}
        return options

    @property
    def remedy(self) -> str | None:
        """What to do if this user cannot access the programs or the data."""
        if self.user is None:
            return None
        return (
            "This system does not allow user namespaces for root, so Postgres runs as the user "
            f"{self.user.pw_name}, who must have access to the data and the programs: set "
            "PEDIGREE_HOME to a folder that other users can traverse, run as an ordinary user, or "
            "set PEDIGREE_DATABASE_URL"
        )

    def own(self, *paths: Path) -> None:
        """Change the owner of paths that the server writes, if the server runs as another user."""
        if self.user is not None:
            for path in paths:
                os.chown(path, self.user.pw_uid, self.user.pw_gid, follow_symlinks=False)


def choose_account() -> Account:
    """Choose the server's user: the current one if Postgres allows it, else a user namespace.

    In its own user namespace the server sees itself as an ordinary user, while its files belong to
    the current user: no user is added, and no folder gets wider permissions. Root can also switch
    to an ordinary user, if namespaces are blocked.

    Raises:
        EmbeddedPostgresError: The current user is root or has no name, and neither way works.
    """
    uid = os.geteuid()
    if uid != 0 and _has_name(uid):
        return Account()
    user = _ordinary_user()
    if user is not None and sys.platform == "linux":
        enter = _namespace(user)
        if _works(enter):
            return Account(enter=enter)
    if user is not None and uid == 0:
        return Account(user=user)
    raise EmbeddedPostgresError(
        f"Postgres cannot run as the user with id {uid}, and there is no ordinary user to run as",
        remedy="Run as an ordinary user or set PEDIGREE_DATABASE_URL",
    )


def die_with_parent(parent: int) -> Callable[[], None] | None:
    """Return a function that makes the kernel send SIGINT to the server if its supervisor dies."""
    if sys.platform != "linux":
        return None  # no such call: the next supervisor stops the orphaned server
    libc = ctypes.CDLL(None)
    sigint = 2  # a fast shutdown: open transactions are rolled back, and the data is consistent

    def set_death_signal() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, sigint)
        if os.getppid() != parent:  # the supervisor died before the call
            os._exit(1)

    return set_death_signal


def _namespace(user: pwd.struct_passwd) -> Callable[[], None]:
    libc = ctypes.CDLL(None, use_errno=True)

    def enter() -> None:
        uid, gid = os.geteuid(), os.getegid()
        if libc.unshare(_CLONE_NEWUSER) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{user.pw_uid} {uid} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{user.pw_gid} {gid} 1", encoding="ascii")

    return enter


def _works(enter: Callable[[], None]) -> bool:
    """Return whether a test process can enter the namespace; containers often block it."""
    child = os.fork()
    if child == 0:
        try:
            enter()
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _ordinary_user() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        return next((entry for entry in pwd.getpwall() if entry.pw_uid != 0), None)
