"""Requests that somebody makes to harm a service, by class, and what each may be answered."""

import random
import socket
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.server.raw import answer, connected, request, send

POST = "/api/v1/models"
_AT_ONCE = 40
_KIB = 1 << 10
# Answers that refuse, and a connection that is closed without one.
_REFUSED = frozenset({0, *range(400, 500)})


@dataclass(frozen=True)
class Attempt:
    """What a hostile client sends on one connection, and the statuses it may be answered.

    Status 0 is a connection that the server closes without an answer.
    """

    kind: str
    data: bytes
    allowed: frozenset[int]
    is_cut: bool = False


def attempts(tokens: list[str], share: float = 1.0) -> Iterator[Attempt]:
    """All attempts, in the same order each time.

    Args:
        tokens: Secrets of contributors.
        share: The part of the full number of each class.
    """
    chance = random.Random(20261129)
    for make, number in _CLASSES.items():
        for count in range(max(1, round(number * share))):
            yield make(chance, f"Authorization: Bearer {tokens[count % len(tokens)]}")


def outcomes(url: str, wanted: list[Attempt]) -> Mapping[str, Counter[int]]:
    """Make attempts from several addresses, and return how often each class had each answer."""
    found: dict[str, Counter[int]] = {}
    hosts = [f"127.0.{number % 8 + 1}.1" for number in range(len(wanted))]
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        statuses = list(threads.map(_try, hosts, wanted, [url] * len(wanted)))
    for attempt, status in zip(wanted, statuses, strict=True):
        assert status in attempt.allowed, (attempt.kind, status, attempt.data[:200])
        found.setdefault(attempt.kind, Counter())[status] += 1
    return found


def _try(host: str, attempt: Attempt, url: str) -> int:
    with connected(url, host) as opened:
        send(opened, attempt.data)
        if not attempt.is_cut:
            return answer(opened).status
        # A reset instead of an orderly close.
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        return 0


def _large_head(chance: random.Random, bearer: str) -> Attempt:
    filler = "x" * chance.randint(65 * _KIB, 256 * _KIB)
    data = chance.choice(
        (
            request("GET", "/livez", bearer, f"Cookie: {filler}"),
            request("GET", f"/livez?{filler}", bearer),
            request("GET", "/livez", f"{filler}: x"),
            request("GET", "/livez", bearer, f"X: {filler}")[:-4],
        )
    )
    return Attempt("headers above 64 KiB", data, frozenset({431}))


def _many_headers(chance: random.Random, bearer: str) -> Attempt:
    lines = [f"X-{number}: {number}" for number in range(chance.randint(101, 2000))]
    return Attempt("more than 100 headers", request("GET", "/livez", *lines), frozenset({431}))


def _not_http(chance: random.Random, bearer: str) -> Attempt:
    sound = bytearray(request("POST", POST, bearer, "Content-Length: 2", body=b"{}"))
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(sound) - 2)
        if chance.random() < 0.5:
            sound[place] = chance.randrange(256)
        else:
            sound[place:place] = chance.randbytes(chance.randint(1, 8))
    return Attempt("not HTTP", bytes(sound), _REFUSED)


def _unsound_framing(chance: random.Random, bearer: str) -> Attempt:
    lines = chance.choice(
        (
            ("Content-Length: 3", "Transfer-Encoding: chunked"),
            ("Content-Length: 3", "Content-Length: 4"),
            ("Content-Length: +3",),
            ("Content-Length: 0x3",),
            ("Content-Length: 9" + "9" * chance.randint(18, 5000),),
            ("Transfer-Encoding: chunked, identity",),
            ("Transfer-Encoding: xchunked",),
            ("Transfer-Encoding: chunked", "X : y"),
        )
    )
    body = chance.choice((b"0\r\n\r\n", b"abc", b"-1\r\n", b"zz\r\n", b"ffffffffffffffffff\r\n"))
    return Attempt("unsound framing", request("POST", POST, bearer, *lines, body=body), _REFUSED)


def _slow_head(chance: random.Random, bearer: str) -> Attempt:
    head = request("GET", "/api/v1/models", bearer)[:-2]
    data = head[: chance.randint(1, len(head))]
    return Attempt("headers that do not end", data, frozenset({408}))


def _silence(chance: random.Random, bearer: str) -> Attempt:
    return Attempt("connections without a request", b"", frozenset({0}))


def _slow_body(chance: random.Random, bearer: str) -> Attempt:
    length = chance.randint(10, 4 << 20)
    part = b"{" + b" " * chance.randint(0, 8)
    lines = chance.choice(((f"Content-Length: {length}",), ("Transfer-Encoding: chunked",)))
    framed = part if lines[0].startswith("C") else b"%x\r\n%b\r\n" % (len(part), part)
    data = request("POST", POST, bearer, "Content-Type: application/json", *lines, body=framed)
    return Attempt("bodies that do not come", data, frozenset({408, 429}))


def _body_of_nobody(chance: random.Random, bearer: str) -> Attempt:
    path = chance.choice((POST, "/livez", "/nowhere", "/docs", "/openapi.json", "/metrics"))
    data = request("PUT", path, f"Content-Length: {chance.randint(1, 1 << 40)}", body=b"x" * 999)
    return Attempt("bodies of nobody", data, frozenset({401, 404, 405}))


def _large_body(chance: random.Random, bearer: str) -> Attempt:
    lines, size = [bearer, "Content-Type: application/json"], chance.randint(5 << 20, 8 << 20)
    if chance.random() < 0.5:
        data = request("POST", POST, *lines, f"Content-Length: {size}", body=b" " * size)
    else:
        piece = b"%x\r\n%b\r\n" % (size, b" " * size)
        data = request("POST", POST, *lines, "Transfer-Encoding: chunked", body=piece)
    return Attempt("bodies above 4 MiB", data, frozenset({413, 429}))


def _trailers(chance: random.Random, bearer: str) -> Attempt:
    filler = b"x" * chance.randint(130 * _KIB, 512 * _KIB)
    body = chance.choice((b"1\r\n{\r\n0\r\nX: " + filler, b"1;" + filler, b"0" * len(filler)))
    lines = (bearer, "Content-Type: application/json", "Transfer-Encoding: chunked")
    data = request("POST", POST, *lines, body=body)
    return Attempt("endless trailers and chunk headers", data, frozenset({400, 431}))


def _pipeline(chance: random.Random, bearer: str) -> Attempt:
    data = request("GET", "/livez", bearer) * chance.randint(1_000, 4_000)
    # The first answers may have been on their way.
    return Attempt("thousands of pipelined requests", data, frozenset({0, 200}))


def _cut(chance: random.Random, bearer: str) -> Attempt:
    lines = [bearer, "Content-Type: application/json", "Content-Length: 4096"]
    whole = request("POST", POST, *lines, body=b'{"name": "cut"')
    data = whole[: chance.randint(1, len(whole))]
    return Attempt("connections that are reset", data, frozenset({0}), is_cut=True)


_CLASSES = {
    _large_head: 80,
    _many_headers: 60,
    _not_http: 200,
    _unsound_framing: 120,
    _slow_head: 120,
    _silence: 40,
    _slow_body: 100,
    _body_of_nobody: 60,
    _large_body: 24,
    _trailers: 40,
    _pipeline: 16,
    _cut: 80,
}
