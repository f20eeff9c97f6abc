"""As whom the server runs: Postgres refuses to be root, and needs a user that has a name."""

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
    """How the server's processes get their user.

    Attributes:
        enter: Runs in the new process before the program: enters a user namespace.
        user: The user to switch to, where namespaces are blocked; None to stay who we are.
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
        """What to do when this account cannot reach the programs or the data."""
        if self.user is None:
            return None
        return (
            "This system lets root make no user namespace, so Postgres runs as the user "
            f"{self.user.pw_name}, who must reach the data and the programs: set PEDIGREE_HOME to "
            "a folder that others may pass through, run as an ordinary user, or set "
            "PEDIGREE_DATABASE_URL"
        )

    def own(self, *paths: Path) -> None:
        """Give what the server must write to the user that it switches to, if it does."""
        if self.user is not None:
            for path in paths:
                os.chown(path, self.user.pw_uid, self.user.pw_gid, follow_symlinks=False)


def choose_account() -> Account:
    """Choose who the server is: ourselves if Postgres allows it, else ourselves under a name.

    In a user namespace of its own the server sees itself as an ordinary user, while its files
    stay ours: no user is added, nobody's folder is opened.

    Raises:
        EmbeddedPostgresError: We are root (or have no name) and the system allows no way out.
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
    """Return what makes the kernel send SIGINT to the server when its supervisor dies."""
    if sys.platform != "linux":
        return None  # no such call: there the next supervisor stops what the last one left
    libc = ctypes.CDLL(None)
    sigint = 2  # a fast shutdown: open transactions are rolled back, the data is left clean

    def arrange() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, sigint)
        if os.getppid() != parent:  # it died before the call
            os._exit(1)

    return arrange


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
    """Try it in a process that ends at once; containers often block namespaces."""
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
