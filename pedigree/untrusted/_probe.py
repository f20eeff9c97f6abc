"""The job that tries whether this platform confines a process."""

import errno
import socket
from collections.abc import Iterator

_NOTHING_LISTENS = 9  # the port "discard"


def probe(memory: int) -> Iterator[dict[str, bool]]:
    """Yield whether memory is limited to ``memory`` bytes, and whether there is a network."""
    yield {"memory": _is_limited(memory), "network": _has_network()}


def _is_limited(memory: int) -> bool:
    try:
        bytearray(memory)
    except MemoryError:
        return True
    return False


def _has_network() -> bool:
    try:
        with socket.socket() as opened:
            opened.connect(("127.0.0.1", _NOTHING_LISTENS))
    except OSError as error:
        return error.errno not in (errno.EPERM, errno.ENETUNREACH)
    return True
