"""Nothing is sent to an address that is not public, by any name or form."""

import socket
import threading
import time
from collections.abc import Iterator
from ipaddress import ip_network

import pytest

from pedigree.delivery import egress
from pedigree.egress.addresses import refusal
from pedigree.registry import Registry
from tests.factories import with_secret_key
from tests.receiving import LOOPBACK, Receiver

INNER = [
    *("127.0.0.1", "127.8.9.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1"),
    *("169.254.169.254", "100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192"),
    *("224.0.0.1", "239.1.2.3", "255.255.255.255", "240.0.0.1", "198.18.0.1", "203.0.113.7"),
    *("::", "::1", "fe80::1", "fe80::1%1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1"),
    *("::ffff:127.0.0.1", "::ffff:93.184.216.34", "::127.0.0.1", "2002:7f00:1::", "2001:0:1::"),
    *("64:ff9b::7f00:1", "64:ff9b:1::1", "2001:db8::1"),
]
# Other spellings of this machine, which its own resolver understands.
SPELLINGS = ["localhost", "2130706433", "0x7f.1", "127.1", "017700000001", "[::1]", "0"]


@pytest.mark.parametrize("address", INNER)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert refusal(address, (), encrypted=True) is not None


def test_public_addresses_require_tls() -> None:
    for address in ("93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"):
        assert refusal(address, (), encrypted=True) is None
        assert "requires https" in str(refusal(address, (), encrypted=False))


def test_a_network_of_the_settings_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    from pedigree.settings import Settings

    monkeypatch.setenv("PEDIGREE_WEBHOOK_NETWORKS", "10.0.0.0/8, fd00::/8")
    allowed = Settings().webhook_networks
    assert allowed == (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
    assert refusal("10.1.2.3", allowed, encrypted=False) is None
    assert refusal("127.0.0.1", allowed, encrypted=False) is not None


@pytest.mark.parametrize("host", SPELLINGS)
def test_no_packet_leaves_for_this_machine_by_any_name(host: str, receiver: Receiver) -> None:
    port = receiver.url.rpartition(":")[2]
    done = post(f"http://{host}:{port}", allowed=(), timeout_s=5)
    assert done.status is None
    assert "not public" in str(done.error)
    assert receiver.requests == []


def post(url: str, **options: object) -> egress.Posted:
    asked = {"allowed": LOOPBACK, "timeout_s": 5.0, **options}
    return egress.post(url, {}, b"{}", **asked)  # type: ignore[arg-type]


def test_dns_rebinding_has_no_effect(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    # The resolver of an attacker: public when it is asked, and the packets go elsewhere.
    real = socket.socket.connect
    port = int(receiver.url.rpartition(":")[2].partition("/")[0])
    public = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: public)
    monkeypatch.setattr(socket.socket, "connect", lambda self, _: real(self, ("127.0.0.1", port)))
    done = post(f"https://rebound.example:{port}", allowed=())
    assert done.error == "the address 127.0.0.1 is not public"
    assert receiver.requests == []


def test_redirects_are_not_followed_and_no_proxy_is_asked(
    telling: Registry, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    receiver.status = 302
    receiver.headers = {"Location": f"{receiver.url}/elsewhere"}
    webhook_id = telling.create_webhook(receiver.url).webhook.webhook_id
    attempt = telling.test_webhook(webhook_id)
    assert (attempt.status, attempt.succeeded) == (302, False)
    assert [request.path for request in receiver.requests] == ["/hook"]


def test_an_attempt_has_its_result_and_no_content_of_the_response(
    telling: Registry, receiver: Receiver
) -> None:
    issued = telling.create_webhook(receiver.url)
    telling.update_webhook(issued.webhook.webhook_id, active=False)
    attempt = telling.test_webhook(issued.webhook.webhook_id)
    assert (attempt.status, attempt.error) == (200, None)
    assert "nobody" not in attempt.model_dump_json()
    assert receiver.requests[0].content(issued.secret)["type"] == "webhook.test"
    assert telling.deliveries(issued.webhook.webhook_id) == ()


def test_a_refused_address_is_in_the_log(registry: Registry, receiver: Receiver) -> None:
    elsewhere = with_secret_key(registry, webhook_networks=(ip_network("10.0.0.0/8"),))
    webhook_id = elsewhere.create_webhook(receiver.url).webhook.webhook_id
    elsewhere.operations.webhooks.deliver()
    (delivery,) = elsewhere.deliveries(webhook_id)
    assert delivery.attempts[0].error == "the address 127.0.0.1 is not public"
    assert receiver.requests == []


@pytest.fixture
def dripping() -> Iterator[int]:
    """The port of a receiver that answers a byte at a time, for ever."""
    over = threading.Event()

    def drip(connected: socket.socket) -> None:
        with connected:
            connected.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            while not over.wait(0.05):
                try:
                    connected.sendall(b"x")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=lambda: drip(server.accept()[0]), daemon=True)
        thread.start()
        yield server.getsockname()[1]
        over.set()
        thread.join()


def test_a_receiver_that_answers_drop_by_drop_is_left_at_the_deadline(dripping: int) -> None:
    begun = time.monotonic()
    done = post(f"http://127.0.0.1:{dripping}", timeout_s=0.3)
    assert (done.status, done.error) == (None, "no answer in time")
    assert time.monotonic() - begun < 5


def test_an_error_has_no_text_of_the_receiver(receiver: Receiver) -> None:
    port = receiver.url.rpartition(":")[2].partition("/")[0]
    assert "nobody" not in str(post(f"https://127.0.0.1:{port}"))
    assert post("http://127.0.0.1:1").error == "connection refused"
    assert post("http://nowhere.invalid").error == "its host has no address"
