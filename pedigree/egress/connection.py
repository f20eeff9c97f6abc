"""A connection to a checked address, within one deadline.

The name is resolved and each of its addresses is checked before a packet is sent. The peer of the
connected socket is checked again, before TLS starts or a byte is written; so a name that resolves
differently a moment later (DNS rebinding) has no effect. There are no redirects, proxies or reused
connections.

Needs the extra ``webhooks``; import it with :func:`pedigree.libraries.library`.
"""

import socket
import ssl
import time
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import httpcore2

from pedigree._setting_lists import Network
from pedigree.egress.addresses import refusal

FAILURES = (OSError, httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException)
"""What a request over a guarded connection raises."""


class RefusedAddressError(OSError):
    """The address is not allowed; nothing was sent."""


def guarded(
    target: httpcore2.URL,
    *,
    allowed: Collection[Network],
    timeout_s: float,
    ca_file: Path | None = None,
    answers_are_signed: bool = False,
) -> httpcore2.HTTPConnection:
    """Return a connection to a URL's origin; its deadline begins now.

    Args:
        target: The URL.
        allowed: Networks that are allowed although they are not public.
        timeout_s: The limit for all that is done with the connection, in seconds.
        ca_file: Certificates of authorities that are trusted besides those of the system.
        answers_are_signed: The request is no secret and the answer is signed, so that public
            addresses need no TLS.
    """
    needs_no_tls = answers_are_signed or target.scheme == b"https"
    backend = _Backend(allowed, time.monotonic() + timeout_s, encrypted=needs_no_tls)
    return httpcore2.HTTPConnection(
        target.origin, ssl_context=_tls(ca_file), network_backend=backend
    )


def headers_for(target: httpcore2.URL, headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Return the headers of a request, with those that each one has."""
    port = b"" if target.port is None else b":%d" % target.port
    own = {"User-Agent": "pedigree", "Connection": "close"}
    sent = [(name.encode(), value.encode()) for name, value in {**own, **headers}.items()]
    return [(b"Host", target.host + port), *sent]


@cache
def _tls(ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


def reason_of(error: BaseException) -> str:
    """Return the reason of an error, without text that a receiver may have put into it."""
    cause: BaseException = error
    while not isinstance(cause, OSError) and (next_one := cause.__cause__ or cause.__context__):
        cause = next_one
    match cause:
        case RefusedAddressError():
            return str(cause)
        case ssl.SSLCertVerificationError():
            return f"its certificate is not valid: {cause.verify_message}"
        case TimeoutError():
            return "no answer in time"
        case socket.gaierror():
            return "its host has no address"
        case OSError(strerror=str(reason)):
            return reason.lower()
    return "it closed the connection or sent no HTTP response"


class _Stream(httpcore2.NetworkStream):
    """A stream with a deadline."""

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        self._socket = connected
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        self._socket.settimeout(_left(self._deadline))
        return self._socket.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._socket.settimeout(_left(self._deadline))
        self._socket.sendall(buffer)

    def close(self) -> None:
        self._socket.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> "_Stream":
        self._socket.settimeout(_left(self._deadline))
        wrapped = ssl_context.wrap_socket(self._socket, server_hostname=server_hostname)
        return _Stream(wrapped, self._deadline)

    def get_extra_info(self, info: str) -> Any:  # noqa: ARG002
        return None


class _Backend(httpcore2.NetworkBackend):
    """Opens connections to allowed addresses."""

    def __init__(self, allowed: Collection[Network], deadline: float, *, encrypted: bool) -> None:
        self._allowed = allowed
        self._deadline = deadline
        self._encrypted = encrypted

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> _Stream:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        for *_, address in found:
            self._judge(str(address[0]))
        last: OSError = ConnectionError(f"{host} has no address")
        for family, kind, protocol, _, address in found:
            connected = socket.socket(family, kind, protocol)
            try:
                connected.settimeout(_left(self._deadline))
                connected.connect(address)
                self._judge(str(connected.getpeername()[0]))
            except OSError as error:
                connected.close()
                last = error
            else:
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return _Stream(connected, self._deadline)
        raise last

    def _judge(self, address: str) -> None:
        refused = refusal(address, self._allowed, encrypted=self._encrypted)
        if refused is not None:
            raise RefusedAddressError(refused)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the deadline has passed")
    return left
