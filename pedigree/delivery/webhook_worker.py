"""Deliver due events: in a thread of `pedigree serve`, or for the duration of a sensor's tick.

Any number of workers may run, in any number of processes: a lease in the database assigns a
delivery to one of them. The leases of a dead worker expire.
"""

import logging
import threading
import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial

from pedigree.access.pseudonyms import Names
from pedigree.audit import log
from pedigree.audit.records import Actor
from pedigree.delivery import outbox
from pedigree.delivery.background_thread import is_over
from pedigree.delivery.outbox import Leased
from pedigree.delivery.payloads import message, mlflow_message
from pedigree.delivery.records import Attempt
from pedigree.delivery.signing import SecretBox
from pedigree.delivery.webhook_sender import Sent, send
from pedigree.delivery.webhooks import update_webhook
from pedigree.failures.member_loop import MemberLoop, describe
from pedigree.failures.records import BackgroundWork
from pedigree.postgres.database import Database
from pedigree.settings import Settings

_LOG = logging.getLogger(__name__)

# The number of parallel deliveries, and at most half of them to one webhook, so that one that hangs
# does not block the others.
_AT_ONCE = 8
_AT_ONE_WEBHOOK = _AT_ONCE // 2
_POLL_S = 0.5
# A lease outlasts its delivery, so two workers never have the same one.
_LEASE_PER_TIMEOUT = 2
# With this status, a receiver unsubscribes permanently.
_GONE = 410
# A webhook is reported after this many failures of one delivery: a receiver may restart. The log of
# the delivery has each attempt.
_REPORTED_FAILURES = 3
_ACTOR = Actor(name="pedigree", source="delivery")

_AtWork = dict[Future[Attempt], Leased]


class WebhookWorker:
    """Delivers due events to webhooks.

    Args:
        database: The registry's database.
        settings: The key, the networks and the timeout of a delivery.

    Raises:
        SecretKeyError: There is no key for the signatures.
    """

    def __init__(self, database: Database, settings: Settings) -> None:
        SecretBox(settings)
        self._database = database
        self._settings = settings
        self._names = Names(database)
        self._lease = settings.webhook_timeout * _LEASE_PER_TIMEOUT
        self._loop = MemberLoop(database, BackgroundWork.WEBHOOKS)
        self._queued_at = -_POLL_S

    def run(self, *, seconds: float | None = None, stop: threading.Event | None = None) -> int:
        """Deliver until nothing is due and the feed is read, or until a limit.

        Args:
            seconds: Start nothing more after this time.
            stop: Wait for more until it is set, instead of ending when nothing is due.

        Returns:
            The number of attempts.
        """
        deadline = None if seconds is None else time.monotonic() + seconds
        at_work: _AtWork = {}
        tries, self._queued_at = 0, -_POLL_S
        with ThreadPoolExecutor(_AT_ONCE, "pedigree-delivery") as pool:
            while not is_over(deadline, stop):
                begun = self._begin(pool, at_work)
                tries += begun
                if at_work:
                    self._collect(at_work)
                elif stop is not None:
                    stop.wait(_POLL_S)
                elif not begun:
                    break
        return tries

    def _begin(self, pool: ThreadPoolExecutor, at_work: _AtWork) -> int:
        """Start as many deliveries as may run in parallel; return their number."""
        if time.monotonic() - self._queued_at >= _POLL_S:
            self._queue()
            self._queued_at = time.monotonic()
        begun = 0
        while len(at_work) < _AT_ONCE and (leased := self._next(at_work)):
            at_work[pool.submit(self._deliver, leased)] = leased
            begun += 1
        return begun

    def _queue(self) -> None:
        self._loop = MemberLoop(self._database, BackgroundWork.WEBHOOKS)
        queues = MemberLoop(self._database, BackgroundWork.WEBHOOK_QUEUES)
        log.sequence(self._database)
        for webhook_id in self._database.read(outbox.webhooks_behind):
            queues.attempt(f"webhook {webhook_id}", partial(self._enqueue, webhook_id))
        self._database.transaction(partial(outbox.forget, kept=self._settings.webhook_log))

    def _enqueue(self, webhook_id: int) -> None:
        while self._database.transaction(partial(outbox.enqueue, webhook_id=webhook_id)):
            pass

    def _next(self, at_work: _AtWork) -> Leased | None:
        """Lease the next delivery; one that cannot be read waits until its lease ends."""
        counts = Counter(each.webhook_id for each in at_work.values())
        busy = [webhook for webhook, count in counts.items() if count >= _AT_ONE_WEBHOOK]
        take = partial(outbox.lease, length=self._lease, busy=busy)
        while line := self._database.transaction(take):
            read = partial(self._database.transaction, partial(outbox.first_delivery, line=line))
            member = f"webhook {line.webhook_id}, events of {line.name or 'no model'}"
            found = self._loop.attempt(member, read, has_changed=True)
            if found.value is not None:
                return found.value
        return None

    def _deliver(self, leased: Leased) -> Attempt:
        event = leased.event
        try:
            message_id, payload = self._message(leased)
            sent = send(leased.receiver, message_id, leased.at, payload, self._settings)
        except Exception as error:  # of this receiver: its URL, or its stored secret
            sent = Sent(Attempt(at=leased.at, duration_ms=0, status=None, error=describe(error)))
        attempt = sent.attempt
        log_fields = {
            "webhook_id": leased.webhook_id,
            "event_id": event.event_id,
            "model": event.model,
        }
        _LOG.info(
            "%s",
            attempt.error or attempt.status,
            extra={"action": "delivery.tried", **log_fields, **attempt.model_dump(exclude={"at"})},
        )
        try:
            self._settle(leased, sent)
        except Exception as error:
            # The lease expires, and a worker retries.
            _LOG.warning("%s", error, extra={"action": "delivery.unsettled", **log_fields})
        return attempt

    def _message(self, leased: Leased) -> tuple[str, bytes]:
        """Return the id and the payload of a message in the form of its webhook."""
        event, part, named = leased.event, leased.part, self._names.shown_json
        if part is None:
            return event.event_id, message(event, named)
        return part.message_id(event.event_id), mlflow_message(event, part, named)

    def _collect(self, at_work: _AtWork) -> None:
        """Wait a while for one of the deliveries to end, and report webhooks that often fail."""
        done, _ = wait(at_work, _POLL_S, FIRST_COMPLETED)
        for each in done:
            leased, attempt = at_work.pop(each), each.result()
            member = f"webhook {leased.webhook_id}"
            if attempt.succeeded:
                self._loop.recover(member)
            elif leased.failures + 1 >= _REPORTED_FAILURES:
                reason = attempt.error or f"its receiver answered {attempt.status}"
                self._loop.fail(member, reason)

    def _settle(self, leased: Leased, sent: Sent) -> None:
        attempt, retry_after = sent
        self._database.transaction(
            partial(outbox.settle, leased=leased, attempt=attempt, retry_after=retry_after)
        )
        if attempt.status == _GONE:
            webhook_id, settings = leased.webhook_id, self._settings
            self._database.transaction(
                lambda transaction: update_webhook(
                    transaction, webhook_id, _ACTOR, settings, active=False
                )
            )
