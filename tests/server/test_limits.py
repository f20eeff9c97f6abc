"""What a client does slowly, or too much of, is refused, and others do not notice."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from pedigree.access.records import Role
from pedigree.server import protocol
from pedigree.server.http import unknown_tokens
from pedigree.server.refusals import MOST_HEADER_BYTES, MOST_HEADERS, Refusal
from pedigree.settings import Settings
from tests.factories import new_version
from tests.server.conftest import Served, serving
from tests.server.raw import RawAnswer, answer, connected, is_closed, request, send

PLAIN = request("GET", "/livez")
OF_ADDRESS = 12
IN_ALL = 20
BODIES = 3
ANNOUNCED = ("Content-Type: application/json", "Content-Length: 9", "Expect: 100-continue")


@pytest.fixture(scope="module")
def served(settings: Settings) -> Iterator[Served]:
    """A service with small limits, so that tests reach them."""
    limits = {
        "serve_connections": IN_ALL,
        "serve_connections_per_address": OF_ADDRESS,
        "serve_proxies": (ip_network("127.0.0.9/32"),),
        "serve_header_timeout": timedelta(seconds=1),
        "serve_idle_timeout": timedelta(seconds=1),
        "serve_body_timeout": timedelta(seconds=1),
        "serve_bodies_per_principal": BODIES,
    }
    with serving(settings.model_copy(update=limits)) as served:
        yield served


@pytest.fixture
def bearer(served: Served) -> str:
    """The header of a token that may write."""
    issued = served.registry.create_token("writer", roles=[Role.CONTRIBUTOR])
    return f"Authorization: Bearer {issued.secret}"


def ask(served: Served, *pieces: bytes) -> RawAnswer:
    with connected(served.url) as opened:
        for piece in pieces:
            send(opened, piece)
        return answer(opened)


def refused(served: Served, reason: Refusal) -> float:
    secret = served.registry.create_token("scraper", roles=[Role.READER]).secret
    text = httpx2.get(f"{served.url}/metrics", headers={"Authorization": f"Bearer {secret}"}).text
    return next(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "pedigree_http_refused_total" and sample.labels["reason"] == reason
    )


def padded(size: int) -> bytes:
    """A request whose head has a number of bytes."""
    bare = len(request("GET", "/livez", "X: "))
    return request("GET", "/livez", f"X: {'x' * (size - bare)}")


def test_a_head_of_64_kib_is_taken_and_one_byte_more_is_431(served: Served) -> None:
    assert ask(served, padded(MOST_HEADER_BYTES)).status == 200
    too_large = ask(served, padded(MOST_HEADER_BYTES + 1))
    assert too_large.status == 431
    assert too_large.headers["content-type"] == "application/problem+json"
    assert too_large.headers["connection"] == "close"
    problem = json.loads(too_large.body)
    assert problem["type"] == "urn:pedigree:error:TooLargeError"
    assert problem["status"] == 431
    assert problem["fix"] == "Send fewer and shorter headers"


def test_the_size_of_a_head_counts_over_all_its_packets(served: Served) -> None:
    head = padded(MOST_HEADER_BYTES + 1)
    pieces = [head[start : start + 7_000] for start in range(0, len(head), 7_000)]
    assert ask(served, *pieces).status == 431


def test_a_hundred_headers_are_taken_and_one_more_is_431(served: Served) -> None:
    some = [f"X-{number}: 1" for number in range(MOST_HEADERS - 1)]  # and Host
    assert ask(served, request("GET", "/livez", *some)).status == 200
    assert ask(served, request("GET", "/livez", *some, "X: 1")).status == 431


def test_an_endless_header_ends_at_its_limit(served: Served) -> None:
    with connected(served.url) as opened:
        taken = send(opened, b"GET /livez HTTP/1.1\r\nX: " + b"x" * (256 << 20))
        assert not taken
        assert is_closed(opened)
    assert refused(served, Refusal.HEADER_SIZE) >= 1


def test_endless_trailers_and_chunk_extensions_end_at_the_same_limit(
    served: Served, bearer: str
) -> None:
    chunked = "Transfer-Encoding: chunked"
    head = request("POST", "/api/v1/models", bearer, "Content-Type: application/json", chunked)
    endless = (b"1\r\n{\r\n0\r\nX: " + b"x" * (1 << 20), b"1;x=" + b"x" * (1 << 20))
    for body in endless:
        assert ask(served, head, body).status == 431


def test_headers_that_do_not_arrive_in_time_are_408(served: Served) -> None:
    before = refused(served, Refusal.HEADER_TIME)
    slow = ask(served, b"GET /livez HTTP/1.1\r\nX: ")
    assert slow.status == 408
    assert json.loads(slow.body)["type"] == "urn:pedigree:error:SlowRequestError"
    assert refused(served, Refusal.HEADER_TIME) == before + 1


def test_a_byte_now_and_then_does_not_extend_the_time_of_headers(served: Served) -> None:
    with connected(served.url) as opened:
        opened.settimeout(0.2)
        send(opened, b"GET /livez HTTP/1.1\r\nX: ")
        sent = 0
        while True:
            try:
                received = opened.recv(1 << 16)
            except TimeoutError:
                send(opened, b"x")
                sent += 1
                assert sent < 50
            else:
                break
        assert received.startswith(b"HTTP/1.1 408")


def test_connections_without_a_request_are_closed(served: Served) -> None:
    with connected(served.url) as silent, connected(served.url) as idle:
        send(idle, PLAIN)
        assert answer(idle).status == 200
        assert answer(silent).status == 0
        assert is_closed(idle)


def test_an_address_has_a_limit_and_others_are_served(served: Served) -> None:
    with ExitStack() as stack:
        opened = [
            stack.enter_context(connected(served.url, "127.0.0.2")) for _ in range(OF_ADDRESS)
        ]
        for each in opened:
            send(each, PLAIN[:-2])  # so that none of them is idle
        with connected(served.url, "127.0.0.2") as surplus:
            too_many = answer(surplus)
            assert too_many.status == 429
            assert too_many.headers["retry-after"] == "1"
            assert json.loads(too_many.body)["type"] == "urn:pedigree:error:ServiceBusyError"
        assert ask(served, PLAIN).status == 200
        for each in opened:
            send(each, b"\r\n")
            assert answer(each).status == 200
    assert refused(served, Refusal.ADDRESS) >= 1


def test_a_trusted_proxy_has_no_limit_of_an_address(served: Served) -> None:
    with ExitStack() as stack:
        for _ in range(OF_ADDRESS + 1):
            opened = stack.enter_context(connected(served.url, "127.0.0.9"))
            send(opened, PLAIN)
            assert answer(opened).status == 200


def test_the_longest_idle_connection_makes_room_for_a_new_one(served: Served) -> None:
    with ExitStack() as stack:
        idle = [stack.enter_context(connected(served.url, "127.0.0.9")) for _ in range(IN_ALL)]
        for each in idle:
            send(each, PLAIN)
            assert answer(each).status == 200
        assert ask(served, PLAIN).status == 200
        assert is_closed(idle[0])
        send(idle[-1], PLAIN)
        assert answer(idle[-1]).status == 200


def test_connections_with_requests_are_limited_in_all(served: Served) -> None:
    with ExitStack() as stack:
        busy = [stack.enter_context(connected(served.url, "127.0.0.9")) for _ in range(IN_ALL)]
        for each in busy:
            send(each, PLAIN[:-2])
        with connected(served.url, "127.0.0.9") as surplus:
            assert answer(surplus).status == 429
        for each in busy:
            send(each, b"\r\n")
            assert answer(each).status == 200
    assert refused(served, Refusal.CONNECTIONS) >= 1


def test_a_body_that_does_not_arrive_in_time_is_408(served: Served, bearer: str) -> None:
    typed = "Content-Type: application/json"
    slow = ask(served, request("POST", "/api/v1/models", bearer, typed, "Content-Length: 9") + b"{")
    assert slow.status == 408
    assert slow.headers["connection"] == "close"
    assert json.loads(slow.body)["type"] == "urn:pedigree:error:SlowRequestError"
    assert refused(served, Refusal.BODY_TIME) >= 1


def test_bodies_that_do_not_come_hold_nothing_that_others_need(
    settings: Settings, database_url: str
) -> None:
    # One connection to the database, so sixteen places at work.
    small = settings.model_copy(
        update={"database_url": database_url, "database_connections": 1, "serve_drain": timedelta()}
    )
    with serving(small) as served, ExitStack() as stack:
        issued = served.registry.create_token("writer", roles=[Role.CONTRIBUTOR])
        bearer = f"Authorization: Bearer {issued.secret}"
        head = request("POST", "/api/v1/models", bearer, *ANNOUNCED)
        for _ in range(24):
            opened = stack.enter_context(connected(served.url, "127.0.0.3"))
            send(opened, head)
            assert answer(opened).status == 100  # the service waits for the body
        client = served.client(Role.ADMIN)
        assert client.post("/models", json={"name": "honest"}).status_code == 201
        assert client.get("/models/honest").status_code == 200


def test_a_principal_sends_a_number_of_bodies_at_once(served: Served, bearer: str) -> None:
    head = request("POST", "/api/v1/models", bearer, *ANNOUNCED)
    with ExitStack() as stack:
        for _ in range(BODIES):
            opened = stack.enter_context(connected(served.url))
            send(opened, head)
            assert answer(opened).status == 100
        surplus = ask(served, head)
        assert surplus.status == 429
        assert surplus.headers["retry-after"] == "1"
        other = served.client(Role.CONTRIBUTOR).post("/models", json={"name": "of-another"})
        assert other.status_code == 201
    assert refused(served, Refusal.BODIES) >= 1


def test_a_body_without_an_end_is_413(served: Served, bearer: str) -> None:
    typed, chunked = "Content-Type: application/json", "Transfer-Encoding: chunked"
    piece = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"
    head = request("POST", "/api/v1/models", bearer, typed, chunked)
    assert ask(served, head, *[piece] * 5).status == 413
    stated = request("POST", "/api/v1/models", bearer, typed, f"Content-Length: {5 << 20}")
    assert ask(served, stated).status == 413


def test_an_address_that_guesses_tokens_is_refused_and_known_tokens_are_not(
    served: Served, bearer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unknown_tokens, "_MOST", 5)

    def read(header: str, host: str) -> RawAnswer:
        with connected(served.url, host) as opened:
            send(opened, request("GET", "/api/v1/models", header))
            return answer(opened)

    assert read(bearer, "127.0.0.4").status == 200
    for number in range(5):
        assert read(f"Authorization: Bearer pdg_{number}", "127.0.0.4").status == 401
    guessed = read("Authorization: Bearer pdg_x", "127.0.0.4")
    assert guessed.status == 429
    assert guessed.headers["retry-after"] == "1"
    assert read(bearer, "127.0.0.4").status == 200
    assert read("Authorization: Bearer pdg_x", "127.0.0.5").status == 401
    assert refused(served, Refusal.TOKENS) == 1


def test_a_client_that_does_not_read_its_answer_is_cut_off(
    served: Served, bearer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "_READ_S", 0.5)
    content = "x" * (16 << 20)  # more than the buffers of both sockets hold
    registered = served.registry.register("large", _file(tmp_path, content), new_version())
    path = f"/api/v1/models/{registered.version.reference.replace('/', '/versions/')}"
    with connected(served.url) as opened:
        send(opened, request("GET", f"{path}/download/model.bin", bearer))
        assert opened.recv(15) == b"HTTP/1.1 200 OK"
        while not refused(served, Refusal.READER):
            pass
        assert is_closed(opened)


def _file(folder: Path, content: str) -> Path:
    (folder / "model.bin").write_text(content)
    return folder / "model.bin"


def test_a_worker_that_may_open_few_files_allows_few_connections() -> None:
    code = (
        "import logging, resource\n"
        "from pedigree.server.connections import possible_connections\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (256, 1024))\n"
        "print(possible_connections(100), resource.getrlimit(resource.RLIMIT_NOFILE)[0])\n"
        "print(possible_connections(1000), resource.getrlimit(resource.RLIMIT_NOFILE)[0])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["100 400", "412 1024"]
    assert "(ulimit -n 1024) allows 412 connections, not 1000" in done.stderr


def test_a_refused_request_does_not_wait_for_its_body(served: Served) -> None:
    for path in ("/api/v1/models", "/livez", "/nowhere"):
        refusal = ask(served, request("POST", path, "Content-Length: 1000000"))
        assert refusal.status in {401, 404, 405}, path


def test_many_requests_before_the_first_answer_close_the_connection(served: Served) -> None:
    with connected(served.url) as opened:
        send(opened, PLAIN * 8)
        assert [answer_in_order(opened) for _ in range(8)] == [200] * 8
    with connected(served.url) as opened:
        send(opened, PLAIN * 5_000)
        assert is_closed(opened)
    assert refused(served, Refusal.PIPELINE) >= 1


def answer_in_order(opened: socket.socket) -> int:
    """The status of the next answer, of which no byte of the one after it is read."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += opened.recv(1)
    length = next(int(line[16:]) for line in head.split(b"\r\n") if line[:15] == b"content-length:")
    while length:
        length -= len(opened.recv(length))
    return int(head.split()[1])


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /livez HTTP/1.1\nHost: x\n\n",
        b"GET /livez HTTP/1.1\r\nHost: a\x00b\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nA: b\r\n folded\r\n\r\n",
        b"GET /livez HTTP/9.9\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT evil:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /livez HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /livez HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        b"POST /livez HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /livez HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    ],
)
def test_what_is_not_http_is_400_and_the_connection_closes(served: Served, data: bytes) -> None:
    with connected(served.url) as opened:
        send(opened, data)
        assert answer(opened).status == 400
        assert is_closed(opened)


def test_a_request_to_speak_another_protocol_is_answered_in_http(served: Served) -> None:
    words = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
    with connected(served.url) as opened:
        send(opened, request("GET", "/livez", *words))
        assert answer(opened).status == 200
        send(opened, b"\x81\x05hello")
        assert is_closed(opened)
