"""The outbox of webhooks: deliveries are queued, leased, settled and listed."""

import uuid
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from pedigree._record import RecordPage
from pedigree.audit import log
from pedigree.audit.records import Event
from pedigree.delivery.backoff import wait_after
from pedigree.delivery.mlflow_messages import MessagePart, part_from
from pedigree.delivery.records import Attempt, Delivery, DeliveryState, Webhook, WebhookForm
from pedigree.delivery.webhooks import SQL, webhook_of, webhook_row
from pedigree.errors import DeliveryNotFoundError
from pedigree.postgres.pages import fetch_page
from pedigree.postgres.transaction import Row, Transaction

_PAGE = 1000


class LeasedLine(NamedTuple):
    """An ordering key that only this worker has until the lease expires.

    Attributes:
        lease: The lease.
        webhook_id: The webhook.
        model: The name of the model in the log, which stays when the model is renamed; empty for
            events of no single model.
        name: The present name of the model.
    """

    lease: str
    webhook_id: int
    model: str
    name: str


class Leased(NamedTuple):
    """A delivery that only this worker has until the lease expires.

    Attributes:
        lease: The lease.
        webhook_id: The webhook.
        model: The name of the model in the log.
        event: The event.
        failures: How often it failed since its start or restart.
        at: The time of the database.
        receiver: The webhook with its secrets.
        part: The message to send, if the webhook has MLflow's form.
    """

    lease: str
    webhook_id: int
    model: str
    event: Event
    failures: int
    at: datetime
    receiver: Row
    part: MessagePart | None

    @property
    def is_last(self) -> bool:
        """Whether nothing of the event is left once this arrived."""
        return self.part is None or self.part.is_last


def webhooks_behind(transaction: Transaction) -> tuple[int, ...]:
    """Return the webhooks for which the feed is not read to its end."""
    return tuple(row["webhook_id"] for row in transaction.execute(SQL["webhooks_behind"]))


def enqueue(transaction: Transaction, webhook_id: int) -> bool:
    """Queue the next page of the feed for a webhook; return False if there is none.

    No other process queues for the webhook at the same time, and its feed position is part of the
    same transaction; so each event is queued once.
    """
    row = transaction.execute(SQL["lock_webhook_behind"], {"webhook_id": webhook_id}).fetchone()
    if row is None:
        return False
    webhook = webhook_of(row)
    page = log.read(transaction, after=row["seq"], limit=_PAGE)
    wanted = [event for event in page if _is_wanted(transaction, webhook, event)]
    if wanted:
        values = {"webhook_id": webhook.webhook_id, "seqs": [event.seq for event in wanted]}
        queued = transaction.execute(SQL["insert_deliveries"], values).fetchall()
        transaction.execute(
            SQL["wake_lines"], {**values, "models": [row["model"] for row in queued]}
        )
    values = {"webhook_id": webhook.webhook_id, "seq": page[-1].seq}
    transaction.execute(SQL["read_up_to"], values)
    return True


def _is_wanted(transaction: Transaction, webhook: Webhook, event: Event) -> bool:
    if not webhook.wants(event):
        return False
    is_own = webhook.form is WebhookForm.PEDIGREE
    return is_own or part_from(transaction, event, webhook.events, 0) is not None


def lease(
    transaction: Transaction, *, length: timedelta, busy: Collection[int] = ()
) -> LeasedLine | None:
    """Lease the ordering key that is due longest; None if nothing is due.

    Commit before the delivery is read: a delivery that cannot be read then waits for the end of the
    lease, and the others go on.

    Args:
        transaction: The transaction.
        length: How long no other worker gets it; after that, an unsettled one is due again.
        busy: Webhooks to skip.
    """
    token = str(uuid.uuid4())
    values = {"lease": token, "length": length, "busy": list(busy)}
    row = transaction.execute(SQL["lease_line"], values).fetchone()
    return None if row is None else LeasedLine(lease=token, **row)


def first_delivery(transaction: Transaction, line: LeasedLine) -> Leased | None:
    """Return the first delivery of a leased ordering key; None if it has none, and is released.

    It is released too if nothing is left of the event that the webhook wants by now.
    """
    named = {"webhook_id": line.webhook_id, "model": line.model}
    row = transaction.execute(SQL["first_of_line"], named).fetchone()
    if row is None:
        transaction.execute(SQL["release_line"], {**named, "wait": timedelta(0)})
        return None
    event = Event.served(row["canonical"], row["seq"], is_flagged=row["is_flagged"])
    part = None
    if row["form"] == WebhookForm.MLFLOW:
        part = part_from(transaction, event, row["events"], row["part"])
        if part is None:
            _settle(transaction, named, event.seq, DeliveryState.DELIVERED)
            return None
    return Leased(
        lease=line.lease,
        webhook_id=line.webhook_id,
        model=line.model,
        event=event,
        failures=row["failures"],
        at=row["at"],
        receiver=row,
        part=part,
    )


def settle(
    transaction: Transaction, leased: Leased, attempt: Attempt, *, retry_after: float = 0.0
) -> None:
    """Log an attempt, and set the result: delivered, to be continued, retried later, or dead.

    A worker whose lease has expired in the meantime changes nothing else.

    Args:
        transaction: The transaction.
        leased: The delivery.
        attempt: The attempt.
        retry_after: The seconds that the receiver requests to wait.
    """
    line = {"webhook_id": leased.webhook_id, "model": leased.model}
    held = transaction.execute(SQL["lock_line"], line).fetchone()
    if held is None:
        return  # the webhook was deleted in the meantime
    named = {"webhook_id": leased.webhook_id, "seq": leased.event.seq}
    transaction.execute(SQL["log_attempt"], {"lease": leased.lease, **named, **dict(attempt)})
    if str(held["lease"]) != leased.lease:
        return
    part = leased.part.place if leased.part else 0
    if attempt.succeeded:
        state = DeliveryState.DELIVERED if leased.is_last else DeliveryState.PENDING
        _settle(transaction, line, leased.event.seq, state, part=part + 1, failures=leased.failures)
        return
    failures = leased.failures + 1
    wait = wait_after(failures, retry_after)
    state = DeliveryState.DEAD if wait is None else DeliveryState.PENDING
    _settle(transaction, line, leased.event.seq, state, part=part, failures=failures, wait=wait)


def _settle(
    transaction: Transaction,
    line: Mapping[str, object],
    seq: int,
    state: DeliveryState,
    *,
    part: int = 0,
    failures: int = 0,
    wait: timedelta | None = None,
) -> None:
    """Set the state of a delivery, and release its ordering key, which is due after a wait."""
    reached = {"seq": seq, "state": state, "part": part, "failures": failures}
    transaction.execute(SQL["settle_delivery"], {**line, **reached})
    transaction.execute(SQL["release_line"], {**line, "wait": wait or timedelta(0)})


def redeliver(transaction: Transaction, webhook_id: int, seq: int) -> Delivery:
    """Restart a delivery, also one that is delivered or dead.

    Raises:
        WebhookNotFoundError: There is no such webhook.
        DeliveryNotFoundError: The event was never queued for it, or the delivery was removed.
    """
    delivery(transaction, webhook_id, seq)
    values = {"webhook_id": webhook_id, "seq": seq}
    line = transaction.execute(SQL["model_of_delivery"], values).fetchall()[0]
    transaction.execute(SQL["lock_line"], {**values, **line})
    transaction.execute(SQL["ask_again"], values)
    transaction.execute(SQL["wake_lines"], {**values, "models": [line["model"]]})
    transaction.execute(SQL["hurry_line"], {**values, **line})
    return delivery(transaction, webhook_id, seq)


def delivery(transaction: Transaction, webhook_id: int, seq: int) -> Delivery:
    """Return one delivery.

    Raises:
        WebhookNotFoundError: There is no such webhook.
        DeliveryNotFoundError: The event was never queued for it, or the delivery was removed.
    """
    found = deliveries(transaction, webhook_id, limit=1, seq=seq)
    if not found:
        raise DeliveryNotFoundError(
            "the webhook has no delivery of such an event",
            field="seq",
            value=seq,
            remedy=f"`pedigree webhook deliveries {webhook_id}` lists them",
        )
    return found[0]


def deliveries(
    transaction: Transaction,
    webhook_id: int,
    *,
    limit: int,
    before: int | None = None,
    state: DeliveryState | None = None,
    seq: int | None = None,
) -> RecordPage[Delivery]:
    """Return a webhook's deliveries with every attempt, newest event first.

    Raises:
        WebhookNotFoundError: There is no such webhook.
    """
    webhook_row(transaction, webhook_id)
    values = {
        "webhook_id": webhook_id,
        "limit": limit,
        "before": before,
        "state": state,
        "seq": seq,
    }
    found = fetch_page(transaction, SQL["deliveries"], values)
    return RecordPage((Delivery(**row) for row in found.rows), is_cut=found.is_cut)


def forget(transaction: Transaction, kept: timedelta) -> int:
    """Remove some of the deliveries that ended longer ago; return their number."""
    return transaction.execute(SQL["forget_deliveries"], {"kept": kept}).rowcount
