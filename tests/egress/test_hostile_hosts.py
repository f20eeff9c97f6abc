"""Whatever URL somebody names, no packet leaves for a host that is not public: for each fetcher."""

import re
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pedigree.access.oidc import discovery
from pedigree.access.oidc.attempts import SignInAttempt
from pedigree.access.oidc.code_flow import SignInAddresses, redeemed
from pedigree.access.oidc.providers import Provider
from pedigree.audit import timestamping, witnesses
from pedigree.audit.attesters import Reach
from pedigree.delivery import egress
from pedigree.egress.fetch import FetchFailedError, fetch
from pedigree.errors import (
    AttestationUnavailableError,
    ProviderUnavailableError,
    SourceUnavailableError,
)
from pedigree.settings import Settings
from pedigree.sources.offered import FetchBudget
from pedigree.sources.uri import WebSource
from pedigree.sources.web_files import web_files

SOURCE = Path(egress.__file__).parents[1]
PUBLIC = "93.184.216.34"

# Literal hosts, in any spelling that a resolver or a URL parser understands.
LITERAL = (
    *("127.0.0.1", "127.8.9.1", "127.1", "0", "0.0.0.0", "2130706433", "0x7f000001", "0x7f.1"),
    *("017700000001", "0177.0.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.254", "192.168.1.1"),
    *("169.254.169.254", "169.254.170.2", "2852039166", "0xa9fea9fe", "100.64.0.1"),
    *("100.100.100.200", "168.63.129.16", "192.0.0.192", "198.18.0.1", "203.0.113.7"),
    *("224.0.0.1", "239.1.2.3", "240.0.0.1", "255.255.255.255"),
    *("[::]", "[::1]", "[fe80::1]", "[fc00::1]", "[fd00:ec2::254]", "[fec0::1]", "[ff02::1]"),
    *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:a9fe:a9fe]", "[::127.0.0.1]"),
    *("[2002:7f00:1::]", "[2001:0:1::]", "[64:ff9b::7f00:1]", "[64:ff9b:1::1]", "[2001:db8::1]"),
    *("localhost", "ip6-localhost"),
)
# Names, and the addresses of each answer of an attacker's resolver.
RESOLVED: dict[str, tuple[str, ...]] = {
    "metadata.google.internal": ("169.254.169.254",),
    "127.0.0.1.nip.io": ("127.0.0.1",),
    "registry.default.svc.cluster.local": ("10.96.0.1",),
    "both.example": (PUBLIC, "127.0.0.1"),
    "first.example": ("127.0.0.1", PUBLIC),
    "six.example": ("::1",),
    "mapped.example": ("::ffff:10.0.0.1",),
    "ula.example": ("fd00::1",),
    "trailing.example.": ("192.168.0.1",),
    "xn--bcher-kva.example": ("10.0.0.7",),
    "UPPER.EXAMPLE": ("172.20.0.1",),
    "under_score.example": ("100.64.9.9",),
}
HOSTS = (*LITERAL, *RESOLVED)


def test_there_are_enough_hosts() -> None:
    assert len(set(HOSTS)) == len(HOSTS) >= 60 - 2


def deliver(url: str) -> str:
    return str(egress.post(url, {}, b"{}", allowed=(), timeout_s=2.0).error)


def get(url: str) -> str:
    with pytest.raises(FetchFailedError) as caught:
        fetch(url, allowed=(), timeout_s=2.0, most_bytes=100)
    return str(caught.value)


def keys(url: str) -> str:
    """The keys at the address that the discovery document of a public issuer names."""
    with pytest.raises(FetchFailedError) as caught:
        discovery.document(public_provider(), url, 100)
    return str(caught.value)


def redeem(url: str) -> str:
    """The tokens for a code at the address that the document names."""
    attempt = SignInAttempt.new("evil", "/")
    addresses = SignInAddresses(url, url, None, states_issuer=True, takes_secret_in_form=False)
    with pytest.raises(ProviderUnavailableError) as caught:
        redeemed(public_provider(), addresses, attempt, "code", "https://registry.example")
    return str(caught.value)


def public_provider() -> Provider:
    rule = {"when": {"sub": "*"}, "roles": ["reader"]}
    fields = {"name": "evil", "issuer": "https://sso.example", "audience": "us", "rule": [rule]}
    return Provider.model_validate({**fields, "client_id": "page"})


REACH = Reach()


def cosign(url: str) -> str:
    known: Any = SimpleNamespace(name="evil", url=url)
    nothing: Any = None
    moment = datetime.now(UTC)
    asked = witnesses._Asked(1, "note", "key", moment, moment, 0, None)
    with pytest.raises(AttestationUnavailableError) as caught:
        witnesses.WitnessClient(nothing, nothing, known, REACH)._post(asked, 0)
    return str(caught.value)


def stamp(url: str) -> str:
    nothing: Any = None
    with pytest.raises(AttestationUnavailableError) as caught:
        timestamping.TimestampClient(nothing, nothing, url, nothing, REACH)._ask(b"a request")
    return str(caught.value)


def register_from(url: str) -> str:
    """The file of a version whose source an MLflow client names."""
    settings = Settings()
    (file,) = web_files(WebSource(url), settings, FetchBudget(url, settings))
    with pytest.raises(SourceUnavailableError) as caught:
        list(file.chunks())
    return str(caught.value)


# Every module that opens a connection to a host that somebody else named, with what it does.
FETCHERS: dict[str, Callable[[str], str]] = {
    "delivery/egress.py": deliver,
    "egress/fetch.py": get,
    "access/oidc/discovery.py": keys,
    "access/oidc/code_flow.py": redeem,
    "audit/witnesses.py": cosign,
    "audit/timestamping.py": stamp,
    "sources/web_files.py": register_from,
}


def test_every_fetcher_is_tried() -> None:
    opens = re.compile(r"pedigree\.egress\.(connection|fetch) import|\"pedigree\.egress\.fetch")
    found = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if opens.search(path.read_text(encoding="utf-8"))
    }
    assert found == FETCHERS.keys()


def test_nothing_else_opens_connections_to_named_hosts() -> None:
    libraries = re.compile(r"^\s*(?:import|from) (?:urllib\.request|http\.client|requests)\b", re.M)
    found = [
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if libraries.search(path.read_text(encoding="utf-8"))
    ]
    # It asks the processes that it started itself.
    assert found == ["cli/up/supervisor.py"]


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The addresses to which something is sent; names are resolved as an attacker would."""
    sent: list[Any] = []
    real = socket.getaddrinfo

    def resolve(host: str | bytes, port: int, *given: Any, **more: Any) -> list[Any]:
        name = host.decode() if isinstance(host, bytes) else host
        answers = RESOLVED.get(name) or RESOLVED.get(name.upper())
        if answers is None:
            return real(host, port, *given, **more)
        return [found for each in answers for found in real(each, port, *given, **more)]

    def connect(_: socket.socket, address: Any) -> None:
        sent.append(address)
        raise ConnectionRefusedError("nothing leaves this test")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket.socket, "connect", connect)
    return sent


@pytest.mark.parametrize("fetcher", FETCHERS.values(), ids=FETCHERS)
@pytest.mark.parametrize("scheme", ["https", "http"])
def test_nothing_leaves_for_a_host_that_is_not_public(
    fetcher: Callable[[str], str], scheme: str, left: list[Any]
) -> None:
    for host in HOSTS:
        problem = fetcher(f"{scheme}://{host}/path")
        assert left == [], host
        assert any(text in problem for text in ("not public", "has no address", "https")), host
    # The fixture sees what is sent: a public host is tried.
    fetcher(f"https://{PUBLIC}/path")
    assert [address[0] for address in left] == [PUBLIC]


@pytest.mark.parametrize("fetcher", FETCHERS.values(), ids=FETCHERS)
def test_a_name_that_resolves_differently_a_moment_later_gets_no_byte(
    fetcher: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as inner:
        port = inner.getsockname()[1]
        connect = socket.socket.connect
        public = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (PUBLIC, port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: public)
        monkeypatch.setattr(
            socket.socket, "connect", lambda self, _: connect(self, ("127.0.0.1", port))
        )
        assert "not public" in fetcher(f"https://rebound.example:{port}/path")
        reached, _ = inner.accept()
        with reached:
            assert reached.recv(1) == b""
