"""One token, whatever it sends, leaves the service to the others."""

import select
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import httpx2
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from pedigree.access.records import Role
from pedigree.artifacts.records import digest_of
from pedigree.settings import Settings
from tests.server.conftest import Served, serving

# Of ten connections a principal uses five; three of its searches run, and two of its files arrive.
RUNNING, SEARCHES, FILES, STREAMS, WAITING = 5, 3, 2, 2, 6


@pytest.fixture(scope="module")
def served(settings: Settings) -> Iterator[Served]:
    """A service with small shares."""
    shares = {
        "serve_requests_per_principal": WAITING,
        "serve_searches_per_principal": SEARCHES,
        "serve_uploads_per_principal": FILES,
        "serve_streams_per_principal": STREAMS,
    }
    with serving(settings.model_copy(update=shares)) as served:
        yield served


@contextmanager
def held(served: Served, statement: str) -> Iterator[None]:
    """Hold locks in the database while the block runs, as a slow statement would."""
    url = served.registry.settings.database_url
    assert url is not None
    with psycopg.connect(url) as connection:
        connection.execute(statement)  # type: ignore[arg-type]
        yield
        connection.rollback()


def refused(admin: httpx2.Client, reason: str) -> float:
    """The value of the metric of refusals."""
    text = admin.get("/../../metrics").text
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "pedigree_http_refused_total" and sample.labels["reason"] == reason
    )


def flood(
    pool: ThreadPoolExecutor, send: Callable[[], httpx2.Response], taken: int, excess: int
) -> tuple[set[Future[httpx2.Response]], list[httpx2.Response]]:
    """Send more than may wait; return the requests at work, and the answers to the others."""
    pending = {pool.submit(send) for _ in range(taken + excess)}
    answers: list[httpx2.Response] = []
    while len(answers) < excess:
        done, pending = wait(pending, 30, FIRST_COMPLETED)
        assert done, "fewer requests were refused than expected"
        answers += [each.result() for each in done]
    return pending, answers


def require_refusals(answers: list[httpx2.Response], word: str) -> None:
    for answer in answers:
        assert answer.status_code == 429, answer.text
        assert int(answer.headers["retry-after"]) >= 1
        assert word in answer.json()["detail"]
        assert answer.json()["type"] == "urn:pedigree:error:ServiceBusyError"


def test_requests_that_wait_for_a_lock_leave_connections_to_others(
    served: Served, admin: httpx2.Client, name: str
) -> None:
    served.registry.create_model(name)
    greedy, honest = served.client(Role.ADMIN), served.client(Role.READER)
    before = refused(admin, "requests")
    lock = "SELECT FROM pedigree.registered_model FOR UPDATE"
    with ThreadPoolExecutor(RUNNING + WAITING + 7) as pool:
        with held(served, lock):

            def change() -> httpx2.Response:
                return greedy.patch(f"/models/{name}", json={"description": "x"})

            pending, answers = flood(pool, change, RUNNING + WAITING, 7)
            require_refusals(answers, "requests at once")
            for _ in range(10):
                assert honest.get(f"/models/{name}").status_code == 200
            assert refused(admin, "requests") == before + 7
        assert {each.result().status_code for each in pending} == {200}
    assert greedy.get(f"/models/{name}").status_code == 200


def test_searches_leave_the_rest_to_others_and_to_their_own_principal(
    served: Served, admin: httpx2.Client, name: str
) -> None:
    served.registry.create_model(name)
    greedy, honest = served.client(Role.READER), served.client(Role.READER)
    before = refused(admin, "searches")
    lock = "LOCK TABLE pedigree.search_version IN ACCESS EXCLUSIVE MODE"
    with ThreadPoolExecutor(SEARCHES + WAITING + 5) as pool:
        with held(served, lock):
            pending, answers = flood(pool, lambda: greedy.get("/search"), SEARCHES + WAITING, 5)
            require_refusals(answers, "searches at once")
            for client in (honest, greedy):
                assert client.get(f"/models/{name}").status_code == 200
            assert refused(admin, "searches") == before + 5
        assert {each.result().status_code for each in pending} == {200}


def test_checks_of_one_principal_leave_the_scanner_to_others(
    served: Served, admin: httpx2.Client, version: Callable[..., int], name: str
) -> None:
    path = f"/models/{name}/versions/{version()}/checks"
    greedy, honest = served.client(Role.ADMIN), served.client(Role.ADMIN)
    before = refused(admin, "checks")
    lock = f"SELECT FROM pedigree.registered_model WHERE name = '{name}' FOR UPDATE"
    with ThreadPoolExecutor(1 + WAITING + 4) as pool:
        with held(served, lock):

            def check() -> httpx2.Response:
                return greedy.post(path, json={"check": "metadata_complete"})

            pending, answers = flood(pool, check, 1 + WAITING, 4)
            require_refusals(answers, "checks at once")
            assert greedy.get(f"/models/{name}").status_code == 200
            other = served.registry.get(f"{name}/1").model_name
            assert honest.post(f"/models/{other}/versions/99/checks", json={}).status_code == 404
            assert refused(admin, "checks") == before + 4
        assert {each.result().status_code for each in pending} == {200}


def test_files_that_do_not_arrive_leave_uploads_to_others(
    served: Served, admin: httpx2.Client, name: str
) -> None:
    greedy, honest = served.client(Role.CONTRIBUTOR), served.client(Role.CONTRIBUTOR)
    content = bytes(2 << 20)
    before = refused(admin, "uploads")

    def begin(client: httpx2.Client) -> str:
        files = [{"digest": digest_of(content), "size": len(content)}]
        begun = client.post(f"/models/{name}/uploads", json={"files": files})
        return f"/models/{name}/uploads/{begun.json()['upload_id']}/files/{digest_of(content)}"

    place = begin(greedy)
    with ExitStack() as opened:
        sent = [
            opened.enter_context(sending(served, greedy, place, len(content)))
            for _ in range(FILES + WAITING + 3)
        ]
        answered: set[socket.socket] = set()
        while len(answered) < 3:
            readable, *_ = select.select(
                [each for each in sent if each not in answered], [], [], 30
            )
            assert readable, "fewer files were refused than expected"
            answered |= set(readable)
        for connection in answered:
            head = connection.recv(65_536)
            assert head.startswith(b"HTTP/1.1 429 "), head
            assert b"\r\nretry-after: 1\r\n" in head.lower()
            assert b"uploads at once" in head
        assert honest.put(begin(honest), content=content).status_code == 204
        assert greedy.get("/models").status_code == 200
    assert refused(admin, "uploads") == before + 3


@contextmanager
def sending(served: Served, client: httpx2.Client, path: str, size: int) -> Iterator[socket.socket]:
    """Send the head of a file's request and one byte, and then nothing."""
    address = urlsplit(served.url)
    lines = (
        f"PUT /api/v1{path} HTTP/1.1",
        "Host: registry",
        f"Authorization: {client.headers['authorization']}",
        f"Content-Length: {size}",
        "Content-Type: application/octet-stream",
    )
    with socket.create_connection((address.hostname, address.port), 30) as connection:
        connection.sendall("\r\n".join([*lines, "", "x"]).encode())
        yield connection


def test_event_streams_of_one_principal_leave_streams_to_others(
    served: Served, admin: httpx2.Client
) -> None:
    greedy, honest = served.client(Role.READER), served.client(Role.READER)
    accept = {"Accept": "text/event-stream"}
    before = refused(admin, "streams")
    with ExitStack() as opened:
        followed = []  # an iterator that nobody refers to closes its connection
        for _ in range(STREAMS):
            stream = opened.enter_context(greedy.stream("GET", "/events", headers=accept))
            followed.append(stream.iter_raw())
            assert next(followed[-1])
        require_refusals([greedy.get("/events", headers=accept)], "streams at once")
        assert greedy.get("/events").status_code == 200
        with honest.stream("GET", "/events", headers=accept) as stream:
            assert stream.status_code == 200
    assert refused(admin, "streams") == before + 1


def test_a_share_is_free_again_after_each_request(served: Served) -> None:
    """Also after a refusal, an error, and a client that has gone."""
    client = served.client(Role.READER)

    @settings(max_examples=12, deadline=None)
    @given(st.lists(st.sampled_from(["/models", "/models/none", "/search?filter=((", "/tokens"])))
    def check(paths: list[str]) -> None:
        for path in paths:
            assert client.get(path).status_code in {200, 403, 404, 422}

    check()
