"""What the comparison of servers stands on: the load it makes, and what it says without MLflow."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import _mlflow
from benchmarks._load import drive


@pytest.fixture
def asked() -> Iterator[tuple[int, list[str]]]:
    """A server of one connection that notes what it is asked."""
    heard: list[str] = []
    body = '{"created":true}'
    answer = f"HTTP/1.1 201 Created\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                while request := connection.recv(1 << 16):
                    heard.append(request.decode())
                    connection.sendall(answer[:20])  # in two pieces, as networks do
                    connection.sendall(answer[20:])

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1], heard
        thread.join()


def test_an_exchange_is_sent_answer_by_answer(
    asked: tuple[int, list[str]],
) -> None:
    port, heard = asked
    exchange = [b"POST / HTTP/1.1\r\n\r\n", b"PUT /1 HTTP/1.1\r\n\r\n"]
    done = drive(port, 0, 1, [exchange])
    assert heard == ["POST / HTTP/1.1\r\n\r\n", "PUT /1 HTTP/1.1\r\n\r\n"]
    assert (done["statuses"], done["refused"]) == ([201], "")


def test_a_failed_installation_of_mlflow_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(_mlflow.MLflowMissingError, match=f"mlflow=={_mlflow.VERSION}"):
        _mlflow.installed(tmp_path)
