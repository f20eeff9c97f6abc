"""Atomic creation of the data folder."""

import locale
import os
import secrets
import shutil
import subprocess
from pathlib import Path

from pedigree.errors import EmbeddedPostgresError
from pedigree.postgres._account import Account, die_with_parent
from pedigree.postgres._binaries import Binaries
from pedigree.postgres._layout import Layout, replace_text

ROLE = "pedigree"
_CREATED = (
    "The folder postgres/ was created here. Without it, Pedigree does not start an empty one.\n"
)


def ensure_cluster(
    layout: Layout, binaries: Binaries, account: Account, *, durable: bool = True
) -> None:
    """Create the cluster if there is none. The caller holds the supervisor's lock.

    Raises:
        EmbeddedPostgresError: `initdb` failed, the password of existing data is missing, or the
            data that was created here is missing.
    """
    if layout.data.exists():
        if not layout.password.exists():
            raise EmbeddedPostgresError(
                f"{layout.password} is missing, so the data in that folder cannot be opened",
                remedy=f"Restore that file. {_begin_again(layout)}",
            )
        _record_creation(layout)
        return
    if layout.had_data:
        raise EmbeddedPostgresError(
            f"{layout.data} was created before, and is missing",
            field="PEDIGREE_HOME",
            value=str(layout.home),
            remedy=f"Restore it from a backup, or mount its disk. {_begin_again(layout)}",
        )
    if not layout.password.exists():
        replace_text(layout.password, secrets.token_urlsafe(24))
    for remains in layout.folder.glob("data.new*"):
        shutil.rmtree(remains, ignore_errors=True)
    # A name of its own: `initdb` of a supervisor that was killed may still write to its folder.
    unfinished = layout.data.with_name(f"data.new-{secrets.token_hex(4)}")
    unfinished.mkdir(mode=0o700)
    if account.user is not None:
        # The other user must be able to traverse both, but not to list them.
        layout.home.chmod(0o711)
        layout.folder.chmod(0o711)
    account.own(unfinished)
    _initdb(unfinished, layout, binaries, account, durable=durable)
    unfinished.rename(layout.data)
    _sync_folder(layout.folder)
    _record_creation(layout)


def _record_creation(layout: Layout) -> None:
    """Record outside of the folder that it was created.

    After the data, not before: if the process dies in between, the next start records it.
    """
    if not layout.created.exists():
        replace_text(layout.created, _CREATED)
        _sync_folder(layout.home)


def _begin_again(layout: Layout) -> str:
    return (
        f"To begin an empty registry, move {layout.home} away, or set PEDIGREE_HOME to another "
        "folder"
    )


def _initdb(
    target: Path, layout: Layout, binaries: Binaries, account: Account, *, durable: bool
) -> None:
    secret = layout.folder / "password.initdb"
    replace_text(secret, layout.password.read_text(encoding="utf-8"))
    account.own(secret)
    command = [binaries.program("initdb"), "--pgdata", str(target), "--username", ROLE]
    command += ["--encoding", "UTF8", "--locale", "C.UTF-8" if _has_c_utf8() else "C"]
    command += ["--auth", "scram-sha-256", "--pwfile", str(secret)]
    command += ["--data-checksums"]  # the default since Postgres 18
    command += [] if durable else ["--no-sync"]
    try:
        subprocess.run(
            command,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd="/",
            **account.popen_options(die_with_parent(os.getpid())),
        )
    except subprocess.CalledProcessError as error:
        raise EmbeddedPostgresError(
            f"initdb failed: {error.output.strip()}", remedy=account.remedy
        ) from error
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedPostgresError(
            f"initdb cannot be run: {error}", remedy=account.remedy
        ) from error
    finally:
        secret.unlink()


def _has_c_utf8() -> bool:
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    except locale.Error:
        return False  # macOS before 15
    locale.setlocale(locale.LC_CTYPE, before)
    return True


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
