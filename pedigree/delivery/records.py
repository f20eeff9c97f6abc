"""Webhooks, what became of each event for them, and each try to deliver one."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from pedigree._record import Record
from pedigree.access.principals import is_one_of
from pedigree.audit.records import Event, EventType


class Webhook(Record):
    """Somebody who is told of events by HTTP: all but the secret."""

    webhook_id: int
    url: str
    description: str | None = None
    types: tuple[str, ...] = Field(
        description="Types of events, or patterns such as version.*, that it is for; none: all"
    )
    models: tuple[str, ...] = Field(
        description="Names of models, or patterns such as churn*, that it is for; none: all events"
    )
    active: bool = Field(description="While it is not, nothing is sent, and nothing is lost")
    created_at: datetime
    created_by: str
    old_secret_until: datetime | None = Field(
        default=None, description="So long the secret before the present one signs as well"
    )

    def wants(self, event: Event) -> bool:
        """Say whether it is to be told of an event."""
        if self.types and not is_one_of(event.type, self.types):
            return False
        return not self.models or (event.model is not None and is_one_of(event.model, self.models))


class IssuedWebhook(Record):
    """A webhook with its new secret, which is shown this once."""

    webhook: Webhook
    secret: str = Field(repr=False, description="What receivers verify signatures by")


class DeliveryState(StrEnum):
    """How a delivery stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


class Attempt(Record):
    """One try to deliver an event; of the answer its status alone is kept."""

    at: datetime
    duration_ms: int
    status: int | None = Field(description="What the receiver answered; None: no answer came")
    error: str | None = Field(default=None, description="Why no answer came")

    @property
    def succeeded(self) -> bool:
        """The receiver has it."""
        return self.status is not None and 200 <= self.status < 300


class Delivery(Record):
    """An event for a webhook, and what became of it."""

    webhook_id: int
    seq: int = Field(description="The event's place in the feed")
    event_id: str = Field(description="The header webhook-id, the same at every try")
    type: EventType
    model: str | None
    state: DeliveryState
    failures: int = Field(description="How often it failed since it was asked for")
    due_at: datetime | None = Field(
        description="When the first one of its model that is pending is tried"
    )
    attempts: tuple[Attempt, ...] = Field(description="Every try, the oldest first")
