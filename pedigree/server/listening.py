"""The sockets that the service listens on, opened before it reports that it serves."""

import errno
import os
import socket
import stat
from pathlib import Path

from pedigree.errors import InvalidInputError

# Connections that wait until a worker accepts them.
_BACKLOG = 2048


def listen(host: str, port: int) -> list[socket.socket]:
    """Return sockets that listen on every address of a host.

    A plain bind, without ``SO_REUSEPORT``: with it a second service on the port would start, and
    take a part of the connections of the first.

    Raises:
        InvalidInputError: The port is in use or reserved, or the host is not one of this machine.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise _refused("--host", host, f"the host is unknown: {error.strerror}") from error
    sockets: list[socket.socket] = []
    failures: list[OSError] = []
    for family, _, _, _, address in dict.fromkeys(found):
        try:
            sockets.append(_bound(family, address))
        except OSError as error:
            # `localhost` also names ::1 where this machine has no IPv6.
            if error.errno == errno.EADDRNOTAVAIL and len(found) > 1:
                failures.append(error)
                continue
            _close(sockets)
            raise _cannot_listen(host, port, error) from error
    if not sockets:
        raise _cannot_listen(host, port, failures[0]) from failures[0]
    return sockets


def listen_on_path(path: Path) -> socket.socket:
    """Return a Unix socket that listens on a path, for this user and its group.

    Raises:
        InvalidInputError: Another process listens there, something else has the path, or it cannot
            be made.
    """
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_left_over(path)
        # Nobody else may connect, also not before a change of its mode.
        before = os.umask(0o117)
        try:
            opened.bind(str(path))
        finally:
            os.umask(before)
        opened.listen(_BACKLOG)
        opened.set_inheritable(True)
    except OSError as error:
        opened.close()
        raise InvalidInputError(
            f"the service cannot listen on this path: {error.strerror or error}",
            field="--socket",
            value=str(path),
            remedy="Name a path of at most 107 bytes in a folder that this user may write",
        ) from error
    return opened


def _remove_left_over(path: Path) -> None:
    """Remove a socket that a process left behind.

    Raises:
        OSError: A process listens on it, or it is something else.
    """
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise OSError(errno.EEXIST, "something else has the path")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        try:
            asking.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise OSError(errno.EADDRINUSE, "another process listens on it")


def _bound(family: int, address: tuple[object, ...]) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        # A port of a service that has just ended is free.
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind(address)
        # Two sockets may be bound to a port; only one of them can listen.
        opened.listen(_BACKLOG)
        opened.set_inheritable(True)
    except OSError:
        opened.close()
        raise
    return opened


def _close(sockets: list[socket.socket]) -> None:
    for each in sockets:
        each.close()


def _cannot_listen(host: str, port: int, error: OSError) -> InvalidInputError:
    if error.errno == errno.EADDRINUSE:
        return InvalidInputError(
            "another process listens on this port",
            field="--port",
            value=port,
            remedy="Stop that process, or serve on another port",
        )
    if error.errno == errno.EACCES:
        return InvalidInputError(
            "this user may not listen on this port",
            field="--port",
            value=port,
            remedy="Serve on a port of 1024 or more",
        )
    return _refused("--host", host, f"the service cannot listen on this host: {error.strerror}")


def _refused(field: str, value: object, message: str) -> InvalidInputError:
    return InvalidInputError(
        message, field=field, value=value, remedy="Serve on an address of this machine"
    )
