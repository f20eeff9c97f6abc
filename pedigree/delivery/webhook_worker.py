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

from pedigree.audit import log
from pedigree.audit.records import Actor
from pedigree.delivery import outbox
from pedigree.delivery.background_thread import is_over
from pedigree.delivery.outbox import Leased
from pedigree.delivery.payloads import message
from pedigree.delivery.signing import SecretBox
from pedigree.delivery.webhook_sender import Sent, send
from pedigree.delivery.webhooks import update_webhook
from pedigree.errors import PedigreeError
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
_ACTOR = Actor(name="pedigree", source="delivery")

_AtWork = dict[Future[None], int]


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
        self._lease = settings.webhook_timeout * _LEASE_PER_TIMEOUT
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
                    _collect(at_work)
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
            at_work[pool.submit(self._deliver, leased)] = leased.webhook_id
            begun += 1
        return begun

    def _queue(self) -> None:
        self._database.transaction(log.sequence)
        while self._database.transaction(outbox.enqueue):
            pass
        self._database.transaction(partial(outbox.forget, kept=self._settings.webhook_log))

    def _next(self, at_work: _AtWork) -> Leased | None:
        counts = Counter(at_work.values())
        busy = [webhook for webhook, count in counts.items() if count >= _AT_ONE_WEBHOOK]
        return self._database.transaction(partial(outbox.lease, length=self._lease, busy=busy))

    def _deliver(self, leased: Leased) -> None:
        event = leased.event
        sent = send(leased.receiver, event.event_id, leased.at, message(event), self._settings)
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
        except PedigreeError as error:
            # The lease expires, and a worker retries.
            _LOG.warning("%s", error, extra={"action": "delivery.unsettled", **log_fields})

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


def _collect(at_work: _AtWork) -> None:
    """Wait a while for one of the deliveries to end, and raise its error, if any."""
    done, _ = wait(at_work, _POLL_S, FIRST_COMPLETED)
    for each in done:
        del at_work[each]
        each.result()
