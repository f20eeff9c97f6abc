"""The stream of pages that are open: what it says, to whom, how long, and to how many."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from queue import Queue
from typing import Any

import httpx2
import pytest
import uvicorn

from pedigree.access.records import Role
from pedigree.audit.records import Actor
from pedigree.cards.follower import CardFollower
from pedigree.registry import Registry
from pedigree.server.app import create_app
from pedigree.server.serve import PROTOCOL
from pedigree.server.web import live
from pedigree.server.web.frame import bar_count
from pedigree.server.web.visitors import COOKIE
from pedigree.settings import Settings
from tests.fencing import edit_rows
from tests.server.conftest import Served, running, serving
from tests.web.browsing import Browser
from tests.web.reading import Element, read
from tests.web.test_approving import asking

ANN = Actor(name="ann@example.com", source="test")
STREAM = {"Accept": "text/event-stream"}
PERSON = {"Accept": "text/html"}
SOON = 30.0


class Followed:
    """A stream that a thread reads: what it says, message by message."""

    def __init__(self, answer: httpx2.Response) -> None:
        self.answer = answer
        self._parts: Queue[dict[str, str] | None] = Queue()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        fields: dict[str, str] = {}
        try:
            for line in self.answer.iter_lines():
                if line:
                    name, _, value = line.partition(":")
                    fields[name] = value.strip()
                elif fields:
                    self._parts.put(fields)
                    fields = {}
        except httpx2.HTTPError:
            pass  # the service ended it
        self._parts.put(None)

    def end(self) -> None:
        """End the connection at once: closing waits for the thread that reads it."""
        ended: socket.socket = self.answer.extensions["network_stream"].get_extra_info("socket")
        with suppress(OSError):
            ended.shutdown(socket.SHUT_RDWR)
        self._thread.join(SOON)

    def part(self) -> dict[str, str] | None:
        """The next part; None at its end."""
        return self._parts.get(timeout=SOON)

    def message(self) -> dict[str, Any]:
        """The next message, with its place as ``id``."""
        while (part := self.part()) is not None:
            if "data" in part and "event" not in part:
                return {"id": part.get("id"), **json.loads(part["data"])}
        raise AssertionError("the stream has ended")

    def moved(self) -> dict[str, Any]:
        """The next message that says what moved."""
        while "moved" not in (message := self.message()):
            pass
        return message

    def is_over(self) -> bool:
        """Whether it says that the visitor is no longer admitted, and ends."""
        said = [part.get("event") for part in iter(self.part, None)]
        return "over" in said


@pytest.fixture
def follow() -> Iterator[Callable[..., Followed]]:
    """Open streams, which are closed after the test."""
    with ExitStack() as opened:

        def opens(client: httpx2.Client, path: str = "/live", **headers: str) -> Followed:
            sent = {**STREAM, **headers}
            answer = opened.enter_context(client.stream("GET", path, headers=sent))
            assert answer.status_code == 200, answer.read()
            followed = Followed(answer)
            opened.callback(followed.end)
            return followed

        yield opens


def at(served: Served, *roles: Role, models: tuple[str, ...] = ()) -> httpx2.Client:
    client = served.client(*roles, models=models)
    client.base_url = httpx2.URL(served.url)
    return client


def body_of(answer: httpx2.Response) -> Element:
    return read(answer).one("body")


def place_of(client: httpx2.Client, path: str = "/") -> int:
    """The place of the feed up to which a page shows everything."""
    return int(body_of(client.get(path, headers=PERSON)).attributes["data-place"] or "")


def ask_for_production(registry: Registry, name: str) -> None:
    registry.set_policy(name, asking())
    registry.acting_as(ANN).request_stage(f"{name}/1", "production")


def test_a_stream_says_what_moved_since_the_page(
    served: Served, version: Callable[..., int], name: str, follow: Callable[..., Followed]
) -> None:
    client = at(served, Role.READER)
    version()
    place = place_of(client)
    served.registry.set_alias(name, "best", 1)
    stream = follow(client, f"/live?after={place}")
    first = stream.moved()
    assert first["moved"] == {name: None}
    version("other weights")
    later = stream.moved()
    assert later["moved"] == {name: [2]}
    assert int(later["id"]) > int(first["id"]) > place


def test_a_stream_goes_on_after_the_last_event(
    served: Served, version: Callable[..., int], name: str, follow: Callable[..., Followed]
) -> None:
    client = at(served, Role.READER)
    place = place_of(client)
    version()
    seen = follow(client, f"/live?after={place}").moved()["id"]
    version("other weights")
    resumed = follow(client, f"/live?after={place}", **{"Last-Event-ID": seen})
    assert resumed.moved()["moved"] == {name: [2]}


def test_a_place_that_the_feed_does_not_have_says_that_all_may_have_moved(
    served: Served,
    version: Callable[..., int],
    follow: Callable[..., Followed],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "_CATCHES_UP_S", 0.0)
    version()
    client = at(served, Role.READER)
    assert follow(client, "/live?after=9000000000").moved()["moved"] is None
    named = follow(client, **{"Last-Event-ID": "9000000000"})
    assert named.moved()["moved"] is None


def test_what_one_may_not_read_is_not_even_a_beat(
    served: Served, version: Callable[..., int], name: str, follow: Callable[..., Followed]
) -> None:
    own = f"{name}-own"
    stranger = at(served, Role.READER, models=(own,))
    stream = follow(stranger)
    assert "moved" not in stream.message()
    version()
    ask_for_production(served.registry, name)
    served.registry.create_token(f"token-{name}", roles=[Role.READER])
    served.registry.create_model(own)
    said = stream.part()
    assert said is not None
    assert json.loads(said["data"])["moved"] == {own: None}


def test_reads_and_cards_do_not_move_a_page(
    served: Served,
    version: Callable[..., int],
    name: str,
    tmp_path: Path,
    follow: Callable[..., Followed],
) -> None:
    client = at(served, Role.READER)
    number = version()
    registered = served.registry.events(model=name, limit=100)[-1].seq
    served.registry.pull(f"{name}/{number}", tmp_path / "pulled")
    CardFollower(served.registry.database, served.registry.store).follow()

    def later() -> set[str]:
        return {each.type for each in served.registry.events(registered, model=name)}

    # The service draws cards as well.
    while not {"version.downloaded", "version.updated"} <= later():
        pass
    served.registry.create_model(f"{name}-next")
    message = follow(client, f"/live?after={registered}").moved()
    assert message["moved"] == {f"{name}-next": None}


def test_the_number_that_waits_is_counted_again(
    served: Served, version: Callable[..., int], name: str, follow: Callable[..., Followed]
) -> None:
    approver = at(served, Role.APPROVER)
    version()
    stream = follow(approver)
    before = stream.message()["waiting"]
    ask_for_production(served.registry, name)
    said: list[dict[str, Any]] = []
    while not said or "waiting" not in said[-1]:
        said.append(stream.message())
    assert said[-1]["waiting"]["shown"] == str(int(before["shown"] or 0) + 1)
    assert any(each["lists"] for each in said)


def test_a_caller_that_takes_no_stream_gets_the_number(served: Served) -> None:
    client = at(served, Role.READER)
    answer = client.get("/live")
    assert answer.json() == {"waiting": {"shown": "", "says": ""}}
    for method in ("GET", "HEAD"):
        with client.stream(method, "/live", headers=STREAM) as stream:
            assert stream.status_code == 200
            assert stream.headers["content-type"].startswith("text/event-stream")
            assert stream.headers["cache-control"] == "no-store"
            assert stream.headers["x-accel-buffering"] == "no"
            assert "content-encoding" not in stream.headers
            if method == "HEAD":
                assert stream.read() == b""
    assert client.get("/live?after=x").status_code == 422


def test_a_page_that_is_refused_has_no_stream(served: Served, name: str) -> None:
    client = at(served, Role.READER)
    assert "data-live" in body_of(client.get("/", headers=PERSON)).attributes
    for path in (f"/models/{name}", "/approvals/0", "/?q=a%20%3D"):
        answer = client.get(path, headers=PERSON)
        assert answer.status_code >= 400
        assert "data-live" not in body_of(answer).attributes


def test_a_page_says_what_it_shows(served: Served, version: Callable[..., int], name: str) -> None:
    client = at(served, Role.ADMIN)
    version()
    version("other weights")
    ask_for_production(served.registry, name)
    (request,) = served.registry.stage_requests(name)
    for path, watched in {
        "/": [],
        f"/models/{name}": [[name, None]],
        f"/models/{name}/policy": [[name, None]],
        f"/models/{name}/versions/1": [[name, 1]],
        f"/models/{name}/versions/1/promote": [[name, 1]],
        f"/compare?v={name}/1&v={name}/2": [[name, 1], [name, 2]],
        f"/approvals/{request.request_id}": [[name, 1]],
        f"/drift?version={name}/1": [[name, 1]],
        "/audit": [],
    }.items():
        body = body_of(client.get(path, headers=PERSON))
        assert json.loads(body.attributes["data-watches"] or "") == watched, path
        assert body.one("div", id="moved", role="status").text == ""
    lists = body_of(client.get("/approvals", headers=PERSON))
    assert "data-lists" in lists.attributes


def test_a_page_is_not_said_to_have_moved_by_what_it_shows(
    served: Served, version: Callable[..., int], name: str, follow: Callable[..., Followed]
) -> None:
    version()
    served.registry.set_alias(name, "best", 1)
    client = at(served, Role.READER)
    place = place_of(client, f"/models/{name}")
    served.registry.create_model(f"{name}-next")
    assert follow(client, f"/live?after={place}").moved()["moved"] == {f"{name}-next": None}


ENDS: dict[str, Callable[[Served, Browser], object]] = {
    "its token is revoked": lambda served, _: [
        served.registry.revoke_token(each.token_id)
        for each in served.registry.tokens()
        if each.principal == "eve"
    ],
    "an admin ends the sessions": lambda served, _: served.registry.end_sessions("eve"),
    "somebody signs out": lambda _, browser: browser.send(browser.get("/"), "/sign-out"),
    "they are deactivated": lambda served, _: served.registry.set_person_active(
        "eve", active=False
    ),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_stream_ends_with_its_session(
    served: Served, follow: Callable[..., Followed], end: Callable[[Served, Browser], object]
) -> None:
    with Browser(served.url) as browser, httpx2.Client(base_url=served.url) as client:
        issued = served.registry.create_token("eve", roles=[Role.READER])
        browser.sign_in(issued.secret)
        cookie = f"{COOKIE}={browser.cookies[COOKIE]}"
        stream = follow(client, Cookie=cookie)
        stream.message()
        end(served, browser)
        assert stream.is_over()
        again = client.get("/live", headers={**STREAM, "Cookie": cookie})
        assert again.status_code == 401
    served.registry.set_person_active("eve", active=True)


def test_a_stream_ends_when_the_process_drains(
    settings: Settings, follow: Callable[..., Followed]
) -> None:
    app = create_app(settings)
    with (
        running(uvicorn.Config(app, port=0, **PROTOCOL)) as url,
        Registry.connect(settings=settings) as registry,
    ):
        served = Served(url, registry)
        stream = follow(at(served, Role.READER))
        stream.message()
        app.state.drain.begin()
        assert not stream.is_over()
        served.clients[0].close()


def test_a_principal_has_a_bounded_number_of_streams(
    settings: Settings, follow: Callable[..., Followed], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_MOST_STREAMS", 3)
    more = {"serve_streams_per_principal": 2}
    with serving(settings.model_copy(update=more)) as served:
        greedy, honest, late = (at(served, Role.READER) for _ in range(3))
        streams = [follow(greedy), follow(greedy)]
        for stream in streams:
            stream.message()
        refused = greedy.get("/live", headers=STREAM)
        assert refused.status_code in (429, 503)
        assert "streams at once" in refused.json()["detail"]
        assert "retry-after" in refused.headers
        streams.append(follow(honest))
        streams[-1].message()
        full = late.get("/live", headers=STREAM)
        assert full.status_code in (429, 503)
        assert "too many streams" in full.json()["detail"]
        for stream in streams:
            stream.end()


def test_a_stream_is_no_use_of_its_session(served: Served, follow: Callable[..., Followed]) -> None:
    with Browser(served.url) as browser, httpx2.Client(base_url=served.url) as client:
        issued = served.registry.create_token("idle", roles=[Role.READER])
        browser.sign_in(issued.secret)
        edit_rows(
            served.registry.database,
            "UPDATE pedigree.web_session SET used_at = began_at - interval '6 minutes'"
            " WHERE ended_at IS NULL",
        )
        stream = follow(client, Cookie=f"{COOKIE}={browser.cookies[COOKIE]}")
        stream.message()
        (row,) = served.registry.database.fetch_all(
            "SELECT bool_or(used_at >= began_at) AS used FROM pedigree.web_session"
            " WHERE ended_at IS NULL"
        )
        assert row == {"used": False}


def test_the_bar_says_as_many_as_the_list_has(
    served: Served, version: Callable[..., int], name: str
) -> None:
    version()
    ask_for_production(served.registry, name)
    for roles, models in (
        ((Role.APPROVER,), ()),
        ((Role.ADMIN,), (name,)),
        ((Role.APPROVER,), ("other-*",)),
        ((Role.READER,), ()),
        ((Role.CONTRIBUTOR,), ()),
    ):
        client = at(served, *roles, models=models)
        listed = read(client.get("/approvals", headers=PERSON)).all("ul", class_="queue")
        number = len(listed[0].all("li")) if listed else 0
        for path in ("/", "/approvals", "/approvals/0", "/compare", "/drift", "/impact"):
            bar = read(client.get(path, headers=PERSON)).one("span", id="waiting")
            shown, says = bar.all("span")
            assert shown.text == (str(number) if number else "")
            assert ("hidden" in bar.attributes) == (number == 0)
            assert says.text == bar_count(number).says


def test_a_page_that_is_refused_says_how_much_waits(
    served: Served, version: Callable[..., int], name: str
) -> None:
    version()
    ask_for_production(served.registry, name)
    operator = served.registry.acting_as(Actor(name="operator", source="test"))
    issued = operator.create_token(f"judge-{name}", roles=[Role.APPROVER], models=[name])
    with Browser(served.url) as browser:
        browser.sign_in(issued.secret)
        for path in ("/models/none", "/admin"):
            answer = browser.get(path)
            assert answer.status_code in (403, 404), path
            assert bar_count(1).says in read(answer).one("nav").text, path
