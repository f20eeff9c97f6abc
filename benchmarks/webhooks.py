"""Webhooks to a receiver that fails, hangs and closes, while the worker is killed periodically.

The receiver responds to the first attempt of one in five events with 500, or late, or not at all,
and verifies the messages with the library of Standard Webhooks. The worker is killed every two
seconds. Every event must arrive, signed, in the order of its model: when one arrives, all before it
have been answered with 200. A request that breaks off because its sender was killed does not count
as a message.
``--events 2000`` is the default, over 40 models.
"""

import multiprocessing
import os
import sys
import tempfile
import threading
import time
from base64 import b64encode
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path

from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from benchmarks._report import Measured, report
from pedigree import Registry, Settings
from pedigree.delivery.records import DeliveryState
from pedigree.delivery.webhook_worker import WebhookWorker

EVENTS = 2000
MODELS = 40
KILL_EVERY_S = 2.0
_TIMEOUT = timedelta(seconds=1)
# One in this many events meets each of these at its first attempt.
_BAD = 15
_FAIL, _HANG, _CLOSE = range(3)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The result of a run."""

    seconds: float
    events: int
    delivered: int
    requests: int
    unsigned: int
    torn: int
    out_of_order: int
    kills: int
    dead: int


@dataclass
class Receiver:
    """Misbehaves, and checks what it receives."""

    secret: str = ""
    url: str = ""
    expected: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    seen: Counter[int] = field(default_factory=Counter)
    answered: set[int] = field(default_factory=set)
    unsigned: int = 0
    torn: int = 0
    out_of_order: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def take(self, headers: dict[str, str], body: bytes) -> int | None:
        """Return the status to respond with; None to close the connection."""
        try:
            data = Verifier(self.secret).verify(body, headers)["data"]
        except WebhookVerificationError:
            self.unsigned += 1
            return 400
        seq = int(data["seq"])
        with self._guard:
            self.seen[seq] += 1
            before = {earlier for earlier in self.expected[data["model"]] if earlier < seq}
            self.out_of_order += not before <= self.answered
            manner = seq % _BAD if self.seen[seq] == 1 else _BAD
        if manner == _HANG:
            self.over.wait(3 * _TIMEOUT.total_seconds())
        if manner in (_HANG, _CLOSE):
            return None
        if manner == _FAIL:
            return 500
        with self._guard:
            self.answered.add(seq)
        return 200


def main() -> int:
    """Measure and report; return the exit code."""
    for name in [name for name in os.environ if name.startswith("PEDIGREE_")]:
        del os.environ[name]
    words = sys.argv[1:]
    events = int(words[words.index("--events") + 1]) if "--events" in words else EVENTS
    with tempfile.TemporaryDirectory(prefix="pedigree-bench-") as folder:
        done = run(Path(folder), events=events)
    figures = [
        Measured(what="events delivered", value=done.delivered, unit="", target=done.events),
        _none("messages without a valid signature", done.unsigned),
        _none("messages out of order", done.out_of_order),
        _none("dead deliveries", done.dead),
        Measured(
            what="requests that broke off because their sender was killed", value=done.torn, unit=""
        ),
        Measured(what="times the worker was killed", value=done.kills, unit=""),
        Measured(what="messages per event", value=done.requests / done.events, unit=""),
        Measured(what="time from the first to the last", value=done.seconds, unit="s"),
    ]
    return report(figures, words)


def _none(what: str, count: int) -> Measured:
    return Measured(what=what, value=count, unit="", target=0, at_least=False)


def run(
    home: Path,
    *,
    events: int = EVENTS,
    models: int = MODELS,
    kill_every_s: float = KILL_EVERY_S,
    database_url: str | None = None,
    hurries: bool = False,
) -> Outcome:
    """Create events, and deliver them with a worker that is killed repeatedly.

    With ``hurries`` retries do not wait for their pause, which is always the same.
    """
    settings = Settings(
        home=home,
        database_url=database_url,
        secret_key=SecretStr(b64encode(os.urandom(32)).decode()),
        webhook_networks=(ip_network("127.0.0.0/8"),),
        webhook_timeout=_TIMEOUT,
    )
    with Registry.connect(settings=settings) as registry, _receiving() as receiver:
        issued = registry.create_webhook(receiver.url, types=["model.*"])
        receiver.secret = issued.secret
        wanted = _happen(registry, receiver, events, models)
        begun = time.monotonic()
        hurry = partial(_hurry, registry) if hurries else lambda: None
        kills = _kill_until_all_arrived(settings, receiver, wanted, kill_every_s, hurry)
        seconds = time.monotonic() - begun
        webhook_id = issued.webhook.webhook_id
        # The last worker may have been killed between a response and its record; leases expire.
        while registry.deliveries(webhook_id, limit=1, state=DeliveryState.PENDING):
            registry.operations.webhooks.deliver()
        states = Counter(one.state for one in registry.deliveries(webhook_id, limit=events))
    return Outcome(
        seconds=seconds,
        events=len(wanted),
        delivered=min(len(receiver.answered & wanted), states[DeliveryState.DELIVERED]),
        requests=sum(receiver.seen.values()),
        unsigned=receiver.unsigned,
        torn=receiver.torn,
        out_of_order=receiver.out_of_order,
        kills=kills,
        dead=states[DeliveryState.DEAD],
    )


def _happen(registry: Registry, receiver: Receiver, events: int, models: int) -> set[int]:
    """Create events, in turn for each model; return their positions in the feed."""
    names = [f"model-{number}" for number in range(models)]
    for number in range(events):
        name = names[number % models]
        if number < models:
            registry.create_model(name)
        else:
            registry.update_model(name, description=str(number))
    after, wanted = 0, set()
    while page := registry.events(after):
        for event in page:
            if event.model is not None:
                receiver.expected[event.model].append(event.seq)
                wanted.add(event.seq)
        after = page[-1].seq
    return wanted


def _kill_until_all_arrived(
    settings: Settings,
    receiver: Receiver,
    wanted: set[int],
    kill_every_s: float,
    hurry: Callable[[], None],
) -> int:
    # Not forked from this process, which has threads.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pedigree.registry", "pedigree.delivery.egress"])
    kills = 0
    while not wanted <= receiver.answered:
        worker = context.Process(target=_work, args=(settings,), daemon=True)
        worker.start()
        deadline = time.monotonic() + kill_every_s
        while time.monotonic() < deadline and not wanted <= receiver.answered:
            worker.join(0.02)
            hurry()
        worker.kill()
        worker.join()
        kills += 1
    return kills


def _hurry(registry: Registry) -> None:
    """Make all pending retries due, except leased ones."""
    registry.database.transaction(
        lambda transaction: transaction.execute(
            "UPDATE pedigree.webhook_line SET due_at = clock_timestamp()"
            " WHERE lease IS NULL AND due_at > clock_timestamp()"
        )
    )


def _work(settings: Settings) -> None:
    with Registry.connect(settings=settings) as registry:
        WebhookWorker(registry.database, settings).run(stop=threading.Event())


@contextmanager
def _receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) < length:  # its sender was killed during the request
                receiver.torn += 1
                return
            status = receiver.take(dict(self.headers), body)
            if status is not None:
                self.send_response(status)
                self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Ignore errors of senders that were killed."""

    with Server(("127.0.0.1", 0), Handler) as server:
        receiver.url = f"http://127.0.0.1:{server.server_port}/"
        threading.Thread(target=partial(server.serve_forever, 0.01), daemon=True).start()
        yield receiver
        receiver.over.set()
        server.shutdown()


if __name__ == "__main__":
    sys.exit(main())
