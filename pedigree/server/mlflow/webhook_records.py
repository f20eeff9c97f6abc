"""Webhooks in the requests and the answers of MLflow's protocol."""

import dataclasses
import re
from enum import StrEnum
from typing import ClassVar

from pedigree._record import Record
from pedigree.delivery.mlflow_kinds import MlflowKind
from pedigree.delivery.records import Attempt, Webhook
from pedigree.server.mlflow import rules
from pedigree.server.mlflow.fields import MlflowRequest, optional, required

_MOST = 1_000
PAGE = 100
"""How many webhooks a page has, if a request does not say it."""
_NAME = re.compile(r"(?=.{1,63}$)[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_MOST_TEXT = 1_000


class NumberedWord(StrEnum):
    """A word of MLflow's protocol, which a request may also name by its number, from 1 on."""

    @classmethod
    def _missing_(cls, value: object) -> "NumberedWord | None":
        if not isinstance(value, int) or isinstance(value, bool):
            return None
        return next((word for number, word in enumerate(cls, 1) if number == value), None)


class WebhookStatus(NumberedWord):
    """Whether messages are sent."""

    ACTIVE = "ACTIVE"
    DISABLED = "DISABLED"


class MlflowEntity(NumberedWord):
    """What an event is about."""

    REGISTERED_MODEL = "REGISTERED_MODEL"
    MODEL_VERSION = "MODEL_VERSION"
    MODEL_VERSION_TAG = "MODEL_VERSION_TAG"
    MODEL_VERSION_ALIAS = "MODEL_VERSION_ALIAS"
    PROMPT = "PROMPT"
    PROMPT_VERSION = "PROMPT_VERSION"
    PROMPT_TAG = "PROMPT_TAG"
    PROMPT_VERSION_TAG = "PROMPT_VERSION_TAG"
    PROMPT_ALIAS = "PROMPT_ALIAS"
    BUDGET_POLICY = "BUDGET_POLICY"


class MlflowAction(NumberedWord):
    """What happened."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    DELETED = "DELETED"
    SET = "SET"
    EXCEEDED = "EXCEEDED"


@dataclasses.dataclass(frozen=True, kw_only=True)
class MlflowEvent(MlflowRequest):
    """An event that a webhook receives."""

    entity: MlflowEntity | None = optional()
    action: MlflowAction | None = optional()

    @property
    def kind(self) -> MlflowKind:
        """The kind of messages; only of an event without :meth:`fault`."""
        return MlflowKind(f"{self.entity}.{self.action}".lower())

    def fault(self) -> str | None:
        """Return why there is no such event, in MLflow's words; None if there is."""
        entity, action = str(self.entity).lower(), str(self.action).lower()
        known = sorted(kind.action for kind in MlflowKind if kind.entity == entity)
        if action in known:
            return None
        return f"Invalid action '{action}' for entity '{entity}'. Valid actions are: {known}"


def _name(_: str, value: str | None) -> str | None:
    if not value or _NAME.fullmatch(value):
        return None
    return (
        f"Webhook name {value!r} is invalid. It must start and end with a letter or digit, be less"
        " than 63 characters long, and contain only letters, digits, dots (.), underscores (_),"
        " and hyphens (-)."
    )


def _events(_: str, values: tuple[MlflowEvent, ...]) -> str | None:
    return next(filter(None, (each.fault() for each in values)), None)


def _one_event(_: str, value: MlflowEvent | None) -> str | None:
    return value.fault() if value else None


def _text(name: str, value: str | None) -> str | None:
    return rules.too_long(name, _MOST_TEXT) if len(value or "") > _MOST_TEXT else None


def _page_size(_: str, value: int) -> str | None:
    return None if 0 <= value <= _MOST else f"max_results must be between 1 and {_MOST}."


@dataclasses.dataclass(frozen=True, kw_only=True)
class WebhookRequest(MlflowRequest):
    """A request about webhooks."""

    is_about_model: ClassVar[bool] = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class NewWebhookRequest(WebhookRequest):
    """A request that creates a webhook."""

    judged_first = ("events",)

    name: str = required(rule=_name)
    url: str = required()
    events: tuple[MlflowEvent, ...] = required(rule=_events)
    description: str | None = optional(rule=_text)
    secret: str | None = optional(rule=_text)
    status: WebhookStatus | None = optional()

    def refusal(self) -> str | None:
        """Refuse a webhook that receives nothing."""
        if self.events:
            return None
        return "Webhook events must be a non-empty list of WebhookEvent objects: []."


@dataclasses.dataclass(frozen=True, kw_only=True)
class ChangedWebhookRequest(WebhookRequest):
    """A request that changes a webhook; an empty secret removes it, other empty fields nothing."""

    judged_first = ("events",)

    name: str | None = optional(rule=_name)
    description: str | None = optional(rule=_text)
    url: str | None = optional()
    events: tuple[MlflowEvent, ...] = optional((), rule=_events)
    secret: str | None = optional(rule=_text)
    status: WebhookStatus | None = optional()


@dataclasses.dataclass(frozen=True, kw_only=True)
class ListedWebhooksRequest(WebhookRequest):
    """A request for a page of webhooks."""

    max_results: int = optional(PAGE, rule=_page_size)
    page_token: str = optional("")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TriedWebhookRequest(WebhookRequest):
    """A request that tests a webhook."""

    event: MlflowEvent | None = optional(rule=_one_event)


class WebhookEventAnswer(Record):
    """An event that a webhook receives."""

    entity: str
    action: str


class WebhookAnswer(Record):
    """A webhook without its secret."""

    webhook_id: str
    name: str
    description: str | None
    url: str
    events: tuple[WebhookEventAnswer, ...]
    status: WebhookStatus
    creation_timestamp: int
    last_updated_timestamp: int

    @classmethod
    def of(cls, webhook: Webhook) -> "WebhookAnswer":
        """Return a webhook as MLflow shows it."""
        events = (
            WebhookEventAnswer(entity=each.entity.upper(), action=each.action.upper())
            for each in webhook.events
        )
        return cls(
            webhook_id=str(webhook.webhook_id),
            name=webhook.name or "",
            description=webhook.description,
            url=webhook.url,
            events=tuple(events),
            status=WebhookStatus.ACTIVE if webhook.active else WebhookStatus.DISABLED,
            creation_timestamp=int(webhook.created_at.timestamp() * 1000),
            last_updated_timestamp=int(webhook.last_updated_at.timestamp() * 1000),
        )


class OneWebhook(Record):
    """The answer with one webhook."""

    webhook: WebhookAnswer


class ManyWebhooks(Record):
    """A page of webhooks."""

    webhooks: tuple[WebhookAnswer, ...] | None
    next_page_token: str | None


class TestResult(Record):
    """What became of a test message."""

    success: bool
    response_status: int | None
    error_message: str | None


class OneTestResult(Record):
    """The answer to a test; it never has what the receiver answered."""

    result: TestResult

    @classmethod
    def of(cls, attempt: Attempt) -> "OneTestResult":
        """Return the answer of an attempt."""
        error = attempt.error and f"Failed to test webhook: {attempt.error}"
        result = TestResult(
            success=attempt.succeeded, response_status=attempt.status, error_message=error
        )
        return cls(result=result)
