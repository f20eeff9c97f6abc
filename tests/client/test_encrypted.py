"""A service over TLS: the client trusts the system's authorities, or those of SSL_CERT_FILE."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pedigree.client._connection import Connection, Patience
from pedigree.errors import ServiceUnavailableError
from tests.certificates import Authority
from tests.receiving import Receiver, receiving


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def service(authority: Authority) -> Iterator[Receiver]:
    with receiving(authority.serving("localhost")) as service:
        yield service


def send(service: Receiver) -> bytes:
    connection = Connection(
        service.url, lambda: "pdg_secret", Patience(timeout=5, retries=0, deadline=5)
    )
    try:
        return connection.write("POST", "/models", {"data": {"model": "churn"}})
    finally:
        connection.close()


def test_a_service_of_an_authority_in_ssl_cert_file_is_trusted(
    service: Receiver, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    send(service)
    (request,) = service.requests
    assert request.headers["Authorization"] == "Bearer pdg_secret"


def test_a_service_of_an_unknown_authority_gets_no_request_and_no_secret(
    service: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    with pytest.raises(ServiceUnavailableError, match="unable to get local issuer") as refused:
        send(service)
    assert service.requests == []
    assert "pdg_secret" not in str(refused.value)
