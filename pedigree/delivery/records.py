"""Webhooks, their deliveries, and the attempts of each delivery."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from pedigree._record import Record
from pedigree.access.patterns import is_one_of
from pedigree.audit.event_types import READS, EventType
from pedigree.audit.records import Event
from pedigree.delivery.mlflow_kinds import MlflowKind
from pedigree.delivery.mlflow_messages import may_be


class WebhookForm(StrEnum):
    """The form of the messages of a webhook."""

    PEDIGREE = "pedigree"
    MLFLOW = "mlflow"


class Webhook(Record):
    """A receiver of events by HTTP, without its secret."""

    webhook_id: int
    name: str | None = Field(default=None, description="Its name, if a client of MLflow made it")
    form: WebhookForm = Field(description="The form of its messages: ours, or that of MLflow")
    url: str
    description: str | None = None
    types: tuple[str, ...] = Field(
        description="Event types, or patterns such as version.*, that it receives; empty: all"
    )
    models: tuple[str, ...] = Field(
        description="Names of models, or patterns such as churn*, that it receives; empty: all"
    )
    events: tuple[MlflowKind, ...] = Field(
        description="The events of MLflow that it receives; in our own form it has types instead"
    )
    active: bool = Field(description="While false, nothing is sent, and nothing is lost")
    created_at: datetime
    created_by: str
    last_updated_at: datetime
    old_secret_until: datetime | None = Field(
        default=None, description="How long the previous secret also signs"
    )

    def wants(self, event: Event) -> bool:
        """Return whether it receives an event; those of reads only if a type names them.

        In MLflow's form, an event may still be no message that it receives: what is a prompt, and
        which tags changed, the event alone does not say.
        """
        if self.form is WebhookForm.MLFLOW and not may_be(event.type, self.events):
            return False
        if self.form is WebhookForm.PEDIGREE and not self._has_type(event):
            return False
        return not self.models or (event.model is not None and is_one_of(event.model, self.models))

    def _has_type(self, event: Event) -> bool:
        if not self.types and event.type in READS:
            return False
        return not self.types or is_one_of(event.type, self.types)


class IssuedWebhook(Record):
    """A webhook with its new secret, which is shown only once."""

    webhook: Webhook
    secret: str = Field(repr=False, description="The key with which receivers verify signatures")


class DeliveryState(StrEnum):
    """The state of a delivery."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


class Attempt(Record):
    """One attempt to deliver an event; only the status of the response is stored."""

    at: datetime
    duration_ms: int
    status: int | None = Field(description="The status of the response; None: no response")
    error: str | None = Field(default=None, description="Why there was no response")

    @property
    def succeeded(self) -> bool:
        """Whether the receiver accepted it."""
        return self.status is not None and 200 <= self.status < 300


class Delivery(Record):
    """The delivery of an event to a webhook."""

    webhook_id: int
    seq: int = Field(description="The event's position in the feed")
    event_id: str = Field(description="The header webhook-id, the same at every attempt")
    type: EventType
    model: str | None
    state: DeliveryState
    failures: int = Field(description="How often it failed since its start or restart")
    due_at: datetime | None = Field(
        description="The time of the next attempt of its model's first pending delivery"
    )
    attempts: tuple[Attempt, ...] = Field(description="Every attempt, oldest first")
